//! Several schedulers on one database create no job twice.

use super::Store;
use crate::harness::Engine;
use convosync::clock::SystemClock;
use domain::ticket::{PushError, Ticket, TicketSink};
use scheduler::Scheduler;
use serde_json::json;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use storage::database::Database;
use tokio::task::JoinSet;

/// A queue that only records its tickets.
#[derive(Default)]
struct CountingQueue(Mutex<Vec<Ticket>>);

#[async_trait::async_trait]
impl TicketSink for CountingQueue {
    async fn push(&self, ticket: Ticket) -> Result<(), PushError> {
        self.0.lock().unwrap().push(ticket);
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_due_slot_gives_one_job_however_many_schedulers_run() {
    check_one_job(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_due_slot_gives_one_job_however_many_schedulers_run_on_sqlite() {
    check_one_job(Engine::Sqlite).await;
}

async fn check_one_job(engine: Engine) {
    // The interval of a day keeps a second slot from coming due. Several accounts make a lucky pass unlikely.
    let names = ["a", "b", "c", "d", "e", "f"];
    let accounts = names.map(|name| (name, json!({"interval": "24h", "refresh": "24h"})));
    let store = Store::with(engine, &accounts).await;
    let (queue, accounts) = (Arc::new(CountingQueue::default()), Arc::new(store.accounts.clone()));
    for name in names {
        // Creates the row of the stream, so that no scheduler waits for another that creates it.
        store.change(name, |_| {}).await;
    }
    for round in 0..2 {
        let mut ticking = JoinSet::new();
        for _ in 0..8 {
            let database = Database::connect(&store.made.url, Arc::new(SystemClock::start())).await.unwrap();
            let (accounts, queue) = (accounts.clone(), queue.clone());
            let scheduler = Scheduler::new(database, accounts, queue, Duration::from_secs(1));
            ticking.spawn(async move {
                scheduler.create_lanes().await.unwrap();
                scheduler.tick().await.unwrap();
            });
        }
        ticking.join_all().await;
        let live = "SELECT account FROM jobs WHERE purpose = 'live' ORDER BY account";
        assert_eq!(store.made.texts(live).await, names, "round {round}: one live job for each account");
        assert_eq!(store.count("jobs").await, 6, "the scheduler plans nothing else before the first answer");
        let mut tickets = queue.0.lock().unwrap().clone();
        tickets.sort_unstable_by_key(|ticket| (ticket.job, ticket.attempt));
        let distinct = tickets.windows(2).all(|pair| pair[0].job != pair[1].job);
        assert!(
            tickets.len() == 6 && distinct && tickets.iter().all(|ticket| ticket.attempt == 1),
            "round {round}: {tickets:?}"
        );
    }
}

/// A queue that refuses its first ticket.
#[derive(Default)]
struct RefusingQueue(Mutex<usize>);

#[async_trait::async_trait]
impl TicketSink for RefusingQueue {
    async fn push(&self, _: Ticket) -> Result<(), PushError> {
        let mut pushed = self.0.lock().unwrap();
        *pushed += 1;
        if *pushed == 1 { Err(PushError::Closed) } else { Ok(()) }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_and_a_lane_that_fail_stop_no_other() {
    let names = ["a", "b", "c"];
    let store = Store::with(Engine::Sqlite, &names.map(|name| (name, json!({})))).await;
    for name in names {
        store.change(name, |_| {}).await;
    }
    // The ledger of `a` cannot be read.
    store.made.run("UPDATE streams SET slot_at = 'no time' WHERE account = 'a'").await;
    let queue = Arc::new(RefusingQueue::default());
    let accounts = Arc::new(store.accounts.clone());
    let scheduler = Scheduler::new(store.db().clone(), accounts, queue.clone(), Duration::from_secs(1));
    scheduler.create_lanes().await.unwrap();
    assert!(scheduler.tick().await.is_err(), "the tick says that a part of it failed");
    let live = "SELECT account FROM jobs WHERE purpose = 'live' ORDER BY account";
    assert_eq!(store.made.texts(live).await, ["b", "c"], "the scheduler plans the streams after the one that fails");
    assert_eq!(*queue.0.lock().unwrap(), 2, "the queue gets the second lane's ticket after it refused the first one's");
}

/// What one statement reads for all accounts may be unreadable because of one of them.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_cannot_be_read_stops_no_other() {
    for damage in [
        "UPDATE streams SET revision = 'no number' WHERE account = 'a'",
        "UPDATE jobs SET due_at = 'no time' WHERE account = 'a'",
    ] {
        let names = ["a", "b", "c"];
        let store = Store::with(Engine::Sqlite, &names.map(|name| (name, json!({})))).await;
        for name in names {
            store.change(name, |_| {}).await;
            store.job(name, 0).await;
        }
        store.made.run(damage).await;
        let queue = Arc::new(CountingQueue::default());
        let accounts = Arc::new(store.accounts.clone());
        let scheduler = Scheduler::new(store.db().clone(), accounts, queue.clone(), Duration::from_secs(1));
        scheduler.create_lanes().await.unwrap();
        assert!(scheduler.tick().await.is_err(), "the tick says that a part of it failed: {damage}");
        let dispatched = "SELECT account FROM jobs WHERE state = 'dispatched' AND account <> 'a' ORDER BY account";
        assert_eq!(store.made.texts(dispatched).await, ["b", "c"], "{damage}");
        assert!(queue.0.lock().unwrap().len() >= 2, "{damage}");
    }
}
