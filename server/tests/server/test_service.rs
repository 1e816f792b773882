//! The service under test: its router on a database of its own, with a clock that stands still.

use crate::client::{Client, Reply};
use crate::fake_loops::FakeLoops;
use crate::fake_queue::FakeQueue;
use crate::fake_source::FakeSource;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use domain::backfill::Mode;
use domain::clock::Clock;
use domain::job::{Job, JobState, Purpose};
use domain::lane::LaneClosure;
use domain::ledger::Ledger;
use domain::process::Role;
use domain::slice::Slice;
use domain::window::{Window, midnight};
use secrecy::SecretString;
use server::{Limits, Liveness, Metrics, Probe, RateLimits, Server, State, Tokens};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use storage::accounts::{Account, Accounts};
use storage::database::Database;
use storage::lanes;
use storage::ledger;
use storage::ledger::backfills;
use storage::processes::{self, ProcessIdentity};
use storage::reports::webhook_stats::webhooks;
use tempfile::TempDir;

/// The operator token.
pub const TOKEN: &str = "a-token-for-tests";
/// Room for the connections of any test.
const MAX_CONNECTIONS: NonZeroUsize = NonZeroUsize::new(512).expect("a positive number");
/// The zone of every account.
pub const ZONE: Tz = chrono_tz::America::Bogota;
/// Account and vendor. The name of the last one is an attack on the dashboard.
const ACCOUNTS: [(&str, &str); 3] =
    [("wolkvox_co", "wolkvox"), ("shop_bot", "certainly"), ("<script>alert(1)</script>", "truora")];

/// The service under test.
pub struct TestService {
    /// Sends requests to it.
    pub client: Client,
    /// Its database.
    pub database: Database,
    /// Its queue.
    pub queue: Arc<FakeQueue>,
    /// Its loops.
    pub loops: Arc<FakeLoops>,
    /// The server itself, to serve on a socket.
    pub server: Arc<Server>,
    /// Its clock.
    pub clock: Arc<StoppedClock>,
    accounts: Arc<Accounts>,
    _folder: TempDir,
}

impl TestService {
    /// A service without a token.
    pub async fn open() -> Self {
        Self::new(Tokens::default(), Limits::default(), MAX_CONNECTIONS).await
    }

    /// A service with an operator token.
    pub async fn guarded(token: &str) -> Self {
        let operator = Some(SecretString::from(token));
        Self::new(Tokens { operator, ..Tokens::default() }, Limits::default(), MAX_CONNECTIONS).await
    }

    /// A service with tokens and limits of its own.
    pub async fn guarded_by(tokens: Tokens, limits: Limits) -> Self {
        Self::new(tokens, limits, MAX_CONNECTIONS).await
    }

    /// A service with rate limits of its own.
    pub async fn limited(limits: Limits) -> Self {
        Self::new(Tokens::default(), limits, MAX_CONNECTIONS).await
    }

    /// A service with room for a few connections.
    pub async fn crowded(max_connections: usize) -> Self {
        let max_connections = NonZeroUsize::new(max_connections).expect("a positive number");
        Self::new(Tokens::default(), Limits::default(), max_connections).await
    }

