//! What operators are told, on a ledger made by hand.

use super::{Store, chat};
use crate::stage::Engine;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::backfill::Mode;
use domain::coverage::Completeness;
use domain::days::DayCounts;
use domain::job::{Job, JobState, Purpose};
use domain::live_slot::slot_at;
use domain::planner::windows_for;
use domain::slice::Slice;
use domain::spans::Spans;
use domain::window::Window;
use entities::rows::RowBatch;
use entities::{requests, streams, wolkvox_chats};
use sea_orm::sea_query::Expr;
use sea_orm::{EntityTrait, Set};
use serde_json::json;
use std::time::Duration;
use storage::lanes::set_closed;
use storage::ledger::backfills::{BackfillCommand, apply, start};
use storage::ledger::progress::{Range, estimate, progress};
use storage::reports::coverage::coverage;
use storage::reports::coverage::span;
use storage::reports::status::Health;
use storage::reports::status::status;
use storage::upsert::upsert;

/// Five days and today: three final, one provisional, one missing, and today held up to now.
struct Scene {
    store: Store,
    /// Midnight five days ago.
    first: DateTime<Utc>,
    now: DateTime<Utc>,
}

impl Scene {
    async fn set(engine: Engine) -> Self {
        let probe = Store::fresh(engine).await;
        let mut now = probe.now().await;
        // The scene is about one day, so it starts after a midnight that is near.
        let left = midnight(now) + TimeDelta::days(1) - now;
        if left < TimeDelta::seconds(20) {
            tokio::time::sleep(left.to_std().unwrap()).await;
            now = probe.now().await;
        }
        let first = midnight(now) - TimeDelta::days(5);
        let since = first.date_naive().to_string();
        let store = Store::with(engine, &[("a", json!({"since": since})), ("b", json!({"since": since}))]).await;
        let scene = Self { store, first, now };
        let slot = slot_at(now, scene.store.account().source.rules());
        scene
            .store
            .change("a", |ledger| {
                ledger.coverage.settle(scene.days(0, 3));
                ledger.coverage.hold(scene.days(3, 4));
                ledger
                    .coverage
                    .hold(Window::new(scene.day(5), slot.max(scene.day(5) + TimeDelta::seconds(1))).unwrap());
                ledger.pace.rows_per_day = Some(80_000.0);
            })
            .await;
        scene
    }

    fn day(&self, number: i64) -> DateTime<Utc> {
        self.first + TimeDelta::days(number)
    }

    fn days(&self, from: i64, to: i64) -> Window {
        Window::new(self.day(from), self.day(to)).unwrap()
    }

    fn date(&self, number: i64) -> NaiveDate {
        self.day(number).date_naive()
    }

    /// A job for the missing day, in that state.
    async fn job(&self, purpose: Purpose, state: JobState, due: DateTime<Utc>) {
        let mut job = Job::new(purpose, Slice::Window(self.days(4, 5)), due, Duration::ZERO);
        job.state = state;
        self.store.change("a", |ledger| ledger.jobs.push(job)).await;
    }
}

fn midnight(at: DateTime<Utc>) -> DateTime<Utc> {
    at.date_naive().and_time(chrono::NaiveTime::MIN).and_utc()
}

