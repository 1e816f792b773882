//! Hints about items without a version.

use super::Store;
use super::items::{answer, item, store_event};
use crate::harness::Engine;
use chrono::{DateTime, Utc};
use domain::item::{Item, ItemStatus};
use domain::job::Job;
use domain::judge::Verdict;
use entities::items;
use sea_orm::EntityTrait;
use storage::deliveries::webhook_intake::WebhookCounts;

const NEW: WebhookCounts = WebhookCounts { new_events: 1, repeated: 0 };
const REPEATED: WebhookCounts = WebhookCounts { new_events: 0, repeated: 1 };

/// The open jobs for items.
async fn open(store: &Store) -> Vec<Job> {
    store.ledger("a").await.jobs
}

/// Commits a list that names `named`.
async fn list(store: &Store, named: &Item) {
    store.job("a", 0).await;
    answer(store, &store.claim_next("list").await, vec![named.clone()], None, Verdict::Commit).await;
}

/// Fetches the item that is due, and finds that it has ended in `version`.
async fn fetch(store: &Store, version: Option<DateTime<Utc>>) {
    let found = ItemStatus { version, ..ItemStatus::default() };
    answer(store, &store.claim_next("item").await, Vec::new(), Some(found), Verdict::Commit).await;
}

async fn ended_item(store: &Store) -> items::Model {
    items::Entity::find().one(store.db().connection()).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_without_a_version_fetches_an_ended_item_once_more() {
    check_missing_version(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_without_a_version_fetches_an_ended_item_once_more_on_sqlite() {
    check_missing_version(Engine::Sqlite).await;
}

async fn check_missing_version(engine: Engine) {
    let store = Store::fresh(engine).await;
    let now = store.now().await;
    let (named, version) = (item(now, "one", None), item(now, "one", Some(5)).seen_version);
    assert_eq!(store_event(&store, "e1", &named).await, NEW);
    fetch(&store, version).await;
    assert_eq!((open(&store).await, ended_item(&store).await.version_at), (Vec::new(), version));
    for id in ["e2", "e3"] {
        assert_eq!(store_event(&store, id, &named).await, NEW);
        let [again] = open(&store).await.try_into().unwrap();
        assert!(again.is_ready(store.now().await) && again.missing_window().is_none(), "{again:?}");
        assert_eq!(store_event(&store, id, &named).await, REPEATED);
        assert_eq!(open(&store).await, [again], "the repeated event changes nothing");
        fetch(&store, version).await;
        assert_eq!(store_event(&store, id, &named).await, REPEATED);
        assert_eq!(open(&store).await, [], "once is enough");
        // A list names all its items each time, so a list without versions says nothing new.
        list(&store, &named).await;
        assert_eq!((open(&store).await, ended_item(&store).await.version_at), (Vec::new(), version));
    }
}
