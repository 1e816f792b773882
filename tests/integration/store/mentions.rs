//! Webhooks and lists that name an item while it is fetched, or at the same time.

use super::items::{answer, event, item, store_event};
use super::{Store, stream};
use crate::harness::Engine;
use domain::item::{Item, ItemStatus};
use domain::job::JobState;
use domain::judge::Verdict;
use entities::items;
use sea_orm::EntityTrait;
use storage::deliveries::webhook_intake::accept;
use tokio::task::JoinSet;

/// The fetch in flight may have read the state before the webhook.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_during_a_fetch_causes_a_second_fetch() {
    check_webhook_during_fetch(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_during_a_fetch_causes_a_second_fetch_on_sqlite() {
    check_webhook_during_fetch(Engine::Sqlite).await;
}

async fn check_webhook_during_fetch(engine: Engine) {
    let store = Store::fresh(engine).await;
    let now = store.now().await;
    let found = ItemStatus { version: item(now, "one", Some(1)).seen_version, ..ItemStatus::default() };
    store_event(&store, "e1", &item(now, "one", Some(1))).await;
    let claimed = store.claim_next("first").await;
    store_event(&store, "e2", &item(now, "one", Some(2))).await;
    assert_eq!(store.ledger("a").await.jobs.len(), 1, "an item has one job");
    answer(&store, &claimed, Vec::new(), Some(found), Verdict::Commit).await;
    let [left] = store.ledger("a").await.jobs.try_into().unwrap();
    assert_eq!((&left.state, left.seen_version), (&JobState::Waiting, item(now, "one", Some(2)).seen_version));
    let [ended] = items::Entity::find().all(store.db().connection()).await.unwrap().try_into().unwrap();
    assert_eq!(ended.version_at, found.version, "the first fetch read the first version");
    answer(&store, &store.claim_next("second").await, Vec::new(), Some(found), Verdict::Commit).await;
    assert_eq!(store.ledger("a").await.jobs, [], "nothing named the item during its second fetch");
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_webhooks_and_lists_create_one_job_per_item() {
    check_concurrent_mentions(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_webhooks_and_lists_create_one_job_per_item_on_sqlite() {
    check_concurrent_mentions(Engine::Sqlite).await;
}

/// For each of ten items eight webhooks arrive while a list names all of them.
async fn check_concurrent_mentions(engine: Engine) {
    let store = Store::fresh(engine).await;
    let now = store.now().await;
    store.job("a", 0).await;
    let claimed = store.claim_next("list").await;
    let named: Vec<Item> = (0..10).map(|key| item(now, &format!("item {key}"), Some(key))).collect();
    let mut events = JoinSet::new();
    for number in 0..80 {
        let (db, item) = (store.db().clone(), named[number / 8].clone());
        events.spawn(async move { accept(&db, &stream("a"), &[event(&format!("e{number}"), &item)]).await });
    }
    answer(&store, &claimed, named, None, Verdict::Commit).await;
    let counts: Vec<_> = events.join_all().await.into_iter().map(|counts| counts.unwrap().new_events).collect();
    assert_eq!(counts, [1; 80]);
    assert_eq!(store.count("jobs").await, 10);
    assert_eq!(store.count("jobs WHERE from_at IS NULL OR missing_from_at IS NULL").await, 0);
}
