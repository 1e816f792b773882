//! A job that a worker claims while an import is being stored stays claimed.

use super::items::{item, store_event};
use super::{Store, stream};
use crate::harness::Engine;
use chrono::TimeDelta;
use convosync::clock::SystemClock;
use domain::source::{Reject, ResponseSummary};
use entities::{jobs, rejects};
use sea_orm::{ActiveModelTrait, EntityTrait, Set};
use std::sync::Arc;
use storage::database::Database;
use storage::deliveries::{Delivery, DeliveryIngest, DeliveryProof, DeliveryState};
use storage::lanes::claim::claim;
use storage::lanes::dispatch::{Dispatch, dispatch};
use tokio::task::JoinSet;

const WAITING: &str =
    "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_claimed_during_an_import_stays_claimed() {
    check_claim(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_claimed_during_an_import_stays_claimed_on_sqlite() {
    check_claim(Engine::Sqlite).await;
}

/// The import has loaded the ledger and not stored it yet, when another connection claims the job of an item that the file
/// names.
async fn check_claim(engine: Engine) {
    let store = Store::fresh(engine).await;
    let now = store.now().await;
    store_event(&store, "e1", &item(now, "one", Some(1))).await;
    let Dispatch::Ticket(ticket) = dispatch(store.db(), store.lane()).await.unwrap() else { panic!("no ticket") };
    let reject = Reject { reason: "odd".to_owned(), raw: "odd".to_owned(), digest: 7 };
    let summary = ResponseSummary {
        rows: 2,
        items: vec![item(now, "one", Some(2))],
        rejects: vec![reject],
        ..ResponseSummary::default()
    };
    let other = Database::connect(&store.made.url, Arc::new(SystemClock::start())).await.unwrap();
    // On PostgreSQL a reject that another transaction has stored and not committed holds the import up in the middle.
    let blocker = store.db().begin().await.unwrap();
    if engine == Engine::Postgres {
        let id = stream("a");
        let row = rejects::ActiveModel {
            account: Set(id.account),
            stream: Set(id.stream),
            digest: Set(format!("{:032x}", 7)),
            reason: Set("odd".to_owned()),
            raw: Set("odd".to_owned()),
            rejected_at: Set(now),
            ..Default::default()
        };
        row.insert(&blocker).await.unwrap();
    } else {
        blocker.rollback().await.unwrap();
        return check_after_import(&store, &other, ticket, &summary).await;
    }
    let importing = import(&store, &summary);
    let claiming = async {
        wait_for_locks(&store, 1).await;
        let mut claiming = JoinSet::new();
        let (other, lane) = (other.clone(), store.lane().clone());
        claiming.spawn(async move { claim(&other, &lane, ticket, "other").await.unwrap() });
        // The claim is done, or it waits for the import.
        let mut done = None;
        while done.is_none() && store.made.number(WAITING).await < 2 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            done = claiming.try_join_next();
        }
        blocker.rollback().await.unwrap();
        let done = if let Some(done) = done { Some(done) } else { claiming.join_next().await };
        done.unwrap().unwrap().expect("a claim")
    };
    let ((), claimed) = tokio::join!(importing, claiming);
    check_running(&store, claimed.lease.until).await;
}

/// SQLite has one writer, so that the claim waits for the import.
async fn check_after_import(
    store: &Store,
    other: &Database,
    ticket: domain::ticket::Ticket,
    summary: &ResponseSummary,
) {
    let lane = store.lane();
    let (id, named) = (stream("a"), store.account().source.streams().remove(0));
    let ingest = DeliveryIngest::open(store.db(), store.account(), &named, &id).await.unwrap();
    let claiming = claim(other, lane, ticket, "other");
    let delivery = delivery();
    let importing = ingest.finish(&delivery, DeliveryProof::Nothing, summary);
    let (imported, claimed) = tokio::join!(importing, claiming);
    assert_eq!(imported.unwrap().state, DeliveryState::Committed);
    check_running(store, claimed.unwrap().expect("a claim").lease.until).await;
}

async fn check_running(store: &Store, until: chrono::DateTime<chrono::Utc>) {
    let now = store.now().await;
    let jobs = jobs::Entity::find().all(store.db().connection()).await.unwrap();
    let [job] = jobs.as_slice() else { panic!("one job for the item: {jobs:?}") };
    assert_eq!((job.state.as_str(), job.until_at), ("running", Some(until)), "{job:?}");
    let newest = item(now, "one", Some(2)).seen_version.unwrap();
    assert!((job.seen_version_at.unwrap() - newest).abs() < TimeDelta::minutes(1), "the later version counts: {job:?}");
}

async fn import(store: &Store, summary: &ResponseSummary) {
    let (id, named) = (stream("a"), store.account().source.streams().remove(0));
    let ingest = DeliveryIngest::open(store.db(), store.account(), &named, &id).await.unwrap();
    let imported = ingest.finish(&delivery(), DeliveryProof::Nothing, summary).await.unwrap();
    assert_eq!(imported.state, DeliveryState::Committed);
}

fn delivery() -> Delivery {
    Delivery { origin: "file".to_owned(), identity: "f1".to_owned(), kind: "file" }
}

async fn wait_for_locks(store: &Store, count: i64) {
    while store.made.number(WAITING).await < count {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}
