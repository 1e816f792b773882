//! The views that people query.

use super::{Store, chat};
use crate::stage::Engine;
use chrono::TimeDelta;
use domain::spans::Spans;
use domain::window::Window;
use entities::tables::wolkvox_chats::Entity;
use entities::upsert::{batch, upsert};

#[tokio::test(flavor = "multi_thread")]
async fn final_rows_are_those_of_final_stretches_of_their_own_account() {
    views(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn final_rows_are_those_of_final_stretches_of_their_own_account_on_sqlite() {
    views(Engine::Sqlite).await;
}

async fn views(engine: Engine) {
    let store = Store::fresh(engine).await;
    let now = store.now().await;
    let at = |hours: i64| now - TimeDelta::days(9) + TimeDelta::hours(hours);
    let window = |from, to| Window::new(at(from), at(to)).unwrap();
    store
        .change("a", |ledger| {
            ledger.coverage.settle(window(0, 10));
            ledger.coverage.hold(window(10, 20));
        })
        .await;
    store.change("b", |ledger| ledger.coverage.hold(window(0, 20))).await;
    let mut rows: Vec<_> =
        [("before", -1), ("first", 0), ("inside", 9), ("edge", 10), ("provisional", 11), ("after", 21)]
            .map(|(id, hours)| chat("a", id, Some(at(hours)), "x"))
            .into();
    rows.push(chat("a", "timeless", None, "x"));
    rows.push(chat("b", "inside", Some(at(9)), "x"));
    "no".clone_into(&mut rows[2].go_to_agent);
    rows[2].end_at = Some(at(10));
    let tx = store.db().begin().await.unwrap();
    upsert(&tx, &batch::<Entity>(&rows), &Spans::default(), now).await.unwrap();
    tx.commit().await.unwrap();

    let found = store.made.texts("SELECT account || ' ' || conn_id FROM wolkvox_chats_final ORDER BY conn_id").await;
    assert_eq!(found, ["a first", "a inside"]);
    assert_eq!(store.made.texts("SELECT digest FROM wolkvox_chats_final WHERE conn_id = 'first'").await, ["x"]);
    assert_eq!(store.count("conversations").await, 8, "the other view shows every row");
    let told = "SELECT source || '|' || account || '|' || conversation_id || '|' || channel || '|' || customer_phone || '|' || \
                CAST(messages AS TEXT) || '|' || CASE WHEN reached_agent THEN 'agent' ELSE 'bot' END FROM conversations \
                WHERE account = 'a' AND conversation_id IN ('first', 'inside') ORDER BY conversation_id";
    let told = store.made.texts(told).await;
    assert_eq!(told, ["wolkvox|a|first|whatsapp|573000000000|7|agent", "wolkvox|a|inside|whatsapp|573000000000|7|bot"]);
    let lasted = "SELECT conversation_id FROM conversations WHERE ended_at > started_at AND synced_at >= ended_at AND \
                  customer_name IS NOT NULL AND agent_name = ''";
    assert_eq!(store.made.texts(lasted).await, ["inside"]);
}
