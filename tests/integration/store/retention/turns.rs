//! One scheduler at a time deletes the old rows of a table.

use super::{Store, add_request, old_retention};
use crate::harness::Engine;
use chrono::TimeDelta;
use convosync::clock::SystemClock;
use domain::retention::{HistoryTable, Retention, RetentionPeriod};
use entities::prunings;
use sea_orm::EntityTrait;
use sea_orm::sea_query::Expr;
use std::sync::Arc;
use storage::database::Database;
use storage::retention::{BATCH, Pruning, due_tables};
use tokio::task::JoinSet;

const TABLE: HistoryTable = HistoryTable::Requests;

#[tokio::test(flavor = "multi_thread")]
async fn one_scheduler_at_a_time_has_the_turn_at_a_table() {
    check_turns(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_scheduler_at_a_time_has_the_turn_at_a_table_on_sqlite() {
    check_turns(Engine::Sqlite).await;
}

async fn begin(store: &Store, retention: &Retention, holder: &str) -> Option<Pruning> {
    Pruning::begin(store.db(), TABLE, retention, holder).await.unwrap()
}

/// Moves the end of each turn, and the start of the next one.
async fn set_due(store: &Store, ahead: TimeDelta) {
    let due = store.now().await + ahead;
    let all = prunings::Entity::update_many().col_expr(prunings::Column::DueAt, Expr::value(due));
    all.exec(store.db().connection()).await.unwrap();
}

async fn check_turns(engine: Engine) {
    let store = Store::fresh(engine).await;
    let now = store.now().await;
    let keep_all = Retention { requests: RetentionPeriod::Forever, ..old_retention() };
    assert!(begin(&store, &keep_all, "first").await.is_none(), "rows that are kept for ever need no turn");
    let mut beginning = JoinSet::new();
    for number in 0..8 {
        let database = Database::connect(&store.made.url, Arc::new(SystemClock::start())).await.unwrap();
        beginning.spawn(async move {
            Pruning::begin(&database, TABLE, &old_retention(), &format!("host-{number}")).await.unwrap()
        });
    }
    let mut turns: Vec<Pruning> = beginning.join_all().await.into_iter().flatten().collect();
    assert_eq!(turns.len(), 1, "{turns:?}");
    assert!(!due_tables(store.db()).await.unwrap().contains(&TABLE));

    // The process that has the turn stops without a word: another one takes over, and the first deletes nothing any more.
    let mut lost = turns.remove(0);
    add_request(&store, "old", now - TimeDelta::days(100), None).await;
    set_due(&store, -TimeDelta::seconds(1)).await;
    assert!(due_tables(store.db()).await.unwrap().contains(&TABLE));
    let mut turn = begin(&store, &old_retention(), "second").await.expect("a turn that was lost");
    let late = lost.delete_batch(store.db()).await.unwrap();
    assert!(late.deleted == 0 && late.is_last && store.count("requests").await == 1, "{late:?}");
    lost.end(store.db()).await.unwrap();
    assert!(begin(&store, &old_retention(), "third").await.is_none(), "the first process no longer ends the turn");
    assert_eq!(turn.delete_batch(store.db()).await.unwrap().deleted, 1);
    turn.end(store.db()).await.unwrap();
    assert!(begin(&store, &old_retention(), "third").await.is_none(), "the next turn is later");

    // A clock that was ahead does not keep rows for ever.
    set_due(&store, TimeDelta::days(10)).await;
    assert!(begin(&store, &old_retention(), "third").await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_deleted_in_batches_and_those_that_stay_hold_up_no_others() {
    check_batches(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_deleted_in_batches_and_those_that_stay_hold_up_no_others_on_sqlite() {
    check_batches(Engine::Sqlite).await;
}

async fn check_batches(engine: Engine) {
    let store = Store::fresh(engine).await;
    let now = store.now().await;
    // Of the oldest rows, a whole batch is evidence of a time that is not final. Many rows have one instant.
    let old = now - TimeDelta::days(100);
    let missing = super::days_ago(now, 200, 1);
    for _ in 0..BATCH {
        add_request(&store, "needed", old, Some(missing)).await;
    }
    for _ in 0..BATCH {
        add_request(&store, "old", old, None).await;
    }
    add_request(&store, "old", old + TimeDelta::seconds(1), None).await;
    let mut turn = begin(&store, &old_retention(), "host").await.unwrap();
    let mut batches = Vec::new();
    loop {
        let batch = turn.delete_batch(store.db()).await.unwrap();
        batches.push(batch.deleted);
        if batch.is_last {
            break;
        }
    }
    assert_eq!(batches, [0, BATCH as u64, 1]);
    assert_eq!(store.made.texts("SELECT DISTINCT error FROM requests").await, ["needed"]);
}
