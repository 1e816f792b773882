//! A long answer is stored in slices, each in a short transaction that the fence guards.

use super::{Store, chat, full_answer, no_refusal};
use crate::harness::Engine;
use chrono::TimeDelta;
use entities::rows::RowBatch;
use entities::wolkvox_chats::{Entity, Model};
use std::time::Duration;
use storage::lanes::claim::Claim;
use storage::ledger::CommitError;
use storage::ledger::commit::commit;
use storage::ledger::intake::Intake;
use storage::upsert::{ChangeLog, Upsert};

/// The rows in one slice, with the id prefix `name`.
const ROWS: usize = 500;

/// A batch that is large enough to be stored at once.
fn slice(claim: &Claim, name: &str) -> RowBatch {
    let start = claim.job.slice.window().unwrap().from() + TimeDelta::minutes(1);
    let row = |number: usize| Model {
        customer_name: "x".repeat(10_000),
        ..chat("a", &format!("{name}{number}"), Some(start), "0a")
    };
    RowBatch::of::<Entity>(&(0..ROWS).map(row).collect::<Vec<_>>())
}

#[tokio::test(flavor = "multi_thread")]
async fn other_writers_do_not_wait_for_the_end_of_an_answer() {
    check_other_writers(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_writers_do_not_wait_for_the_end_of_an_answer_on_sqlite() {
    check_other_writers(Engine::Sqlite).await;
}

async fn check_other_writers(engine: Engine) {
    let store = Store::fresh(engine).await;
    let claim = store.claimed().await;
    let mut intake = Intake::new(store.db(), store.lane(), &claim);
    intake.take(slice(&claim, "first")).await.unwrap();
    assert_eq!(store.count("wolkvox_chats").await, 500, "the first slice is committed while the vendor still sends");
    assert_eq!(store.count("coverage").await, 0, "a slice proves no coverage");
    let webhook = async {
        let tx = store.db().begin().await.unwrap();
        let mut upsert = Upsert::new(ChangeLog::default(), store.now().await);
        upsert.add(&tx, &RowBatch::of::<Entity>(&[chat("a", "webhook", None, "0a")])).await.unwrap();
        upsert.finish(&tx).await.unwrap();
        tx.commit().await.unwrap();
    };
    tokio::time::timeout(Duration::from_mins(1), webhook).await.expect("a write to the account's table waits");
    intake.take(slice(&claim, "second")).await.unwrap();
    let effect = commit(intake, full_answer(&store, &claim, 1000), no_refusal).await.unwrap();
    assert_eq!((effect.inserted, effect.updated, effect.unchanged), (1000, 0, 0));
    assert_eq!(store.count("wolkvox_chats").await, 1001);
    assert_eq!(store.count("coverage").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_worker_stores_no_slice() {
    check_stale_slice(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_worker_stores_no_slice_on_sqlite() {
    check_stale_slice(Engine::Sqlite).await;
}

async fn check_stale_slice(engine: Engine) {
    let store = Store::fresh(engine).await;
    let stale = store.claimed().await;
    let mut intake = Intake::new(store.db(), store.lane(), &stale);
    store.expire().await;
    assert!(matches!(intake.take(slice(&stale, "late")).await, Err(CommitError::Fenced)), "the lease has ended");
    store.claim_next("next").await;
    let mut intake = Intake::new(store.db(), store.lane(), &stale);
    assert!(
        matches!(intake.take(slice(&stale, "late")).await, Err(CommitError::Fenced)),
        "another worker holds the lane"
    );
    assert_eq!(store.count("wolkvox_chats").await, 0);
}
