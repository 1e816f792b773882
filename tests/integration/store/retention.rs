//! Old rows of the ledger's history are deleted, and nothing else.

mod plans;
mod turns;

use super::reports::request;
use super::{Store, stream};
use crate::harness::Engine;
use chrono::{DateTime, TimeDelta, Utc};
use domain::job::{Job, Purpose};
use domain::retention::{Retention, RetentionPeriod};
use domain::slice::Slice;
use domain::window::Window;
use entities::{backfill_windows, backfills, deliveries, items, processes, rejects, reopened_days, requests, streams};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, EntityTrait, Set};
use std::time::Duration;
use storage::ledger::backfills::start;
use storage::reports::doctor::examine;
use tokio_util::sync::CancellationToken;

/// Everything is kept for ninety days.
fn old_retention() -> Retention {
    let period = RetentionPeriod::Limited(TimeDelta::days(90));
    Retention {
        requests: period,
        deliveries: period,
        rejects: period,
        items: period,
        backfills: period,
        reopened_days: period,
    }
}

/// A window of `length` days that began `ago` days ago.
fn days_ago(now: DateTime<Utc>, ago: i64, length: i64) -> Window {
    let from = now.date_naive().and_time(chrono::NaiveTime::MIN).and_utc() - TimeDelta::days(ago);
    Window::new(from, from + TimeDelta::days(length)).unwrap()
}

/// Adds a request that `label` names.
async fn add_request(store: &Store, label: &str, sent_at: DateTime<Utc>, window: Option<Window>) {
    let row = requests::ActiveModel {
        from_at: Set(window.as_ref().map(Window::from)),
        to_at: Set(window.as_ref().map(Window::to)),
        error: Set(Some(label.to_owned())),
        ..request("a", days_ago(sent_at, 1, 1), sent_at)
    };
    row.insert(store.db().connection()).await.unwrap();
}

async fn add_delivery(store: &Store, label: &str, state: &str, received_at: DateTime<Utc>, window: Option<Window>) {
    let row = deliveries::ActiveModel {
        origin: Set("file".to_owned()),
        identity: Set(label.to_owned()),
        kind: Set("file".to_owned()),
        state: Set(state.to_owned()),
        account: Set(Some("a".to_owned())),
        stream: Set(Some("chat_8".to_owned())),
        from_at: Set(window.as_ref().map(Window::from)),
        to_at: Set(window.as_ref().map(Window::to)),
        rows: Set(1),
        received_at: Set(received_at),
        ..Default::default()
    };
    row.insert(store.db().connection()).await.unwrap();
}

async fn add_reject(store: &Store, label: &str, rejected_at: DateTime<Utc>, window: Window) {
    let row = rejects::ActiveModel {
        account: Set("a".to_owned()),
        stream: Set("chat_8".to_owned()),
        digest: Set(label.to_owned()),
        from_at: Set(Some(window.from())),
        to_at: Set(Some(window.to())),
        reason: Set("no date".to_owned()),
        raw: Set("{}".to_owned()),
        rejected_at: Set(rejected_at),
        ..Default::default()
    };
    row.insert(store.db().connection()).await.unwrap();
}

async fn add_item(store: &Store, label: &str, ended_at: DateTime<Utc>) {
    let row = items::ActiveModel {
        account: Set("a".to_owned()),
        stream: Set("chat_8".to_owned()),
        slice_key: Set(label.to_owned()),
        began_at: Set(None),
        version_at: Set(None),
        ended_at: Set(ended_at),
    };
    row.insert(store.db().connection()).await.unwrap();
}

/// Adds a backfill that the id in the result names, with a window that it has answered.
async fn add_backfill(store: &Store, state: &str, window: Window, finished_at: Option<DateTime<Utc>>) -> i64 {
    let on = store.db().connection();
    let id = start(store.db(), "a", &["chat_8".to_owned()], window, domain::backfill::Mode::All).await.unwrap();
    let row = backfills::ActiveModel {
        id: Set(id),
        state: Set(state.to_owned()),
        finished_at: Set(finished_at),
        ..Default::default()
    };
    row.update(on).await.unwrap();
    let answered = backfill_windows::ActiveModel {
        backfill_id: Set(id),
        stream: Set("chat_8".to_owned()),
        from_at: Set(window.from()),
        to_at: Set(window.to()),
    };
    answered.insert(on).await.unwrap();
    id
}

