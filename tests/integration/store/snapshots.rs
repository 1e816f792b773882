//! A report reads one snapshot: it never shows half of a commit, however many commits run at the same time.

use super::reports::request;
use super::{Store, chat, stream};
use crate::harness::{Engine, TestDatabase, until};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use convosync::clock::SystemClock;
use domain::backfill::Mode;
use domain::coverage::Completeness;
use domain::job::{Job, Purpose};
use domain::slice::Slice;
use domain::spans::Spans;
use domain::window::Window;
use entities::rows::RowBatch;
use entities::{jobs, requests, wolkvox_chats};
use sea_orm::{ConnectionTrait, EntityTrait, Set};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use storage::database::Database;
use storage::ledger::backfills;
use storage::ledger::progress::progress;
use storage::ledger::{load, lock, store};
use storage::reports::coverage::coverage;
use storage::reports::doctor::examine;
use storage::reports::status::status;
use storage::upsert::upsert;
use tokio::task::yield_now;
use tokio::time::timeout;

/// The number of reads by each reader.
const ROUNDS: i64 = 12;
/// The number of commits during one read, each for a day of its own.
const COMMITS: i64 = 2;
const DAYS: i64 = ROUNDS * 5 * COMMITS;

/// A report that needs several statements.
#[derive(Clone, Copy, Debug)]
enum Reader {
    Ledger,
    Coverage,
    Status,
    Progress,
    Doctor,
}

