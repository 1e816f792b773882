//! The worker fetches each item of a list or webhook until the item ends, and not again after that.

use super::{Store, full_answer, no_refusal, old_hour, stream};
use crate::harness::Engine;
use chrono::{DateTime, TimeDelta, Utc};
use domain::backfill::Mode;
use domain::item::{Item, ItemStatus};
use domain::job::{Job, JobState, Purpose};
use domain::judge::{Judgement, Verdict};
use domain::slice::Slice;
use domain::source::ResponseSummary;
use domain::webhook::WebhookEvent;
use domain::window::Window;
use entities::rows::RowBatch;
use entities::{items, jobs};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use std::time::Duration;
use storage::deliveries::webhook_intake::{WebhookCounts, accept};
use storage::lanes::claim::Claim;
use storage::ledger::backfills::{self, BackfillCommand};
use storage::ledger::commit::{ExchangeRecord, commit};
use storage::ledger::intake::Intake;
use storage::ledger::progress::{NamedItems, estimate, progress};
use storage::reports::webhook_stats::{Webhooks, webhooks};

/// An item that began an hour ago. Its version is `minute` minutes later.
pub(super) fn item(store_now: DateTime<Utc>, key: &str, minute: Option<i64>) -> Item {
    let at = store_now - TimeDelta::hours(1);
    let seen = minute.map(|minute| at + TimeDelta::minutes(minute));
    let of = Window::new(at, at + TimeDelta::seconds(1));
    Item { slice: Slice::Item(key.to_owned()), scope: of, seen_version: seen, has_ended: false }
}

pub(super) fn event(id: &str, item: &Item) -> WebhookEvent<RowBatch> {
    WebhookEvent { id: id.to_owned(), kind: "updated".to_owned(), rows: Vec::new(), items: vec![item.clone()] }
}

/// Commits an answer to `claimed` that lists `items` and reports `item_status`.
pub(super) async fn answer(
    store: &Store,
    claimed: &Claim,
    items: Vec<Item>,
    item_status: Option<ItemStatus>,
    verdict: Verdict,
) {
    let exchange = ExchangeRecord {
        result: Ok(ResponseSummary { items, item_status, ..ResponseSummary::default() }),
        judgement: Judgement { verdict, closure: None },
        ..full_answer(store, claimed, 0)
    };
    commit(Intake::new(store.db(), store.lane(), claimed), exchange, no_refusal).await.unwrap();
    store.expire().await;
}

pub(super) async fn store_event(store: &Store, id: &str, item: &Item) -> WebhookCounts {
    accept(store.db(), &stream("a"), &[event(id, item)]).await.unwrap()
}