async fn add_reopened_day(store: &Store, window: Window, reopened_at: DateTime<Utc>) {
    let row = reopened_days::ActiveModel {
        account: Set("a".to_owned()),
        stream: Set("chat_8".to_owned()),
        day: Set(window.from().date_naive().to_string()),
        reopened_at: Set(reopened_at),
        rows: Set(1),
        items: Set(0),
        times: Set(1),
        delivery_id: Set(None),
    };
    row.insert(store.db().connection()).await.unwrap();
}

async fn add_process(store: &Store, name: &str, last_seen_at: DateTime<Utc>) {
    let text = || Set("x".to_owned());
    let row = processes::ActiveModel {
        name: Set(name.to_owned()),
        roles: Set("worker".to_owned()),
        host: text(),
        version: text(),
        started_at: Set(last_seen_at),
        last_seen_at: Set(last_seen_at),
    };
    row.insert(store.db().connection()).await.unwrap();
}

async fn prune(store: &Store) {
    let stop = CancellationToken::new();
    scheduler::pruner::prune(store.db(), &old_retention(), "host-1", &stop).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn old_rows_are_deleted_and_the_evidence_of_days_that_are_not_final_stays() {
    check_pruning(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn old_rows_are_deleted_and_the_evidence_of_days_that_are_not_final_stays_on_sqlite() {
    check_pruning(Engine::Sqlite).await;
}

/// The spans of a stream whose history is old.
struct Times {
    /// The ages of old and of young rows.
    old: DateTime<Utc>,
    young: DateTime<Utc>,
    /// A final span of ten days, a day of it, and a day of it of which an item is open.
    settled: Window,
    in_settled: Window,
    item_day: Window,
    /// A provisional span, and a day of it.
    provisional: Window,
    in_provisional: Window,
    /// A day that was never answered.
    missing: Window,
}

impl Times {
    fn new(now: DateTime<Utc>) -> Self {
        Self {
            old: now - TimeDelta::days(91),
            young: now - TimeDelta::days(89),
            settled: days_ago(now, 200, 10),
            in_settled: days_ago(now, 196, 1),
            item_day: days_ago(now, 192, 1),
            provisional: days_ago(now, 180, 10),
            in_provisional: days_ago(now, 176, 1),
            missing: days_ago(now, 150, 1),
        }
    }
}

async fn check_pruning(engine: Engine) {
    let store = Store::fresh(engine).await;
    let now = store.now().await;
    let times = Times::new(now);
    let Times { old, young, settled, in_settled, item_day, provisional, in_provisional, missing } = times;
    let job = |key: &str, scope| Job {
        scope,
        missing_scope: scope,
        ..Job::new(Purpose::Item, Slice::Item(key.to_owned()), now + TimeDelta::days(1), Duration::ZERO)
    };
    store
        .change("a", |ledger| {
            ledger.coverage.settle(settled);
            ledger.coverage.hold(provisional);
            ledger.jobs = vec![job("open", Some(item_day)), job("rechecked", None)];
        })
        .await;
    for (label, at, window) in [
        ("old", old, Some(in_settled)),
        ("old, no window", old, None),
        ("provisional", old, Some(in_provisional)),
        ("missing", old, Some(missing)),
        ("an open item", old, Some(item_day)),
        ("partly final", old, Some(days_ago(now, 192, 5))),
        ("young", young, Some(in_settled)),
    ] {
        add_request(&store, label, at, window).await;
    }
    add_other_rows(&store, &times).await;
    let kept = add_backfills(&store, &times).await;
    prune(&store).await;
    let texts = async |sql: &str| store.made.texts(sql).await;
    let requests = async || texts("SELECT error FROM requests ORDER BY id").await;
    assert_eq!(requests().await, ["provisional", "missing", "an open item", "partly final", "young"]);
    assert_eq!(texts("SELECT identity FROM deliveries ORDER BY id").await, ["missing", "not stored yet", "young"]);
    assert_eq!(texts("SELECT digest FROM rejects ORDER BY id").await, ["missing", "young"]);
    assert_eq!(texts("SELECT slice_key FROM items ORDER BY slice_key").await, ["rechecked", "young"]);
    let days = [days_ago(now, 195, 1), in_provisional].map(|day| day.from().date_naive().to_string());
    assert_eq!(texts("SELECT day FROM reopened_days ORDER BY day").await, days);
    assert_eq!(texts("SELECT name FROM processes").await, ["here"]);
    assert_backfills(&store, &kept).await;

    // The days become final; the next turn deletes their evidence.
    store.change("a", |ledger| ledger.coverage.settle(provisional)).await;
    store.made.run("UPDATE prunings SET due_at = '2000-01-01T00:00:00+00:00'").await;
    prune(&store).await;
    assert_eq!(requests().await, ["missing", "an open item", "partly final", "young"]);
}

async fn add_other_rows(store: &Store, times: &Times) {
    let Times { old, young, in_settled, missing, in_provisional, .. } = *times;
    add_delivery(store, "old", "committed", old, Some(in_settled)).await;
    add_delivery(store, "old event", "committed", old, None).await;
    add_delivery(store, "unreadable", "unreadable", old, None).await;
    add_delivery(store, "missing", "short", old, Some(missing)).await;
    add_delivery(store, "not stored yet", "accepted", old, None).await;
    add_delivery(store, "young", "committed", young, Some(in_settled)).await;
    for (label, at, window) in [("old", old, in_settled), ("missing", old, missing), ("young", young, in_settled)] {
        add_reject(store, label, at, window).await;
    }
    for (label, at) in [("old", old), ("rechecked", old), ("young", young)] {
        add_item(store, label, at).await;
    }
    let now = store.now().await;
    for (day, at) in [(in_settled, old), (in_provisional, old), (days_ago(now, 195, 1), young)] {
        add_reopened_day(store, day, at).await;
    }
    add_process(store, "gone", now - TimeDelta::days(2)).await;
    add_process(store, "here", now).await;
}

/// Adds two backfills that ended long ago, and returns the ids of others.
async fn add_backfills(store: &Store, times: &Times) -> [i64; 3] {
    for state in ["done", "cancelled"] {
        add_backfill(store, state, times.settled, Some(times.old)).await;
    }
    [
        add_backfill(store, "done", times.settled, Some(times.young)).await,
        add_backfill(store, "running", times.settled, None).await,
        add_backfill(store, "paused", times.settled, None).await,
    ]
}

async fn assert_backfills(store: &Store, kept: &[i64]) {
    let mut ids = Vec::new();
    for row in backfills::Entity::find().all(store.db().connection()).await.unwrap() {
        ids.push(row.id);
    }
    ids.sort_unstable();
    assert_eq!(ids, kept);
    // What belongs to a deleted backfill goes too.
    let left = [store.count("backfill_streams").await, store.count("backfill_windows").await];
    assert_eq!(left, [3, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_ahead_of_the_vendors_deletes_nothing() {
    check_clock_ahead(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_ahead_of_the_vendors_deletes_nothing_on_sqlite() {
    check_clock_ahead(Engine::Sqlite).await;
}

async fn check_clock_ahead(engine: Engine) {
    let store = Store::fresh(engine).await;
    let now = store.now().await;
    store.change("a", |_| {}).await;
    add_request(&store, "sixty days old", now - TimeDelta::days(100), None).await;
    let set_skew = async |skew: TimeDelta| {
        let row = streams::Entity::update_many()
            .col_expr(streams::Column::ClockSkewSeconds, Expr::value(Some(skew.num_seconds())));
        row.exec(store.db().connection()).await.unwrap();
    };
    set_skew(-TimeDelta::days(40)).await;
    prune(&store).await;
    assert_eq!(store.count("requests").await, 1, "by the vendor's clock the row is sixty days old");
    set_skew(TimeDelta::zero()).await;
    store.made.run("DELETE FROM prunings").await;
    prune(&store).await;
    assert_eq!(store.count("requests").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_misses_no_evidence_that_was_deleted_for_its_age() {
    check_doctor(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_misses_no_evidence_that_was_deleted_for_its_age_on_sqlite() {
    check_doctor(Engine::Sqlite).await;
}

async fn check_doctor(engine: Engine) {
    let store = Store::fresh(engine).await;
    let now = store.now().await;
    // One window was answered long ago and one lately.
    let (first, second) = (days_ago(now, 200, 10), days_ago(now, 20, 10));
    store.change("a", |ledger| [first, second].into_iter().for_each(|window| ledger.coverage.settle(window))).await;
    add_request(&store, "old", first.to(), Some(first)).await;
    add_request(&store, "young", second.to(), Some(second)).await;
    let findings = async || examine(store.db(), &store.accounts).await.unwrap();
    assert_eq!(findings().await, []);
    prune(&store).await;
    assert_eq!(store.made.texts("SELECT error FROM requests").await, ["young"]);
    assert_eq!(findings().await, [], "coverage from before the deletion needs no evidence");
    store.made.run("DELETE FROM requests").await;
    let found = findings().await;
    assert!(found.len() == 1 && found[0].check == "evidence", "{found:?}");
    assert!(found[0].wrong.contains(&second.to_string()) && found[0].wrong.contains(&stream("a").account), "{found:?}");
}
