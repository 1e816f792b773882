//! The reports for operators, on a ledger that the test fills.

use super::{Store, chat, full_answer, no_refusal};
use crate::harness::Engine;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::backfill::Mode;
use domain::coverage::Completeness;
use domain::days::DayCounts;
use domain::fault::Fault;
use domain::health::Health;
use domain::job::{Job, JobState, Purpose};
use domain::live_slot::slot_at;
use domain::planner::windows_for;
use domain::slice::Slice;
use domain::source::ResponseSummary;
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
use storage::ledger::commit::{ExchangeRecord, commit};
use storage::ledger::intake::Intake;
use storage::ledger::progress::{Range, estimate, progress};
use storage::reports::coverage::coverage;
use storage::reports::coverage::span;
use storage::upsert::upsert;

/// A store with five days and today: three are final, one is provisional, one is missing, and today is held up to now.
struct ReportFixture {
    store: Store,
    /// Midnight five days ago.
    first: DateTime<Utc>,
    now: DateTime<Utc>,
}

impl ReportFixture {
    async fn create(engine: Engine) -> Self {
        let probe = Store::fresh(engine).await;
        let mut now = probe.now().await;
        // The fixture must not cross a midnight, so it waits for one that is near.
        let left = midnight(now) + TimeDelta::days(1) - now;
        if left < TimeDelta::seconds(20) {
            tokio::time::sleep(left.to_std().unwrap()).await;
            now = probe.now().await;
        }
        let first = midnight(now) - TimeDelta::days(5);
        let since = first.date_naive().to_string();
        let store = Store::with(engine, &[("a", json!({"since": since})), ("b", json!({"since": since}))]).await;
        let fixture = Self { store, first, now };
        let slot = slot_at(now, fixture.store.account().source.rules());
        fixture
            .store
            .change("a", |ledger| {
                ledger.coverage.settle(fixture.days(0, 3));
                ledger.coverage.hold(fixture.days(3, 4));
                ledger
                    .coverage
                    .hold(Window::new(fixture.day(5), slot.max(fixture.day(5) + TimeDelta::seconds(1))).unwrap());
                ledger.pace.rows_per_day = Some(80_000.0);
            })
            .await;
        fixture
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

    /// Adds a job in this state for the missing day.
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
async fn status_counts_days_and_jobs_and_shows_the_worst_state() {
    check_status(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn status_counts_days_and_jobs_and_shows_the_worst_state_on_sqlite() {
    check_status(Engine::Sqlite).await;
}

async fn check_status(engine: Engine) {
    let fixture = ReportFixture::create(engine).await;
    let db = fixture.store.db();
    let found = fixture.store.status().await;
    let (a, b) = (&found.accounts[0], &found.accounts[1]);
    assert_eq!((a.name.as_str(), a.source.as_str(), a.state, a.lateness_seconds), ("a", "wolkvox", Health::Ok, 0));
    assert_eq!(a.days, DayCounts { r#final: 3, provisional: 2, missing: 1, blocked: 0 });
    assert_eq!((a.proven_until, &a.last_error), (fixture.day(4), &None));
    // A day that is minutes old has no due slot yet.
    let due = slot_at(fixture.now, fixture.store.account().source.rules()) - TimeDelta::minutes(5);
    let missing = if due > fixture.day(5) { 6 } else { 5 };
    assert_eq!((b.state, b.days.missing, b.proven_until), (Health::Late, missing, fixture.day(0)));
    let behind = (fixture.now - fixture.day(0)).num_seconds() - 300;
    assert!((behind..behind + 60).contains(&b.lateness_seconds), "{} s, not {behind}", b.lateness_seconds);
    let shapes: Vec<_> = found.lanes.iter().map(|lane| (lane.account.as_str(), lane.width, lane.held)).collect();
    assert_eq!(shapes, [("a", 1, 0), ("b", 1, 0)]);

    let until = fixture.now + TimeDelta::hours(1);
    let (ago, parked) = (fixture.now - TimeDelta::seconds(100), JobState::Parked { reason: "too dense".to_owned() });
    fixture.job(Purpose::Settle, JobState::Waiting, ago).await;
    fixture.job(Purpose::Settle, JobState::Waiting, until).await;
    fixture.job(Purpose::Settle, JobState::Dispatched { until }, fixture.now).await;
    fixture.job(Purpose::Settle, JobState::Running { until }, fixture.now).await;
    fixture.job(Purpose::Settle, parked.clone(), fixture.now).await;
    let found = fixture.store.status().await;
    let queue = found.queue;
    assert_eq!((queue.due, queue.waiting, queue.running, queue.parked), (2, 1, 1, 1));
    assert!((100..160).contains(&queue.oldest_due_seconds), "{queue:?}");
    assert_eq!(found.accounts[0].days, DayCounts { r#final: 3, provisional: 2, missing: 0, blocked: 1 });
    let blocked = &found.accounts[0];
    assert_eq!((blocked.state, blocked.lateness_seconds), (Health::Parked, 0), "a blocked day waits for an operator");
    let warning = blocked.warnings.first().map_or("", String::as_str);
    let (day, next) = (fixture.date(4).to_string(), "convosync jobs list");
    assert!([day.as_str(), "too dense", next].iter().all(|part| warning.contains(part)), "{:?}", blocked.warnings);
    fixture.store.change("a", |ledger| ledger.jobs.retain(|job| !job.is_parked())).await;

    let failing = |since: TimeDelta| {
        let row = streams::Entity::update_many()
            .col_expr(streams::Column::FailingSince, Expr::value(Some(fixture.now - since)))
            .col_expr(streams::Column::LastError, Expr::value(Some("unreachable".to_owned())));
        async { row.exec(db.connection()).await.unwrap() }
    };
    let state = async || fixture.store.status().await.accounts.remove(0);
    failing(TimeDelta::minutes(4)).await;
    assert_eq!((state().await.state, state().await.last_error.as_deref()), (Health::Ok, Some("unreachable")));
    failing(TimeDelta::minutes(6)).await;
    assert_eq!(state().await.state, Health::Down, "longer than a live interval");
    fixture.job(Purpose::Live, parked, fixture.now).await;
    let parked = state().await;
    let (text, next) = (parked.last_error.unwrap_or_default(), "convosync jobs retry");
    assert!(parked.state == Health::Parked && text.contains("too dense") && text.contains(next), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn status_warns_of_a_stream_that_fails_for_half_a_minute() {
    check_failing_stream(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn status_warns_of_a_stream_that_fails_for_half_a_minute_on_sqlite() {
    check_failing_stream(Engine::Sqlite).await;
}

async fn check_failing_stream(engine: Engine) {
    let fixture = ReportFixture::create(engine).await;
    let store = &fixture.store;
    let answer = async |result: Result<ResponseSummary, Fault>| {
        let claimed = store.claimed().await;
        let exchange = ExchangeRecord { result, ..full_answer(store, &claimed, 0) };
        commit(Intake::new(store.db(), store.lane(), &claimed), exchange, no_refusal).await.unwrap();
        store.expire().await;
    };
    let set_age = async |seconds: i64| {
        let since = store.now().await - TimeDelta::seconds(seconds);
        let row = streams::Entity::update_many().col_expr(streams::Column::FailingSince, Expr::value(Some(since)));
        row.exec(store.db().connection()).await.unwrap();
        since
    };
    // The hour of the answers lies before the live sync, with a gap between them; that is another warning.
    let shown = async || {
        let mut account = store.status().await.accounts.remove(0);
        account.warnings.retain(|warning| !warning.contains("never requested"));
        account
    };
    answer(Err(Fault::Malformed("an HTML page".to_owned()))).await;
    assert_eq!(shown().await.warnings, Vec::<String>::new(), "the next attempt may succeed");
    set_age(20).await;
    assert_eq!(shown().await.warnings, Vec::<String>::new());
    let since = set_age(31).await.format("%Y-%m-%d %H:%M:%S UTC").to_string();
    let found = shown().await;
    let [warning] = &found.warnings[..] else { panic!("{found:?}") };
    for part in ["account a", "stream chat_8", &since, "malformed: an HTML page", "convosync check"] {
        assert!(warning.contains(part), "no {part}: {warning}");
    }
    assert_eq!(found.state, Health::Ok, "the account is down only after an interval");
    answer(Ok(ResponseSummary::default())).await;
    assert_eq!(shown().await.warnings, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn status_shows_the_holder_and_the_closing_of_a_lane() {
    check_lane_status(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn status_shows_the_holder_and_the_closing_of_a_lane_on_sqlite() {
    check_lane_status(Engine::Sqlite).await;
}

async fn check_lane_status(engine: Engine) {
    let store = Store::fresh(engine).await;
    let lane = async || store.status().await.lanes.remove(0);
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
    let account = store.status().await.accounts.remove(0);
    assert_eq!(
        (account.state, account.last_error.as_deref()),
        (Health::Parked, Some("the lane is closed: quota; remove the cause, then run: convosync lanes open a")),
        "it waits for a person"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn coverage_reports_rows_requests_and_reason_of_each_day() {
    check_coverage(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn coverage_reports_rows_requests_and_reason_of_each_day_on_sqlite() {
    check_coverage(Engine::Sqlite).await;
}

async fn check_coverage(engine: Engine) {
    let fixture = ReportFixture::create(engine).await;
    let db = fixture.store.db();
    let second = TimeDelta::seconds(1);
    let rows = [("1", fixture.day(0)), ("2", fixture.day(1) - second), ("3", fixture.day(1)), ("4", fixture.day(6))];
    let mut rows: Vec<_> = rows.map(|(id, at)| chat("a", id, Some(at), "x")).into();
    rows.push(chat("b", "1", Some(fixture.day(0)), "x"));
    let tx = db.begin().await.unwrap();
    upsert(&tx, &RowBatch::of::<wolkvox_chats::Entity>(&rows), &Spans::default(), fixture.now).await.unwrap();
    for (account, window) in [("a", fixture.days(0, 2)), ("a", fixture.days(0, 1)), ("b", fixture.days(0, 1))] {
        requests::Entity::insert(request(account, window, fixture.now)).exec(&tx).await.unwrap();
    }
    tx.commit().await.unwrap();
    fixture.job(Purpose::Settle, JobState::Parked { reason: "too dense".to_owned() }, fixture.now).await;

    let days = coverage(&fixture.store.snapshot().await, fixture.store.account(), fixture.date(-1), fixture.date(5))
        .await
        .unwrap();
    let found: Vec<_> = days.iter().map(|day| (day.day, day.state, day.rows, day.requests)).collect();
    let wanted = [
        (fixture.date(-1), Completeness::Missing, 0, 0),
        (fixture.date(0), Completeness::Final, 2, 2),
        (fixture.date(1), Completeness::Final, 1, 1),
        (fixture.date(2), Completeness::Final, 0, 0),
        (fixture.date(3), Completeness::Provisional, 0, 0),
        (fixture.date(4), Completeness::Blocked, 0, 0),
        (fixture.date(5), Completeness::Provisional, 0, 0),
    ];
    assert_eq!(found, wanted);
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
        span(&fixture.store.snapshot().await, fixture.store.account()).await.unwrap(),
        (fixture.date(0), fixture.date(5))
    );
    let shown = serde_json::to_value(&days[5]).unwrap();
    assert_eq!(shown["state"], "blocked");
    assert_eq!(shown["day"], fixture.date(4).to_string());
}

pub(super) fn request(account: &str, window: Window, now: DateTime<Utc>) -> requests::ActiveModel {
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
async fn a_backfill_reports_its_estimate_and_its_progress() {
    check_backfill(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_reports_its_estimate_and_its_progress_on_sqlite() {
    check_backfill(Engine::Sqlite).await;
}

async fn check_backfill(engine: Engine) {
    let fixture = ReportFixture::create(engine).await;
    let (db, account) = (fixture.store.db(), fixture.store.account());
    // The missing day's 80,000 rows take two answers; each a second, its rows and the spacing.
    let before = estimate(&fixture.store.snapshot().await, account, fixture.days(0, 5), Mode::Missing).await.unwrap();
    assert_eq!((before.windows, before.requests), (2, Range { low: 2, high: 3 }));
    let each = 1.0 + 40_000.0 * 0.000_25 + 1.0;
    assert_eq!(before.seconds.low, Duration::from_secs_f64(2.0 * each).as_secs());
    assert!(before.seconds.high > before.seconds.low);
    assert_eq!(before.days, DayCounts { r#final: 3, provisional: 1, missing: 1, blocked: 0 });
    let all = estimate(&fixture.store.snapshot().await, account, fixture.days(0, 5), Mode::All).await.unwrap();
    let ledger = fixture.store.ledger("a").await;
    let every = windows_for(&[fixture.days(0, 5)], &ledger, account.source.rules()).len() as u64;
    assert_eq!((all.windows, all.requests), (every, Range { low: every, high: every + every.div_ceil(2) }));
    let other = fixture.store.accounts.account("b").unwrap();
    let unknown = estimate(&fixture.store.snapshot().await, other, fixture.days(0, 5), Mode::Missing).await.unwrap();
    assert_eq!((unknown.windows, unknown.requests), (5, Range { low: 5, high: 15 }), "a day at a time at first");
    assert_eq!(
        fixture.store.count("backfills").await + fixture.store.count("jobs").await,
        0,
        "an estimate writes nothing"
    );

    let streams = ["chat_8".to_owned()];
    let id = start(db, "a", &streams, fixture.days(0, 5), Mode::Missing).await.unwrap();
    fixture
        .store
        .change("a", |ledger| (ledger.backfills[0].windows_done, ledger.backfills[0].rows) = (7, 350_000))
        .await;
    fixture.job(Purpose::Backfill(id), JobState::Parked { reason: "too dense".to_owned() }, fixture.now).await;
    let shown = async |account| progress(&fixture.store.snapshot().await, account, id).await.unwrap().unwrap();
    let idle = shown(Some(account)).await;
    assert_eq!(idle.eta_seconds, None, "no worker is running");
    assert!(idle.stopped_by.is_some_and(|reason| reason.contains("start `convosync run`")));
    fixture.store.report_process().await;
    let found = shown(Some(account)).await;
    assert_eq!(found.stopped_by, None);
    assert_eq!(
        (found.id, found.account.as_str(), found.mode.as_str(), found.state.as_str()),
        (id, "a", "missing", "running")
    );
    assert_eq!((found.from, found.to), (fixture.day(0), fixture.day(5)));
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
    let idle = start(db, "b", &streams, fixture.days(0, 5), Mode::All).await.unwrap();
    let found = progress(&fixture.store.snapshot().await, Some(other), idle).await.unwrap().unwrap();
    assert_eq!(
        (found.windows.done, found.windows.total, found.eta_seconds),
        (0, 5, None),
        "a backfill without an answer has no estimate"
    );
    assert!(progress(&fixture.store.snapshot().await, None, 999).await.unwrap().is_none());
}