const READERS: [Reader; 5] = [Reader::Ledger, Reader::Coverage, Reader::Status, Reader::Progress, Reader::Doctor];

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_sees_each_commit_whole_or_not_at_all() {
    check_reads_during_commits(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_sees_each_commit_whole_or_not_at_all_on_sqlite() {
    check_reads_during_commits(Engine::Sqlite).await;
}

async fn check_reads_during_commits(engine: Engine) {
    let today = TestDatabase::empty(engine).await.database.host_now().date_naive();
    let days = Days { first: today - TimeDelta::days(DAYS + 10) };
    let since = json!({"since": days.date(0).to_string()});
    let store = Store::with(engine, &[("a", since)]).await;
    let streams = ["chat_8".to_owned()];
    let backfill = backfills::start(store.db(), "a", &streams, days.all(), Mode::Missing).await.unwrap();
    let writer = Database::connect(&store.made.url, Arc::new(SystemClock::start())).await.unwrap();
    let (mut torn, mut next) = (BTreeMap::new(), 0);
    for _ in 0..ROUNDS {
        for reader in READERS {
            let commits = async {
                for number in next..next + COMMITS {
                    commit_day(&writer, days.window(number)).await;
                }
            };
            let (is_consistent, ()) = tokio::join!(reader.is_consistent(&store, days, backfill), commits);
            *torn.entry(format!("{reader:?}")).or_insert(0) += i32::from(!is_consistent);
            next += COMMITS;
        }
    }
    assert!(
        torn.values().all(|count| *count == 0),
        "of {ROUNDS} answers each, so many show half of a commit: {torn:?}"
    );
    assert_eq!(next, DAYS);
    assert_eq!(store.ledger("a").await.coverage.held().windows(), [days.all()], "all days were committed");
    for reader in READERS {
        assert!(reader.is_consistent(&store, days, backfill).await, "{reader:?} after all commits");
    }
}

/// The days of the commits.
#[derive(Clone, Copy)]
struct Days {
    first: NaiveDate,
}

impl Days {
    fn date(self, number: i64) -> NaiveDate {
        self.first + TimeDelta::days(number)
    }

    fn at(self, number: i64) -> DateTime<Utc> {
        self.date(number).and_time(chrono::NaiveTime::MIN).and_utc()
    }

    fn window(self, number: i64) -> Window {
        Window::new(self.at(number), self.at(number + 1)).unwrap()
    }

    fn all(self) -> Window {
        Window::new(self.at(0), self.at(DAYS)).unwrap()
    }
}

/// Commits a day: a row, the evidence, coverage, an unread item that keeps the day from being held, and the progress of the
/// backfill.
async fn commit_day(db: &Database, day: Window) {
    let id = stream("a");
    let key = day.from().date_naive().to_string();
    let tx = db.begin().await.unwrap();
    let now = db.now(&tx).await.unwrap();
    let before = lock(&tx, &id).await.unwrap();
    let row = chat("a", &key, Some(day.from()), "x");
    upsert(&tx, &RowBatch::of::<wolkvox_chats::Entity>(&[row]), &Spans::default(), now).await.unwrap();
    let evidence = requests::ActiveModel { rows: Set(1), inserted: Set(1), ..request("a", day, now) };
    requests::Entity::insert(evidence).exec(&tx).await.unwrap();
    let mut after = before.clone();
    after.coverage.settle(day);
    let mut item = Job::new(Purpose::Item, Slice::Item(key), now + TimeDelta::days(1), Duration::ZERO);
    (item.scope, item.missing_scope) = (Some(day), Some(day));
    after.jobs.push(item);
    after.backfills[0].windows_done += 1;
    store(&tx, &id, &before, &after, now).await.unwrap();
    tx.commit().await.unwrap();
}

impl Reader {
    /// Whether the report shows each commit completely or not at all.
    async fn is_consistent(self, store: &Store, days: Days, backfill: i64) -> bool {
        let (account, snapshot) = (store.account(), store.snapshot());
        match self {
            Self::Ledger => {
                let ledger = store.ledger_with_sums("a").await;
                let held = ledger.coverage.held().windows().iter().map(|held| held.span().num_days()).sum::<i64>();
                u64::try_from(held).unwrap() == ledger.items.total().unread
            }
            Self::Coverage => {
                let shown = coverage(&snapshot.await, account, days.date(0), days.date(DAYS - 1)).await.unwrap();
                shown.iter().all(|day| {
                    let counts = match day.reason.as_deref() {
                        Some("not requested yet") => (0, 0),
                        Some("1 item of the day waits for its fetch") => (1, 1),
                        _ => return false,
                    };
                    day.state == Completeness::Missing && counts == (day.rows, day.requests)
                })
            }
            Self::Status => {
                let counts = status(&snapshot.await, &store.accounts).await.unwrap().accounts.remove(0).days;
                counts.r#final + counts.provisional == 0
            }
            Self::Progress => {
                let shown = progress(&snapshot.await, Some(account), backfill).await.unwrap().unwrap();
                shown.windows.done == shown.items.left
            }
            Self::Doctor => examine(store.db(), &store.accounts).await.unwrap().is_empty(),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_refuses_writes() {
    check_refused_writes(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_refuses_writes_on_sqlite() {
    check_refused_writes(Engine::Sqlite).await;
}

async fn check_refused_writes(engine: Engine) {
    let store = Store::fresh(engine).await;
    store.job("a", 0).await;
    let snapshot = store.snapshot().await;
    assert!(jobs::Entity::delete_many().exec(&snapshot).await.is_err());
    assert!(snapshot.execute_unprepared("DELETE FROM jobs").await.is_err());
    assert_eq!(store.count("jobs").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_leave_half_of_the_connections_to_the_workers() {
    check_report_connections(Engine::Postgres, 8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_leave_half_of_the_connections_to_the_workers_on_sqlite() {
    check_report_connections(Engine::Sqlite, 2).await;
}

async fn check_report_connections(engine: Engine, connections: usize) {
    let store = Store::fresh(engine).await;
    let mut reports = Vec::new();
    for _ in 0..connections {
        reports.push(store.db().report_snapshot().await.unwrap());
    }
    let further = async || timeout(Duration::from_millis(300), store.db().report_snapshot()).await;
    assert!(further().await.is_err(), "more than {connections} reports at once");
    timeout(Duration::from_secs(10), store.job("a", 0)).await.expect("a worker's connections");
    reports.pop();
    let next =
        timeout(Duration::from_secs(10), store.db().report_snapshot()).await.expect("a free connection").unwrap();
    let read = load(&next, &stream("a")).await.unwrap();
    let old = load(&reports[0], &stream("a")).await.unwrap();
    assert_eq!((read.jobs.len(), old.jobs.len()), (1, 0), "the older snapshot shows the older state");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_reader_leaves_no_transaction_open() {
    check_cancelled_reader(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_reader_leaves_no_transaction_open_on_sqlite() {
    check_cancelled_reader(Engine::Sqlite).await;
}

async fn check_cancelled_reader(engine: Engine) {
    let store = Store::fresh(engine).await;
    let today = store.now().await.date_naive();
    let mut cancelled = 0;
    // Each reader is dropped one wake-up later than the one before, wherever it then is. A fast database may answer
    // within one wake-up; the yields make the reader pause before, in and after its transaction all the same.
    for polls in 0..100 {
        let reading = async {
            yield_now().await;
            let snapshot = store.db().report_snapshot().await.unwrap();
            yield_now().await;
            coverage(&snapshot, store.account(), today - TimeDelta::days(100), today).await.unwrap();
            yield_now().await;
        };
        cancelled += u32::from(is_dropped_after(polls, reading).await);
    }
    assert!(cancelled >= 4, "only {cancelled} readers were cancelled");
    if engine == Engine::Postgres {
        let open = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND \
                    state LIKE 'idle in transaction%'";
        until("all transactions to end", async || store.made.number(open).await == 0).await;
    }
    assert_half_is_free(&store, if engine == Engine::Postgres { 8 } else { 2 }).await;
    timeout(Duration::from_secs(10), store.job("a", 0))
        .await
        .expect("a cancelled reader keeps no lock and no connection");
}

/// Polls `future` at most so many times, and drops it. Returns whether it had not ended by then.
async fn is_dropped_after<T>(polls: u32, future: impl Future<Output = T>) -> bool {
    let (mut future, mut left) = (std::pin::pin!(future), polls);
    std::future::poll_fn(|context| match left.checked_sub(1) {
        None => Poll::Ready(true),
        Some(fewer) => {
            left = fewer;
            future.as_mut().poll(context).map(|_| false)
        }
    })
    .await
}

async fn assert_half_is_free(store: &Store, connections: usize) {
    let mut reports = Vec::new();
    for _ in 0..connections {
        let report = timeout(Duration::from_secs(10), store.db().report_snapshot()).await;
        reports.push(report.expect("a free connection").unwrap());
    }
}