    async fn new(tokens: Tokens, limits: Limits, max_connections: NonZeroUsize) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("test.db").display());
        let stopped = Arc::new(StoppedClock::default());
        let clock = Arc::clone(&stopped) as Arc<dyn Clock>;
        let database = Database::connect(&url, Arc::clone(&clock)).await.expect("a database");
        database.migrate(&[]).await.expect("tables");
        let account = |(name, vendor)| Account::new(Arc::new(FakeSource::new(name, vendor)), Some(day(10, 26)));
        let accounts = Arc::new(Accounts::new(ACCOUNTS.map(account).into()));
        let queue = Arc::new(FakeQueue::default());
        let loops = Arc::new(FakeLoops::default());
        let server = Arc::new(Server {
            database: database.clone(),
            accounts: Arc::clone(&accounts),
            queue: Arc::clone(&queue) as Arc<dyn Probe>,
            liveness: Arc::clone(&loops) as Arc<dyn Liveness>,
            metrics: Metrics::install().expect("a recorder"),
            rate_limits: RateLimits::new(&limits, &clock),
            tokens,
            max_connections,
            state: State::default(),
            version: "1.2.3",
        });
        let client = Client::new(Arc::clone(&server).router());
        Self { client, database, queue, loops, server, clock: stopped, accounts, _folder: folder }
    }

    /// Sends a GET without credentials.
    pub async fn get(&self, path: &str) -> Reply {
        self.client.get(path).await
    }

    /// Closes the connections to the database for good.
    pub async fn close_database(&self) {
        self.database.close().await.expect("an open database");
    }

    /// Fills the ledgers: one account on time, one late with gaps, one that is parked.
    pub async fn fill(&self) {
        for spec in self.accounts.lanes() {
            lanes::ensure(&self.database, spec).await.expect("a lane");
        }
        let process = ProcessIdentity {
            name: "host-1".to_owned(),
            roles: vec![Role::Scheduler, Role::Worker],
            host: "host".to_owned(),
            version: "1.2.3".to_owned(),
        };
        processes::register(&self.database, &process).await.expect("a process");
        let [on_time, late, parked] = self.accounts.all() else { panic!("three accounts") };
        self.edit_ledger(on_time, |ledger| {
            ledger.coverage.settle(days(day(10, 26), day(11, 19)));
            hold(ledger, midnight(day(11, 19), ZONE), now() - TimeDelta::minutes(5));
            let window = Window::new(now() - TimeDelta::minutes(5), now()).expect("five minutes");
            let due = now() - TimeDelta::seconds(90);
            ledger.jobs.push(Job::new(Purpose::Live, Slice::Window(window), due, Duration::ZERO));
        })
        .await;
        self.edit_ledger(late, |ledger| {
            ledger.coverage.settle(days(day(10, 26), day(11, 5)));
            ledger.coverage.settle(days(day(11, 7), day(11, 9)));
            ledger.coverage.settle(days(day(11, 10), day(11, 19)));
            hold(ledger, midnight(day(11, 19), ZONE), now() - TimeDelta::minutes(90));
            ledger.jobs.push(parked_job(Purpose::Settle, days(day(11, 9), day(11, 10))));
        })
        .await;
        self.edit_ledger(parked, |ledger| {
            ledger.coverage.settle(days(day(10, 26), day(11, 20)));
            let window = Window::new(now() - TimeDelta::minutes(5), now()).expect("five minutes");
            ledger.jobs.push(parked_job(Purpose::Live, window));
        })
        .await;
        let streams = ["report".to_owned()];
        let window = days(day(9, 1), day(10, 1));
        backfills::start(&self.database, "wolkvox_co", &streams, window, Mode::Missing).await.expect("a backfill");
        self.close_lane(late, Some(now() + TimeDelta::minutes(12)), "throttled: too many requests").await;
        self.close_lane(parked, None, "unauthorised: the token was refused").await;
    }

    async fn edit_ledger(&self, account: &Account, change: impl FnOnce(&mut Ledger)) {
        let [id] = &account.streams()[..] else { panic!("one stream") };
        let tx = self.database.begin().await.expect("a transaction");
        let before = ledger::lock(&tx, id).await.expect("a ledger");
        let mut after = before.clone();
        change(&mut after);
        ledger::store(&tx, id, &before, &after, now()).await.expect("a stored ledger");
        tx.commit().await.expect("a commit");
    }

    /// The number of stored webhook events of the account that accepts them, and the number of its open jobs.
    pub async fn webhook_events_and_jobs(&self) -> (u64, usize) {
        let snapshot = &self.database.snapshot().await.expect("a snapshot");
        let account = self.accounts.account("shop_bot").expect("an account");
        let stored = webhooks(snapshot, account, now()).await.expect("a count");
        let jobs = ledger::item_jobs(snapshot, &account.streams()[0]).await.expect("the jobs");
        (stored.map_or(0, |counts| counts.taken), jobs.len())
    }

    async fn close_lane(&self, account: &Account, until: Option<DateTime<Utc>>, reason: &str) {
        let closure = LaneClosure { until, reason: reason.to_owned() };
        let key = account.lane_key();
        let is_found = lanes::set_closed(self.database.connection(), &key, Some(&closure), now()).await;
        assert!(is_found.expect("a lane"));
    }
}

/// Waits until `is_so` holds.
pub async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let waited = tokio::time::timeout(Duration::from_mins(5), async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(waited.await.is_ok(), "waited for {what}");
}

/// A day of 2026.
pub fn day(month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, month, day).expect("a day")
}

/// The time of the stopped clock: Saturday, 21 November 2026, 11:10 in Bogota.
fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_277_400, 0).expect("an instant")
}

/// The window from `first` up to `last`, which is excluded.
pub fn days(first: NaiveDate, last: NaiveDate) -> Window {
    Window::new(midnight(first, ZONE), midnight(last, ZONE)).expect("some days")
}

fn hold(ledger: &mut Ledger, from: DateTime<Utc>, to: DateTime<Utc>) {
    ledger.coverage.hold(Window::new(from, to).expect("some time"));
}

fn parked_job(purpose: Purpose, window: Window) -> Job {
    let mut job = Job::new(purpose, Slice::Window(window), now(), Duration::ZERO);
    job.state = JobState::Parked { reason: "a single day at the cap".to_owned() };
    job
}

/// A clock that stands still until a test advances it. Its wall clock always shows the same time.
#[derive(Default)]
pub struct StoppedClock(AtomicU64);

impl StoppedClock {
    /// Lets time pass.
    pub fn advance(&self, milliseconds: u64) {
        self.0.fetch_add(milliseconds, Ordering::SeqCst);
    }
}

impl Clock for StoppedClock {
    fn now(&self) -> DateTime<Utc> {
        now()
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst))
    }
}