const FRESH: WebhookCounts = WebhookCounts { new_events: 1, repeated: 0 };

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_event_counts_once_and_creates_one_job() {
    check_event(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_event_counts_once_and_creates_one_job_on_sqlite() {
    check_event(Engine::Sqlite).await;
}

async fn check_event(engine: Engine) {
    let store = Store::fresh(engine).await;
    let now = store.now().await;
    let (one, two) = (item(now, "one", Some(1)), item(now, "two", None));
    let both = [event("e1", &one), event("e2", &two)];
    let accepted = accept(store.db(), &stream("a"), &both).await.unwrap();
    assert_eq!((accepted.new_events, accepted.repeated), (2, 0));
    let wanted = store.ledger("a").await.jobs;
    let created: Vec<_> = wanted.iter().map(|job| (job.purpose, &job.slice, job.scope, job.seen_version)).collect();
    let expected = [&one, &two].map(|item| (Purpose::Item, &item.slice, item.scope, item.seen_version));
    assert_eq!(created, expected);
    assert!(wanted.iter().all(|job| job.is_ready(store_later(now))));
    // The same events again, with a new event for the first item.
    let third = event("e3", &one);
    let accepted = accept(store.db(), &stream("a"), &[both[0].clone(), third, both[1].clone()]).await.unwrap();
    assert_eq!((accepted.new_events, accepted.repeated, store.count("deliveries").await), (1, 2, 3));
    assert_eq!(store.ledger("a").await.jobs.len(), 2, "each item has one job");
}

fn store_later(now: DateTime<Utc>) -> DateTime<Utc> {
    now + TimeDelta::minutes(1)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_item_is_fetched_again_only_for_a_later_version() {
    check_ended_item(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_item_is_fetched_again_only_for_a_later_version_on_sqlite() {
    check_ended_item(Engine::Sqlite).await;
}

async fn check_ended_item(engine: Engine) {
    let store = Store::fresh(engine).await;
    let now = store.now().await;
    let named = |minute| item(now, "one", minute);
    // Includes the final checks, which a loaded ledger leaves out.
    let keys = async || {
        let named = jobs::Entity::find().filter(jobs::Column::SliceKey.is_not_null());
        named.all(store.db().connection()).await.unwrap()
    };
    store_event(&store, "e1", &named(Some(1))).await;
    let claimed = store.claim_next("first").await;
    let found = ItemStatus { version: named(Some(5)).seen_version, ..ItemStatus::default() };
    // The item has not ended: its job stays, and the table `items` has no row.
    answer(&store, &claimed, Vec::new(), Some(found), Verdict::Recheck(now - TimeDelta::seconds(1))).await;
    assert_eq!((keys().await.len(), store.count("items").await), (1, 0));
    let claimed = store.claim_next("first").await;
    let again = ItemStatus { recheck_at: Some(now + TimeDelta::days(7)), ..found };
    answer(&store, &claimed, Vec::new(), Some(again), Verdict::Commit).await;
    let [look] = keys().await.try_into().unwrap();
    assert_eq!((look.from_at, store.count("items").await), (None, 1));
    assert!((look.due_at - now - TimeDelta::days(7)).num_seconds().abs() < 1, "{look:?}");
    let ledger = store.ledger_with_sums("a").await;
    assert_eq!(
        (ledger.jobs, ledger.items.buckets),
        (Vec::new(), Vec::new()),
        "no plan and no day depends on the check"
    );
    // A webhook or a list with a known version changes nothing.
    for (id, minute) in [("e3", Some(4)), ("e4", Some(5))] {
        assert_eq!(store_event(&store, id, &named(minute)).await, FRESH);
        assert_eq!(keys().await, std::slice::from_ref(&look), "{id}");
        store.job("a", 0).await;
        answer(&store, &store.claim_next("list").await, vec![named(minute)], None, Verdict::Commit).await;
        assert_eq!(keys().await, std::slice::from_ref(&look), "a list with {minute:?}");
    }
    // A later version makes the check due.
    store_event(&store, "e5", &named(Some(6))).await;
    let [due] = keys().await.try_into().unwrap();
    assert!(due.due_at <= store_later(now) && due.from_at == named(None).scope.map(|of| of.from()), "{due:?}");
    answer(&store, &store.claim_next("again").await, Vec::new(), Some(found), Verdict::Commit).await;
    assert_eq!(keys().await, []);
    let last = Job::new(Purpose::Item, Slice::Item("one".to_owned()), now + TimeDelta::days(7), Duration::ZERO);
    store.change("a", |ledger| ledger.jobs.push(last)).await;
    // A list names the item before the check is due: the item has one job, for its stretch.
    store.job("a", 0).await;
    answer(&store, &store.claim_next("list").await, vec![named(Some(7))], None, Verdict::Commit).await;
    assert_eq!(keys().await.len(), 1);
    answer(&store, &store.claim_next("look").await, Vec::new(), Some(found), Verdict::Commit).await;
    let began = items::Entity::find().one(store.db().connection()).await.unwrap().unwrap();
    assert_eq!(
        (began.began_at, began.version_at),
        (named(None).scope.map(|of| of.from()), named(Some(7)).seen_version)
    );
    let last = Job::new(Purpose::Item, Slice::Item("one".to_owned()), now, Duration::ZERO);
    store.change("a", |ledger| ledger.jobs.push(last)).await;
    answer(&store, &store.claim_next("look").await, Vec::new(), Some(found), Verdict::Commit).await;
    let again = items::Entity::find().one(store.db().connection()).await.unwrap().unwrap();
    assert_eq!(again.began_at, began.began_at, "a check keeps the start of the item");
    store_event(&store, "e6", &named(Some(8))).await;
    let [open] = store.ledger("a").await.jobs.try_into().unwrap();
    assert!(open.missing_window().is_none(), "the day of the item is held already: {open:?}");
    answer(&store, &store.claim_next("again").await, Vec::new(), Some(found), Verdict::Commit).await;
    check_fetch_in_mode_all(&store, now, found).await;
}

/// A backfill in the mode `all` fetches the ended item again.
async fn check_fetch_in_mode_all(store: &Store, now: DateTime<Utc>, found: ItemStatus) {
    let named = |minute| item(now, "one", minute);
    let keys = async || store.ledger("a").await.jobs.len();
    for (mode, count) in [(Mode::Missing, 0), (Mode::All, 1)] {
        let span = Window::new(now - TimeDelta::days(9), now).unwrap();
        let id = backfills::start(store.db(), "a", &["chat_8".to_owned()], span, mode).await.unwrap();
        let job = Job::new(Purpose::Backfill(id), Slice::Window(old_hour(now, 1)), now, Duration::ZERO);
        store.change("a", |ledger| ledger.jobs.push(job)).await;
        answer(store, &store.claim_next("list").await, vec![named(Some(5))], None, Verdict::Commit).await;
        assert_eq!(keys().await, count, "{mode:?}");
    }
    let [again] = store.ledger("a").await.jobs.try_into().unwrap();
    assert!(
        again.missing_window().is_none() && again.unread_window().is_some(),
        "the job keeps the coverage of its day: {again:?}"
    );
    // One fetch is enough, however many lists name the item. A partition of a list names it, too.
    answer(store, &store.claim_next("again").await, Vec::new(), Some(found), Verdict::Commit).await;
    let part = Slice::Partition("1".to_owned(), old_hour(now, 1));
    for count in [0, 1] {
        let job = Job::new(Purpose::Item, part.clone(), now, Duration::ZERO);
        store.change("a", |ledger| ledger.jobs.push(job)).await;
        answer(store, &store.claim_next("part").await, vec![named(Some(5))], None, Verdict::Commit).await;
        assert_eq!(keys().await, count);
        let span = Window::new(now - TimeDelta::days(9), now).unwrap();
        backfills::start(store.db(), "a", &["chat_8".to_owned()], span, Mode::All).await.unwrap();
    }
}

/// A webhook does not restart a parked job, and it does not skip the wait after a failure.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_leaves_parked_and_failed_jobs_unchanged() {
    let store = Store::fresh(Engine::Sqlite).await;
    let now = store.now().await;
    let later = now + TimeDelta::minutes(5);
    let job = |key: &str| Job {
        due: later,
        scope: item(now, key, None).scope,
        ..Job::new(Purpose::Item, Slice::Item(key.to_owned()), now, Duration::ZERO)
    };
    let parked = Job { state: JobState::Parked { reason: "404".to_owned() }, ..job("parked") };
    let failed = Job { failures: 3, ..job("failed") };
    let undated = Job { scope: None, ..job("undated") };
    let jobs = [parked.clone(), failed, job("open"), undated];
    store.change("a", |ledger| ledger.jobs.extend(jobs)).await;
    for key in ["parked", "failed", "open", "undated"] {
        store_event(&store, key, &item(now, key, Some(1))).await;
    }
    let after = store.ledger("a").await.jobs;
    let job = |key: &str| after.iter().find(|job| job.slice == Slice::Item(key.to_owned())).unwrap();
    assert_eq!((after.len(), &job("parked").state, job("failed").due), (4, &parked.state, later));
    assert!(job("open").due <= store_later(now), "{:?}", job("open"));
    assert_eq!(
        job("undated").missing_window(),
        item(now, "undated", None).scope,
        "the day of the item is missing from now on"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn ended_items_without_a_webhook_are_counted() {
    check_ends_without_webhooks(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ended_items_without_a_webhook_are_counted_on_sqlite() {
    check_ends_without_webhooks(Engine::Sqlite).await;
}

async fn check_ends_without_webhooks(engine: Engine) {
    let store = Store::fresh(engine).await;
    let count = async |later: i64| {
        let now = store.now().await + TimeDelta::seconds(later);
        webhooks(&store.snapshot().await, store.account(), now).await.unwrap()
    };
    assert_eq!(count(0).await, None, "the account has received no webhook");
    store_event(&store, "e0", &Item { slice: Slice::Delivery(1), ..item(store.now().await, "", None) }).await;
    assert_eq!(count(0).await, Some(Webhooks { taken: 1, lost: None }), "the event names no item");
    let begun = store.now().await;
    // Each begins after the first webhook, and ends in version 5.
    let of = Window::new(begun, begun + TimeDelta::seconds(1));
    let named = |key: &str, minute| Item { scope: of, ..item(begun, key, Some(minute)) };
    for (key, minute) in [("on time", 5), ("later", 6), ("only begun", 1)] {
        store_event(&store, key, &named(key, minute)).await;
        let found = ItemStatus { version: named(key, 5).seen_version, ..ItemStatus::default() };
        answer(&store, &store.claim_next("it").await, Vec::new(), Some(found), Verdict::Commit).await;
    }
    let untold = Job { scope: of, ..Job::new(Purpose::Item, Slice::Item("untold".to_owned()), begun, Duration::ZERO) };
    let before = Job { scope: item(begun, "", None).scope, slice: Slice::Item("before".to_owned()), ..untold.clone() };
    store.change("a", |ledger| ledger.jobs.extend([untold, before])).await;
    for _ in 0..2 {
        answer(&store, &store.claim_next("it").await, Vec::new(), Some(ItemStatus::default()), Verdict::Commit).await;
    }
    assert_eq!(count(0).await, Some(Webhooks { taken: 4, lost: Some(0) }), "their webhooks may still arrive");
    assert_eq!(count(600).await, Some(Webhooks { taken: 4, lost: Some(2) }));
    assert_eq!(count(8 * 86_400).await, None, "the webhooks are too old to count");
}

/// Many items of a backfill that became due earlier do not hold up an open item of today.
#[tokio::test(flavor = "multi_thread")]
async fn an_open_item_of_today_goes_before_unread_items_of_the_past() {
    let store = Store::fresh(Engine::Sqlite).await;
    let now = store.now().await;
    let old = item(now - TimeDelta::days(5), "", None).scope;
    let job = |key: &str, scope, due| Job {
        scope,
        ..Job::new(Purpose::Item, Slice::Item(key.to_owned()), due, Duration::ZERO)
    };
    let past = (0..50).map(|key| job(&format!("old {key}"), old, now - TimeDelta::minutes(5)));
    let today = Job { rechecks: 1, ..job("today", item(now, "", None).scope, now - TimeDelta::seconds(1)) };
    store.change("a", |ledger| ledger.jobs.extend(past.chain([today]))).await;
    assert_eq!(store.claim_next("worker").await.job.slice, Slice::Item("today".to_owned()));
}

/// The lane dispatches backfill jobs although hundreds of newer items wait.
#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_runs_beside_thousands_of_waiting_items() {
    let store = Store::fresh(Engine::Postgres).await;
    let now = store.now().await;
    let named = (0..400).map(|key| Job {
        scope: item(now, "", None).scope,
        ..Job::new(Purpose::Item, Slice::Item(format!("key {key}")), now, Duration::ZERO)
    });
    let span = Window::new(now - TimeDelta::days(20), now).unwrap();
    let id = backfills::start(store.db(), "a", &["chat_8".to_owned()], span, Mode::Missing).await.unwrap();
    let old = Job::new(Purpose::Backfill(id), Slice::Window(old_hour(now, 1)), now, Duration::ZERO);
    store.change("a", |ledger| ledger.jobs.extend(named.chain([old]))).await;
    let mut purposes = Vec::new();
    for _ in 0..3 {
        let claimed = store.claim_next("it").await;
        purposes.push(claimed.job.purpose);
        answer(&store, &claimed, Vec::new(), None, Verdict::Commit).await;
    }
    assert!(purposes.contains(&Purpose::Backfill(id)) && purposes.contains(&Purpose::Item), "{purposes:?}");
}

/// The items per day of the past give the estimate.
#[tokio::test(flavor = "multi_thread")]
async fn an_estimate_includes_items_that_are_not_listed_yet() {
    let store = Store::fresh(Engine::Sqlite).await;
    let now = store.now().await;
    let days = |from, to| Window::new(now - TimeDelta::days(from), now - TimeDelta::days(to)).unwrap();
    let requests =
        async || estimate(&store.snapshot().await, store.account(), days(9, 5), Mode::Missing).await.unwrap().requests;
    store.change("a", |ledger| ledger.coverage.hold(days(4, 2))).await;
    let before = requests().await;
    for key in 0..6 {
        store_event(&store, &key.to_string(), &item(now, &key.to_string(), Some(1))).await;
        answer(&store, &store.claim_next("it").await, Vec::new(), Some(ItemStatus::default()), Verdict::Commit).await;
    }
    // Three a day.
    let after = requests().await;
    assert_eq!((after.low, after.high), (before.low + 12, before.high + 24));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_counts_the_items_that_its_lists_name() {
    counted_by_backfill(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_counts_the_items_that_its_lists_name_on_sqlite() {
    counted_by_backfill(Engine::Sqlite).await;
}

async fn counted_by_backfill(engine: Engine) {
    let store = Store::fresh(engine).await;
    let now = store.now().await;
    let days = |from, to| Window::new(now - TimeDelta::days(from), now - TimeDelta::days(to)).unwrap();
    let start =
        async |window| backfills::start(store.db(), "a", &["chat_8".to_owned()], window, Mode::Missing).await.unwrap();
    let (id, earlier) = (start(days(1, 0)).await, start(days(3, 2)).await);
    let items_of =
        async |id| progress(&store.snapshot().await, Some(store.account()), id).await.unwrap().unwrap().items;
    let items = |done, left, blocked| NamedItems { done, total: done + left + blocked, left, blocked };
    assert_eq!(items_of(id).await, items(0, 0, 0));

    store.job("a", 0).await;
    let named = |key| item(now, key, Some(1));
    answer(&store, &store.claim_next("list").await, ["1", "2", "3", "4"].map(named).into(), None, Verdict::Commit)
        .await;
    assert_eq!(items_of(id).await, items(0, 4, 0));
    let is_open = Verdict::Recheck(now + TimeDelta::days(1));
    let parks = Verdict::Park("it fails".to_owned());
    for (verdict, counted) in [(Verdict::Commit, items(1, 3, 0)), (is_open, items(2, 2, 0)), (parks, items(2, 1, 1))] {
        answer(&store, &store.claim_next("it").await, Vec::new(), Some(ItemStatus::default()), verdict).await;
        assert_eq!(items_of(id).await, counted);
    }
    let ended = items::Entity::find().one(store.db().connection()).await.unwrap().unwrap();
    store_event(&store, "changed", &item(now, &ended.slice_key, Some(2))).await;
    assert_eq!(items_of(id).await, items(2, 2, 1), "it has changed and is read once more");
    assert_eq!(items_of(earlier).await, items(0, 0, 0), "no item began in the other backfill's days");
    backfills::apply(store.db(), id, BackfillCommand::Cancel).await.unwrap();
    assert_eq!(items_of(id).await, items(2, 0, 0), "what was read stays read");
}
