//! An upsert counts each row once and does not rewrite unchanged rows.

use super::{Store, chat};
use crate::harness::Engine;
use chrono::{DateTime, TimeDelta, Utc};
use convosync::clock::SystemClock;
use domain::spans::Spans;
use domain::window::Window;
use entities::rows::RowBatch;
use entities::schema::TableSchema;
use entities::schemas;
use entities::wolkvox_chats::{Entity, Model};
use sea_orm::{ConnectionTrait, EntityTrait, Statement};
use std::sync::Arc;
use std::time::Duration;
use storage::database::Database;
use storage::upsert::{ChangeLog, Effect, KeyCondition, SETTINGS, Upsert, key_condition, lookup_query};
use tokio::task::JoinSet;

async fn upsert(db: &Database, rows: Vec<Model>, held: &Spans, now: DateTime<Utc>) -> Effect {
    let tx = db.begin().await.unwrap();
    let effect = storage::upsert::upsert(&tx, &RowBatch::of::<Entity>(&rows), held, now).await.unwrap();
    tx.commit().await.unwrap();
    effect
}

async fn stored(db: &Database, account: &str, id: &str) -> Model {
    Entity::find_by_id((account.to_owned(), id.to_owned())).one(db.connection()).await.unwrap().unwrap()
}

fn counts(effect: &Effect) -> (u64, u64, u64) {
    (effect.inserted, effect.updated, effect.unchanged)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upsert_counts_rows_and_skips_unchanged_ones() {
    check_counts(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upsert_counts_rows_and_skips_unchanged_ones_on_sqlite() {
    check_counts(Engine::Sqlite).await;
}

async fn check_counts(engine: Engine) {
    let store = Store::fresh(engine).await;
    let (first, none) = (store.now().await, Spans::default());
    let second = first + TimeDelta::minutes(5);
    let start = Some(first - TimeDelta::days(3));
    let rows = vec![chat("a", "1", start, "x"), chat("a", "2", start, "x"), chat("a", "3", None, "x")];
    assert_eq!(counts(&upsert(store.db(), rows.clone(), &none, first).await), (3, 0, 0));
    let kept = stored(store.db(), "a", "1").await;
    assert_eq!(
        kept,
        Model { synced_at: first, ..chat("a", "1", start, "x") },
        "the table stores each column unchanged"
    );
    // A row of another account with the same id is another row.
    let changed = Model { customer_name: "Zoe".to_owned(), ..chat("a", "2", start, "y") };
    let again =
        vec![rows[0].clone(), changed.clone(), rows[2].clone(), chat("a", "4", start, "x"), chat("b", "1", start, "x")];
    assert_eq!(counts(&upsert(store.db(), again, &none, second).await), (2, 1, 2));
    assert_eq!(stored(store.db(), "a", "1").await, kept, "an unchanged row is not rewritten");
    assert_eq!(
        stored(store.db(), "a", "2").await,
        Model { synced_at: second, ..changed },
        "a changed row is rewritten"
    );
    assert_eq!(stored(store.db(), "b", "1").await.synced_at, second);
    assert_eq!(store.count("wolkvox_chats").await, 5);
    assert_eq!(upsert(store.db(), Vec::new(), &none, second).await, Effect::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_later_of_two_rows_with_one_key_is_stored() {
    check_duplicates(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_later_of_two_rows_with_one_key_is_stored_on_sqlite() {
    check_duplicates(Engine::Sqlite).await;
}

async fn check_duplicates(engine: Engine) {
    let store = Store::fresh(engine).await;
    let (now, none) = (store.now().await, Spans::default());
    let rows = vec![chat("a", "1", None, "old"), chat("a", "2", None, "x"), chat("a", "1", None, "new")];
    assert_eq!(counts(&upsert(store.db(), rows.clone(), &none, now).await), (2, 0, 0));
    assert_eq!(stored(store.db(), "a", "1").await.digest, "new");
    assert_eq!(counts(&upsert(store.db(), rows, &none, now).await), (0, 0, 2), "the same rows change nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_counts_as_late_only_inside_held_coverage() {
    check_late_changes(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_counts_as_late_only_inside_held_coverage_on_sqlite() {
    check_late_changes(Engine::Sqlite).await;
}

async fn check_late_changes(engine: Engine) {
    let store = Store::fresh(engine).await;
    let now = store.now().await;
    let from = now - TimeDelta::days(3);
    let at = |hours: i64| Some(from + TimeDelta::hours(hours));
    let held: Spans = [Window::new(from, from + TimeDelta::hours(10)).unwrap()].into_iter().collect();
    let rows = vec![chat("a", "1", at(1), "x"), chat("a", "2", at(2), "x"), chat("a", "before", at(-1), "x")];
    let effect = upsert(store.db(), rows, &Spans::default(), now).await;
    assert_eq!(effect.earliest_change, None, "nothing was held");
    let rows = vec![
        chat("a", "1", at(1), "x"),
        chat("a", "2", at(2), "changed"),
        chat("a", "3", at(3), "new"),
        chat("a", "before", at(-1), "changed"),
        chat("a", "after", at(10), "new"),
        chat("a", "timeless", None, "new"),
    ];
    let effect = upsert(store.db(), rows.clone(), &held, now).await;
    assert_eq!(effect.earliest_change, at(2), "the unchanged row and the rows outside do not count");
    assert_eq!(upsert(store.db(), rows, &held, now).await.earliest_change, None);
    let effect = upsert(store.db(), vec![chat("a", "edge", at(0), "new")], &held, now).await;
    assert_eq!(effect.earliest_change, at(0), "a window holds its first instant");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_versions_of_a_row_in_one_answer_are_no_change() {
    check_two_versions(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_versions_of_a_row_in_one_answer_are_no_change_on_sqlite() {
    check_two_versions(Engine::Sqlite).await;
}

/// An answer that names a row twice, far apart, and differently each time changes nothing when it is read again.
async fn check_two_versions(engine: Engine) {
    let store = Store::fresh(engine).await;
    let now = store.now().await;
    let (from, at) = (now - TimeDelta::days(3), now - TimeDelta::days(2));
    let held: Spans = [Window::new(from, now).unwrap()].into_iter().collect();
    let answer = async |versions: &[&str]| {
        let tx = store.db().begin().await.unwrap();
        let mut upsert = Upsert::new(ChangeLog::new(held.clone()), now);
        for digest in versions {
            upsert.add(&tx, &RowBatch::of::<Entity>(&[chat("a", "1", Some(at), digest)])).await.unwrap();
        }
        let effect = upsert.finish(&tx).await.unwrap().effect;
        tx.commit().await.unwrap();
        effect.earliest_change
    };
    let (a, b, c) = ("0a", "0b", "0c");
    assert_eq!(answer(&[a, b]).await, Some(at), "the row is new");
    assert_eq!(answer(&[a, b]).await, None, "the row is stored as it was before the answer");
    assert_eq!(answer(&[a, c, a, b]).await, None);
    assert_eq!(answer(&[b, c]).await, Some(at), "the answer ends with another version");
    assert_eq!(answer(&[a]).await, Some(at));
    assert_eq!(stored(store.db(), "a", "1").await.digest, a);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_batch_stores_1200_rows() {
    check_many_rows(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_batch_stores_1200_rows_on_sqlite() {
    check_many_rows(Engine::Sqlite).await;
}

async fn check_many_rows(engine: Engine) {
    let store = Store::fresh(engine).await;
    let (now, none) = (store.now().await, Spans::default());
    let mut rows = numbered(0..1_200, "x");
    assert_eq!(counts(&upsert(store.db(), rows.clone(), &none, now).await), (1_200, 0, 0));
    assert_eq!(store.count("wolkvox_chats").await, 1_200);
    for row in rows.iter_mut().step_by(3) {
        "y".clone_into(&mut row.digest);
    }
    assert_eq!(counts(&upsert(store.db(), rows.clone(), &none, now).await), (0, 400, 800));
    assert_eq!(counts(&upsert(store.db(), rows, &none, now).await), (0, 0, 1_200));
    assert_eq!(store.made.number("SELECT COUNT(*) FROM wolkvox_chats WHERE digest = 'y'").await, 400);
}

fn numbered(numbers: std::ops::Range<u32>, digest: &str) -> Vec<Model> {
    numbers.map(|number| chat("a", &format!("{number:05}"), None, digest)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_writers_of_the_same_rows_never_deadlock() {
    check_concurrent_writers(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_writers_of_the_same_rows_never_deadlock_on_sqlite() {
    check_concurrent_writers(Engine::Sqlite).await;
}

async fn check_concurrent_writers(engine: Engine) {
    let store = Store::fresh(engine).await;
    let now = store.now().await;
    for round in 0..20 {
        let mut writing = JoinSet::new();
        for writer in 0..2_u32 {
            let mut rows = numbered(writer * 50..450 + writer * 50, &format!("{round} {writer}"));
            if writer == 1 {
                rows.reverse();
            }
            let other = Database::connect(&store.made.url, Arc::new(SystemClock::start())).await.unwrap();
            writing.spawn(async move { upsert(&other, rows, &Spans::default(), now).await });
        }
        let both = tokio::time::timeout(Duration::from_mins(1), writing.join_all()).await.expect("both to end");
        assert_eq!(both.len(), 2);
    }
    assert_eq!(store.count("wolkvox_chats").await, 500);
}

/// PostgreSQL does not analyse a table in the transaction that fills it, so the planner takes the table for empty, and users
/// may have added indexes. With another index than the key's each lookup would read all rows of the account.
#[tokio::test(flavor = "multi_thread")]
async fn a_lookup_uses_the_key_index_in_a_table_that_was_empty() {
    let store = Store::fresh(Engine::Postgres).await;
    // The table was large before, so that an index that is smaller now seems cheaper.
    let (now, none) = (store.now().await, Spans::default());
    let many = (0..4_000).map(|row| chat("a", &format!("{row:0>200}"), Some(now), "x")).collect();
    upsert(store.db(), many, &none, now).await;
    store.db().connection().execute_unprepared("DELETE FROM wolkvox_chats").await.unwrap();
    for shape in schemas() {
        // After ANALYZE on the empty table and with an index that begins like the key, only the order helps.
        let vacuum = format!("VACUUM ANALYZE {}", shape.table);
        for (before, expected) in
            [("SELECT 1", Some(KeyCondition::Equal)), (vacuum.as_str(), None), (user_index(shape).as_str(), None)]
        {
            store.db().connection().execute_unprepared(before).await.unwrap();
            let (form, plan) = plan(&store, shape).await;
            assert!(expected.is_none_or(|expected| form == expected), "after {before}: {form:?}, {plan}");
            assert!(plan.contains(&format!("Index Scan using {}_pkey", shape.table)), "after {before}: {plan}");
            let condition = plan.lines().find(|line| line.contains("Index Cond")).unwrap();
            for position in &shape.key {
                assert!(condition.contains(shape.columns[*position].name), "after {before}: {plan}");
            }
        }
    }
}

/// An index that begins with the first column of the key.
fn user_index(shape: &TableSchema) -> String {
    format!("CREATE INDEX ON {} (account, synced_at)", shape.table)
}

async fn plan(store: &Store, shape: &TableSchema) -> (KeyCondition, String) {
    let tx = store.db().begin().await.unwrap();
    tx.execute_unprepared(SETTINGS).await.unwrap();
    let form = key_condition(&tx, shape).await.unwrap();
    let mut sql = lookup_query(shape, form);
    for position in (1..=shape.key.len() + 1).rev() {
        sql = sql.replace(&format!("${position}"), "ARRAY['1','2']");
    }
    let explain = Statement::from_string(tx.get_database_backend(), format!("EXPLAIN {sql}"));
    let rows = tx.query_all_raw(explain).await.unwrap();
    tx.rollback().await.unwrap();
    let lines: Vec<String> = rows.iter().map(|row| row.try_get("", "QUERY PLAN").unwrap()).collect();
    (form, lines.join("\n"))
}
