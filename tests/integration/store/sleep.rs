//! Between two due instants the scheduler sleeps, and what changes a ledger wakes it.

use super::{Store, old_hour, stream};
use crate::harness::Engine;
use chrono::TimeDelta;
use domain::backfill::Mode;
use domain::job::JobState;
use domain::ticket::{PushError, Ticket, TicketSink};
use scheduler::Scheduler;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use storage::lanes::dispatch::next_work;
use storage::ledger::backfills;

/// A queue whose tickets no worker takes.
struct LostQueue;

#[async_trait::async_trait]
impl TicketSink for LostQueue {
    async fn push(&self, _: Ticket) -> Result<(), PushError> {
        Ok(())
    }
}

/// The longest sleep.
const LONGEST: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn the_scheduler_sleeps_until_the_next_due_instant() {
    check_sleep(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scheduler_sleeps_until_the_next_due_instant_on_sqlite() {
    check_sleep(Engine::Sqlite).await;
}

async fn check_sleep(engine: Engine) {
    let store = Store::with(engine, &[("a", json!({"interval": "24h", "refresh": "24h"}))]).await;
    let accounts = Arc::new(store.accounts.clone());
    let scheduler = Scheduler::new(store.db().clone(), accounts, Arc::new(LostQueue), Duration::from_millis(1));
    scheduler.create_lanes().await.unwrap();
    // The live job is dispatched and stays so: its ticket is lost.
    scheduler.tick().await.unwrap();
    for state in ["dispatched", "running", "awaiting", "waiting"] {
        // No lease lasts longer than the second.
        for seconds in [2, 100] {
            let end = store.now().await + TimeDelta::seconds(seconds);
            store
                .change("a", |ledger| {
                    ledger.jobs[0].due = end;
                    ledger.jobs[0].state = match state {
                        "dispatched" => JobState::Dispatched { until: end },
                        "running" => JobState::Running { until: end },
                        "awaiting" => JobState::Awaiting { until: end },
                        _ => JobState::Waiting,
                    };
                })
                .await;
            let next = next_work(store.db(), &store.accounts, store.now().await).await.unwrap();
            assert_eq!(next.get("a"), Some(&end), "{state}");
            let sleep = scheduler.tick().await.unwrap();
            assert!(sleep <= LONGEST.min(Duration::from_secs(seconds.try_into().unwrap())), "{state}: {sleep:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_a_ledger_wakes_the_scheduler() {
    check_wake(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_a_ledger_wakes_the_scheduler_on_sqlite() {
    check_wake(Engine::Sqlite).await;
}

async fn check_wake(engine: Engine) {
    let store = Store::fresh(engine).await;
    let now = store.now().await;
    store.change("a", |_| {}).await;
    assert!(is_woken(&store).await, "a commit that changes a ledger");
    backfills::start(store.db(), "a", &["chat_8".to_owned()], old_hour(now, 1), Mode::All).await.unwrap();
    assert!(is_woken(&store).await, "an operator's order");
    // Nothing else wakes it: neither a read nor a change that is rolled back.
    drop(store.snapshot().await);
    let tx = store.db().begin().await.unwrap();
    storage::ledger::lock(&tx, &stream("a")).await.unwrap();
    tx.rollback().await.unwrap();
    store.db().begin().await.unwrap().commit().await.unwrap();
    assert!(!is_woken(&store).await, "nothing has changed");
}

/// Whether a commit has changed a ledger since the last call.
async fn is_woken(store: &Store) -> bool {
    tokio::select! {
        biased;
        () = store.db().ledger_changed() => true,
        () = std::future::ready(()) => false,
    }
}
