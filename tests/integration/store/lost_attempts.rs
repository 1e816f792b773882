//! A job whose worker vanishes three times in a row is parked; an attempt that ends in any other way does not count.

use super::Store;
use crate::harness::Engine;
use chrono::TimeDelta;
use domain::job::JobState;
use domain::lane::Freeing;
use domain::lost_attempts::MOST_LOST;
use storage::lanes::dispatch::{Dispatch, dispatch};
use storage::lanes::free::free;
use storage::lanes::lost_attempts::survive_attempt;
use storage::ledger::commit::abandon;
use storage::ledger::jobs::retry;

async fn lost_attempts(store: &Store) -> i64 {
    store.made.number("SELECT CAST(lost_attempts AS BIGINT) FROM jobs WHERE attempt > 0").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_parked_after_three_lost_attempts() {
    check_parking(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_parked_after_three_lost_attempts_on_sqlite() {
    check_parking(Engine::Sqlite).await;
}

async fn check_parking(engine: Engine) {
    let store = Store::fresh(engine).await;
    let id = store.claimed().await.job.id;
    for lost in 1..i64::from(MOST_LOST) {
        store.expire().await;
        let next = store.claim_next("next").await;
        assert_eq!((next.job.id, lost_attempts(&store).await), (id, lost));
    }
    store.expire().await;
    let again = dispatch(store.db(), store.lane()).await.unwrap();
    assert!(matches!(again, Dispatch::At(at) if at <= store.now().await), "the lane goes on at once: {again:?}");
    let ledger = store.ledger("a").await;
    let parked = ledger.jobs.iter().find(|job| job.id == id).unwrap();
    let JobState::Parked { reason } = &parked.state else { panic!("{parked:?}") };
    assert!(reason.contains("the worker process ended 3 times in a row during this request"), "{reason}");
    assert_eq!(store.made.number("SELECT COUNT(*) FROM jobs WHERE until_at IS NOT NULL").await, 0);
    let other = store.job("a", 1).await;
    assert_eq!(store.claim_next("next").await.job.id, other, "the other jobs of the lane go on");
    assert!(retry(store.db(), id).await.unwrap());
    assert_eq!(
        store.made.number("SELECT COUNT(*) FROM jobs WHERE lost_attempts <> 0").await,
        0,
        "an operator's retry is a new start"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_ends_otherwise_is_not_lost() {
    check_other_ends(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_ends_otherwise_is_not_lost_on_sqlite() {
    check_other_ends(Engine::Sqlite).await;
}

async fn check_other_ends(engine: Engine) {
    let store = Store::fresh(engine).await;
    let (db, lane) = (store.db(), store.lane());
    store.claimed().await;
    // An operator frees the slot, or the clock steps: the worker may still run.
    for _ in 0..=MOST_LOST {
        assert_eq!(free(db, lane, Freeing::All).await.unwrap().freed.len(), 1);
        store.expire().await;
        store.claim_next("next").await;
        assert_eq!(lost_attempts(&store).await, 0);
    }
    store.postpone_leases(TimeDelta::days(1)).await;
    assert!(matches!(dispatch(db, lane).await.unwrap(), Dispatch::At(_)));
    store.expire().await;
    // A worker that was paused loses its lease and notes that it runs, before or after the next dispatch.
    for _ in 0..=MOST_LOST {
        let claim = store.claim_next("next").await;
        assert_eq!(lost_attempts(&store).await, 0);
        store.expire().await;
        survive_attempt(db, claim.ticket).await.unwrap();
    }
    let mut claim = store.claim_next("next").await;
    for _ in 0..=MOST_LOST {
        store.expire().await;
        let next = store.claim_next("next").await;
        survive_attempt(db, claim.ticket).await.unwrap();
        assert_eq!(lost_attempts(&store).await, 0);
        claim = next;
    }
    // A worker that brings a verdict has survived.
    for _ in 0..=MOST_LOST {
        store.expire().await;
        let claim = store.claim_next("next").await;
        assert!(lost_attempts(&store).await <= 1);
        abandon(db, lane, &claim).await.unwrap();
        assert_eq!(lost_attempts(&store).await, 0);
        store.expire().await;
        store.claim_next("next").await;
    }
}
