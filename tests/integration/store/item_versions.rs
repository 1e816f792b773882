//! Hints about items without a version, and with one that lies in the far future.

use super::Store;
use super::items::{answer, item, store_event};
use crate::harness::Engine;
use chrono::{DateTime, TimeDelta, Utc};
use domain::item::{Item, ItemStatus};
use domain::job::Job;
use domain::judge::Verdict;
use entities::{deliveries, items};
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

#[tokio::test(flavor = "multi_thread")]
async fn a_version_in_the_far_future_does_not_hide_later_changes() {
    check_far_version(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_in_the_far_future_does_not_hide_later_changes_on_sqlite() {
    check_far_version(Engine::Sqlite).await;
}

async fn check_far_version(engine: Engine) {
    let store = Store::fresh(engine).await;
    // The hour does not end during the test: it ends with a live slot, and the store has waited for a near one.
    let now = store.now().await;
    let far: DateTime<Utc> = "9999-12-31T23:59:59Z".parse().unwrap();
    let named = Item { seen_version: Some(far), ..item(now, "one", None) };
    let believed =
        |version: Option<DateTime<Utc>>| version.is_some_and(|at| at > now && at <= now + TimeDelta::hours(1));
    assert_eq!(store_event(&store, "e1", &named).await, NEW);
    let [job] = open(&store).await.try_into().unwrap();
    assert!(believed(job.seen_version), "{job:?}");
    let stored = deliveries::Entity::find().one(store.db().connection()).await.unwrap().unwrap();
    assert!(believed(stored.version_at), "{stored:?}");

    // The item is open, and a list that names the same version again does not hurry it.
    let later = now + TimeDelta::minutes(30);
    let is_open = ItemStatus { version: Some(far), open_until: Some(now + TimeDelta::days(1)), recheck_at: None };
    answer(&store, &store.claim_next("item").await, Vec::new(), Some(is_open), Verdict::Recheck(later)).await;
    list(&store, &named).await;
    let [job] = open(&store).await.try_into().unwrap();
    assert!((job.due - later).num_seconds().abs() < 1, "{job:?}");
    store.change("a", |ledger| ledger.jobs[0].due = now - TimeDelta::seconds(1)).await;
    fetch(&store, Some(far)).await;
    assert_eq!(open(&store).await, []);
    assert!(believed(ended_item(&store).await.version_at), "{:?}", ended_item(&store).await);

    // The list names the same version each time it is read. A webhook is news, whatever its version.
    list(&store, &named).await;
    assert_eq!(open(&store).await, []);
    assert_eq!(store_event(&store, "e2", &named).await, NEW);
    assert_eq!(open(&store).await.len(), 1);
    fetch(&store, Some(far)).await;
    // After the hour, the item changes.
    store.made.run("UPDATE items SET version_at = '2000-01-01 00:00:00+00:00'").await;
    list(&store, &Item { seen_version: Some(now), ..named }).await;
    assert_eq!(open(&store).await.len(), 1);
}