#[tokio::test(flavor = "multi_thread")]
async fn status_counts_days_and_jobs_and_names_the_worst() {
    at_a_glance(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn status_counts_days_and_jobs_and_names_the_worst_on_sqlite() {
    at_a_glance(Engine::Sqlite).await;
}

async fn at_a_glance(engine: Engine) {
    let scene = Scene::set(engine).await;
    let (db, accounts) = (scene.store.db(), &scene.store.accounts);
    let found = status(&scene.store.snapshot().await, accounts).await.unwrap();
    let (a, b) = (&found.accounts[0], &found.accounts[1]);
    assert_eq!((a.name.as_str(), a.source.as_str(), a.state, a.lateness_seconds), ("a", "wolkvox", Health::Ok, 0));
    assert_eq!(a.days, DayCounts { r#final: 3, provisional: 2, missing: 1, blocked: 0 });
    assert_eq!((a.proven_until, &a.last_error), (scene.day(4), &None));
    // Of a day that is minutes old nothing is due yet.
    let due = slot_at(scene.now, scene.store.account().source.rules()) - TimeDelta::minutes(5);
    let missing = if due > scene.day(5) { 6 } else { 5 };
    assert_eq!((b.state, b.days.missing, b.proven_until), (Health::Late, missing, scene.day(0)));
    let behind = (scene.now - scene.day(0)).num_seconds() - 300;
    assert!((behind..behind + 60).contains(&b.lateness_seconds), "{} s, not {behind}", b.lateness_seconds);
    let shapes: Vec<_> = found.lanes.iter().map(|lane| (lane.account.as_str(), lane.width, lane.held)).collect();
    assert_eq!(shapes, [("a", 1, 0), ("b", 1, 0)]);

    let until = scene.now + TimeDelta::hours(1);
    let (ago, parked) = (scene.now - TimeDelta::seconds(100), JobState::Parked { reason: "too dense".to_owned() });
    scene.job(Purpose::Settle, JobState::Waiting, ago).await;
    scene.job(Purpose::Settle, JobState::Waiting, until).await;
    scene.job(Purpose::Settle, JobState::Dispatched { until }, scene.now).await;
    scene.job(Purpose::Settle, JobState::Running { until }, scene.now).await;
    scene.job(Purpose::Settle, parked.clone(), scene.now).await;
    let found = status(&scene.store.snapshot().await, accounts).await.unwrap();
    let queue = found.queue;
    assert_eq!((queue.due, queue.waiting, queue.running, queue.parked), (2, 1, 1, 1));
    assert!((100..160).contains(&queue.oldest_due_seconds), "{queue:?}");
    assert_eq!(found.accounts[0].days, DayCounts { r#final: 3, provisional: 2, missing: 0, blocked: 1 });
    assert_eq!(found.accounts[0].state, Health::Ok, "one blocked day holds nothing up");

    let failing = |since: TimeDelta| {
        let row = streams::Entity::update_many()
            .col_expr(streams::Column::FailingSince, Expr::value(Some(scene.now - since)))
            .col_expr(streams::Column::LastError, Expr::value(Some("unreachable".to_owned())));
        async { row.exec(db.connection()).await.unwrap() }
    };
    let state = async || status(&scene.store.snapshot().await, accounts).await.unwrap().accounts.remove(0);
    failing(TimeDelta::minutes(4)).await;
    assert_eq!((state().await.state, state().await.last_error.as_deref()), (Health::Ok, Some("unreachable")));
    failing(TimeDelta::minutes(6)).await;
    assert_eq!(state().await.state, Health::Down, "longer than a live interval");
    scene.job(Purpose::Live, parked, scene.now).await;
    assert_eq!((state().await.state, state().await.last_error.as_deref()), (Health::Parked, Some("too dense")));
}

#[tokio::test(flavor = "multi_thread")]
async fn status_tells_who_holds_a_lane_and_until_when_it_is_shut() {
    lanes_at_a_glance(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn status_tells_who_holds_a_lane_and_until_when_it_is_shut_on_sqlite() {
    lanes_at_a_glance(Engine::Sqlite).await;
}

async fn lanes_at_a_glance(engine: Engine) {
    let store = Store::fresh(engine).await;
    let lane = async || status(&store.snapshot().await, &store.accounts).await.unwrap().lanes.remove(0);
    store.claimed().await;
    assert_eq!((lane().await.held, lane().await.width), (1, 1));
    store.expire().await;
    assert_eq!(lane().await.held, 0);
    let (on, key, now) = (store.db().connection(), &store.lane().key, store.now().await);
    for (seconds, shown) in [(Some(3600), true), (Some(-1), false), (None, true)] {
        let until = seconds.map(|seconds| now + TimeDelta::seconds(seconds));
        let closure = domain::lane::LaneClosure { until, reason: "quota".to_owned() };
        set_closed(on, key, Some(&closure), now).await.unwrap();
        let found = lane().await;
        assert_eq!(found.closed_reason.as_deref(), shown.then_some("quota"), "{seconds:?}");
        assert_eq!(found.closed_until, until.filter(|_| shown));
    }
    let account = status(&store.snapshot().await, &store.accounts).await.unwrap().accounts.remove(0);
    assert_eq!(
        (account.state, account.last_error.as_deref()),
        (Health::Parked, Some("quota")),
        "it waits for a person"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn coverage_tells_each_day_its_rows_its_requests_and_why() {
    day_by_day(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn coverage_tells_each_day_its_rows_its_requests_and_why_on_sqlite() {
    day_by_day(Engine::Sqlite).await;
}

async fn day_by_day(engine: Engine) {
    let scene = Scene::set(engine).await;
    let db = scene.store.db();
    let second = TimeDelta::seconds(1);
    let rows = [("1", scene.day(0)), ("2", scene.day(1) - second), ("3", scene.day(1)), ("4", scene.day(6))];
    let mut rows: Vec<_> = rows.map(|(id, at)| chat("a", id, Some(at), "x")).into();
    rows.push(chat("b", "1", Some(scene.day(0)), "x"));
    let tx = db.begin().await.unwrap();
    upsert(&tx, &RowBatch::of::<wolkvox_chats::Entity>(&rows), &Spans::default(), scene.now).await.unwrap();
    for (account, window) in [("a", scene.days(0, 2)), ("a", scene.days(0, 1)), ("b", scene.days(0, 1))] {
        requests::Entity::insert(request(account, window, scene.now)).exec(&tx).await.unwrap();
    }
    tx.commit().await.unwrap();
    scene.job(Purpose::Settle, JobState::Parked { reason: "too dense".to_owned() }, scene.now).await;

    let days =
        coverage(&scene.store.snapshot().await, scene.store.account(), scene.date(-1), scene.date(5)).await.unwrap();
    let told: Vec<_> = days.iter().map(|day| (day.day, day.state, day.rows, day.requests)).collect();
    let wanted = [
        (scene.date(-1), Completeness::Missing, 0, 0),
        (scene.date(0), Completeness::Final, 2, 2),
        (scene.date(1), Completeness::Final, 1, 1),
        (scene.date(2), Completeness::Final, 0, 0),
        (scene.date(3), Completeness::Provisional, 0, 0),
        (scene.date(4), Completeness::Blocked, 0, 0),
        (scene.date(5), Completeness::Provisional, 0, 0),
    ];
    assert_eq!(told, wanted);
    let reasons: Vec<_> = days.iter().map(|day| day.reason.as_deref().unwrap_or("")).collect();
    let wanted = [
        "not requested yet",
        "",
        "",
        "",
        "stored in full; the vendor may still change rows",
        "too dense",
        "the day is not over yet",
    ];
    assert_eq!(reasons, wanted);
    assert!(days.iter().all(|day| day.stream == "chat_8"));
    assert_eq!(
        span(&scene.store.snapshot().await, scene.store.account()).await.unwrap(),
        (scene.date(0), scene.date(5))
    );
    let shown = serde_json::to_value(&days[5]).unwrap();
    assert_eq!(shown["state"], "blocked");
    assert_eq!(shown["day"], scene.date(4).to_string());
}

fn request(account: &str, window: Window, now: DateTime<Utc>) -> requests::ActiveModel {
    requests::ActiveModel {
        account: Set(account.to_owned()),
        stream: Set("chat_8".to_owned()),
        purpose: Set("settle".to_owned()),
        from_at: Set(Some(window.from())),
        to_at: Set(Some(window.to())),
        sent_at: Set(now),
        elapsed_ms: Set(1),
        outcome: Set("answer".to_owned()),
        verdict: Set("commit".to_owned()),
        rows: Set(0),
        inserted: Set(0),
        updated: Set(0),
        unchanged: Set(0),
        rejected: Set(0),
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_is_estimated_before_and_followed_while_it_runs() {
    estimated(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_is_estimated_before_and_followed_while_it_runs_on_sqlite() {
    estimated(Engine::Sqlite).await;
}

async fn estimated(engine: Engine) {
    let scene = Scene::set(engine).await;
    let (db, account) = (scene.store.db(), scene.store.account());
    // The missing day's 80,000 rows take two answers; each a second, its rows and the spacing.
    let before = estimate(&scene.store.snapshot().await, account, scene.days(0, 5), Mode::Missing).await.unwrap();
    assert_eq!((before.windows, before.requests), (2, Range { low: 2, high: 3 }));
    let each = 1.0 + 40_000.0 * 0.000_25 + 1.0;
    assert_eq!(before.seconds.low, Duration::from_secs_f64(2.0 * each).as_secs());
    assert!(before.seconds.high > before.seconds.low);
    assert_eq!(before.days, DayCounts { r#final: 3, provisional: 1, missing: 1, blocked: 0 });
    let all = estimate(&scene.store.snapshot().await, account, scene.days(0, 5), Mode::All).await.unwrap();
    let ledger = scene.store.ledger("a").await;
    let every = windows_for(&[scene.days(0, 5)], &ledger, account.source.rules()).len() as u64;
    assert_eq!((all.windows, all.requests), (every, Range { low: every, high: every + every.div_ceil(2) }));
    let unknown = estimate(
        &scene.store.snapshot().await,
        scene.store.accounts.account("b").unwrap(),
        scene.days(0, 5),
        Mode::Missing,
    )
    .await
    .unwrap();
    assert_eq!((unknown.windows, unknown.requests), (5, Range { low: 5, high: 15 }), "a day at a time at first");
    assert_eq!(scene.store.count("backfills").await + scene.store.count("jobs").await, 0, "nothing was written");

    let streams = ["chat_8".to_owned()];
    let id = start(db, "a", &streams, scene.days(0, 5), Mode::Missing).await.unwrap();
    scene.store.change("a", |ledger| (ledger.backfills[0].windows_done, ledger.backfills[0].rows) = (7, 350_000)).await;
    scene.job(Purpose::Backfill(id), JobState::Parked { reason: "too dense".to_owned() }, scene.now).await;
    let shown = async |account| progress(&scene.store.snapshot().await, account, id).await.unwrap().unwrap();
    let found = shown(Some(account)).await;
    assert_eq!(
        (found.id, found.account.as_str(), found.mode.as_str(), found.state.as_str()),
        (id, "a", "missing", "running")
    );
    assert_eq!((found.from, found.to), (scene.day(0), scene.day(5)));
    assert_eq!((found.windows.done, found.windows.total, found.rows, found.blocked), (7, 9, 350_000, 1));
    assert_eq!(found.eta_seconds, Some(before.seconds.low));
    let elsewhere = shown(None).await;
    assert_eq!(
        (elsewhere.windows.done, elsewhere.windows.total),
        (7, 8),
        "without its account only open jobs are known"
    );
    apply(db, id, BackfillCommand::Cancel).await.unwrap();
    let ended = shown(Some(account)).await;
    assert_eq!((ended.state.as_str(), ended.windows.done, ended.windows.total, ended.blocked), ("cancelled", 7, 7, 0));
    let idle = start(db, "b", &streams, scene.days(0, 5), Mode::All).await.unwrap();
    let found =
        progress(&scene.store.snapshot().await, scene.store.accounts.account("b"), idle).await.unwrap().unwrap();
    assert_eq!((found.windows.done, found.windows.total, found.eta_seconds), (0, 5, None), "nothing is known yet");
    assert!(progress(&scene.store.snapshot().await, None, 999).await.unwrap().is_none());
}
