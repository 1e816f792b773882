//! A service on a database of its own, at an instant that stays.

use crate::client::{Reply, get};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use domain::backfill::Mode;
use domain::clock::Clock;
use domain::fault::Fault;
use domain::hook::{Event, Hook, HookFault};
use domain::lane::{Closing, LaneKey};
use domain::lead::Lead;
use domain::ledger::Ledger;
use domain::rules::Rules;
use domain::source::{Cursor, Reader, Request, Source, Stream};
use domain::want::{Purpose, Slice, Standing, Want};
use domain::window::{Window, midnight};
use entities::database::Database;
use entities::roster::{Account, Roster};
use entities::upsert::Batch;
use entities::webhooks::webhooks;
use entities::{backfills, lanes, ledger};
use secrecy::{ExposeSecret, SecretString};
use server::{Metrics, Probe, Server};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What ends the address for webhooks.
pub const HOOK_SECRET: &str = "a-secret-of-webhooks";
/// The operator's.
pub const TOKEN: &str = "a-token-for-tests";
const ZONE: Tz = chrono_tz::America::Bogota;
/// Three accounts: one on time, one late and with gaps, one that waits for a person and is called badly.
const ACCOUNTS: [(&str, &str); 3] =
    [("wolkvox_co", "wolkvox"), ("shop_bot", "certainly"), ("<script>alert(1)</script>", "truora")];

/// A running service.
pub struct House {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its database.
    pub database: Database,
    /// Its queue.
    pub queue: Arc<Queue>,
    roster: Arc<Roster>,
    stop: CancellationToken,
    serving: Mutex<Option<tokio::task::JoinHandle<std::io::Result<()>>>>,
    _folder: TempDir,
}

impl House {
    /// Open to all.
    pub async fn open() -> Self {
        Self::start(None).await
    }

    /// For those who have the token.
    pub async fn locked(token: &str) -> Self {
        Self::start(Some(SecretString::from(token))).await
    }

    async fn start(operator_token: Option<SecretString>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("house.db").display());
        let database = Database::connect(&url, Arc::new(Stopped)).await.expect("a database");
        database.migrate().await.expect("tables");
        let account = |(name, vendor)| Account {
            source: Arc::new(Vendor { account: name, name: vendor, rules: rules() }),
            since: Some(day(10, 26)),
        };
        let roster = Arc::new(Roster::new(ACCOUNTS.map(account).into()));
        let queue = Arc::new(Queue::default());
        let server = Arc::new(Server {
            database: database.clone(),
            roster: Arc::clone(&roster),
            queue: Arc::clone(&queue) as Arc<dyn Probe>,
            metrics: Metrics::install().expect("a recorder"),
            operator_token,
            version: "1.2.3",
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let stop = CancellationToken::new();
        let serving = Mutex::new(Some(TaskTracker::new().spawn(server.serve(listener, stop.clone()))));
        Self { address, database, queue, roster, stop, serving, _folder: folder }
    }

    /// Asks it without a token.
    pub async fn get(&self, path: &str) -> Reply {
        get(self.address, path, None).await
    }

    /// Asks it with one.
    pub async fn get_with(&self, path: &str, authorization: Option<&str>) -> Reply {
        get(self.address, path, authorization).await
    }

    /// The database is gone.
    pub async fn lose_database(&self) {
        self.database.connection().close_by_ref().await.expect("a database to close");
    }

    /// Tells it to stop and waits until it has.
    pub async fn stop(&self) -> std::io::Result<()> {
        self.stop.cancel();
        let serving = self.serving.lock().expect("one test at a time").take().expect("it runs");
        serving.await.expect("no panic")
    }

    /// A life so far.
    pub async fn fill(&self) {
        for spec in self.roster.lanes() {
            lanes::ensure(&self.database, spec).await.expect("a lane");
        }
        let [good, holed, parked] = self.roster.accounts() else { panic!("three accounts") };
        self.write(good, |ledger| {
            ledger.coverage.settle(days(day(10, 26), day(11, 19)));
            hold(ledger, midnight(day(11, 19), ZONE), now() - TimeDelta::minutes(5));
            let window = Window::new(now() - TimeDelta::minutes(5), now()).expect("five minutes");
            let due = now() - TimeDelta::seconds(90);
            ledger.wants.push(Want::new(Purpose::Live, Slice::Window(window), due, Duration::ZERO));
        })
        .await;
        self.write(holed, |ledger| {
            ledger.coverage.settle(days(day(10, 26), day(11, 5)));
            ledger.coverage.settle(days(day(11, 7), day(11, 9)));
            ledger.coverage.settle(days(day(11, 10), day(11, 19)));
            hold(ledger, midnight(day(11, 19), ZONE), now() - TimeDelta::minutes(90));
            ledger.wants.push(waits_for_a_person(Purpose::Settle, days(day(11, 9), day(11, 10))));
        })
        .await;
        self.write(parked, |ledger| {
            ledger.coverage.settle(days(day(10, 26), day(11, 20)));
            let window = Window::new(now() - TimeDelta::minutes(5), now()).expect("five minutes");
            ledger.wants.push(waits_for_a_person(Purpose::Live, window));
        })
        .await;
        let streams = ["report".to_owned()];
        let window = days(day(9, 1), day(10, 1));
        backfills::start(&self.database, "wolkvox_co", &streams, window, Mode::Missing).await.expect("a backfill");
        self.close(holed, Some(now() + TimeDelta::minutes(12)), "throttled: too many requests").await;
        self.close(parked, None, "unauthorised: the token was refused").await;
    }

    async fn write(&self, account: &Account, change: impl FnOnce(&mut Ledger)) {
        let [id] = &account.streams()[..] else { panic!("one stream") };
        let tx = self.database.begin().await.expect("a transaction");
        let before = ledger::lock(&tx, id).await.expect("a ledger");
        let mut after = before.clone();
        change(&mut after);
        ledger::store(&tx, id, &before, &after, now()).await.expect("a stored ledger");
        tx.commit().await.expect("a commit");
    }

    /// How many events of webhooks are noted for the account that takes them, and how many things are wanted.
    pub async fn taken(&self) -> (u64, usize) {
        let (on, account) = (self.database.connection(), self.roster.account("shop_bot").expect("an account"));
        let taken = webhooks(on, account, now()).await.expect("a count").map_or(0, |came| came.taken);
        (taken, ledger::load(on, &account.streams()[0]).await.expect("a ledger").wants.len())
    }

    async fn close(&self, account: &Account, until: Option<DateTime<Utc>>, reason: &str) {
        let closing = Closing { until, reason: reason.to_owned() };
        let key = account.source.lane();
        let done = lanes::set_closed(self.database.connection(), &key, Some(&closing), now()).await;
        assert!(done.expect("a lane"));
    }
}

/// A day of the year at which the clock stands still.
pub fn day(month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, month, day).expect("a day")
}

/// Saturday, 21 November 2026, 11:10 in Bogota.
fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_277_400, 0).expect("an instant")
}

/// From the first up to, not including, the last.
fn days(first: NaiveDate, last: NaiveDate) -> Window {
    Window::new(midnight(first, ZONE), midnight(last, ZONE)).expect("some days")
}

fn hold(ledger: &mut Ledger, from: DateTime<Utc>, to: DateTime<Utc>) {
    ledger.coverage.hold(Window::new(from, to).expect("some time"));
}

fn waits_for_a_person(purpose: Purpose, window: Window) -> Want {
    let mut want = Want::new(purpose, Slice::Window(window), now(), Duration::ZERO);
    want.standing = Standing::Parked { reason: "a single day at the cap".to_owned() };
    want
}

fn rules() -> Rules {
    Rules {
        longest: TimeDelta::days(31),
        step: TimeDelta::seconds(1),
        grain: TimeDelta::seconds(1),
        ready_after: None,
        spill: TimeDelta::zero(),
        retention: None,
        export: None,
        row_cap: 60_000,
        spacing: Duration::from_secs(1),
        width: 1,
        daily_quota: None,
        interval: Duration::from_mins(5),
        settle: TimeDelta::hours(48),
        refresh: Duration::from_mins(5),
        overlap: TimeDelta::hours(1),
        timeout: Duration::from_secs(70),
        lease: Duration::from_secs(90),
        retry_min: Duration::from_secs(5),
        retry_max: Duration::from_mins(5),
        pending: Duration::from_mins(5),
        maintenance_pause: Duration::from_mins(10),
        requests_per_second: None,
    }
}

/// Stands still.
struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> DateTime<Utc> {
        now()
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

/// Nobody asks it anything here.
struct Vendor {
    account: &'static str,
    name: &'static str,
    rules: Rules,
}

impl Source<Batch> for Vendor {
    fn account(&self) -> &str {
        self.account
    }

    fn vendor(&self) -> &'static str {
        self.name
    }

    fn streams(&self) -> Vec<Stream> {
        vec![Stream { name: "report".to_owned(), table: "wolkvox_chats", at: "start_at", part: None }]
    }

    fn rules(&self) -> &Rules {
        &self.rules
    }

    fn zone(&self) -> Tz {
        ZONE
    }

    fn lane(&self) -> LaneKey {
        LaneKey::of(self.name, self.account)
    }

    fn ask(&self, _: &str, _: &Slice, _: Option<&Cursor>) -> Result<Request, Fault> {
        Err(Fault::Refused("not here".to_owned()))
    }

    fn reader(&self, _: &str, _: &Slice, _: Option<&Cursor>) -> Result<Box<dyn Reader<Batch>>, Fault> {
        Err(Fault::Refused("not here".to_owned()))
    }

    /// One account takes webhooks: bodies that begin with `signed `, or that come to the address with the secret. Each line
    /// is an event.
    fn hook(&self, hook: &Hook<'_>) -> Result<Vec<Event<Batch>>, HookFault> {
        if self.name != "certainly" {
            return Err(HookFault::None);
        }
        let body = String::from_utf8_lossy(hook.body);
        let is_secret = hook.secret.as_ref().is_some_and(|secret| secret.expose_secret() == HOOK_SECRET);
        let is_signed = hook.content_type == Some("application/jwt") && body.starts_with("signed ");
        if !is_secret && !is_signed {
            return Err(HookFault::Forged("no signature"));
        }
        let told: Vec<&str> = body.trim_start_matches("signed ").lines().collect();
        if told.is_empty() {
            return Err(HookFault::Malformed("no events".to_owned()));
        }
        let event = |id: &str| Event {
            id: id.to_owned(),
            kind: "told".to_owned(),
            rows: Vec::new(),
            leads: vec![Lead {
                slice: Slice::Key(id.to_owned()),
                of: Some(days(day(11, 1), day(11, 2))),
                seen: None,
                has_ended: false,
            }],
        };
        Ok(told.into_iter().map(event).collect())
    }
}

/// Does as it is told.
#[derive(Default)]
pub struct Queue {
    mood: Mutex<Mood>,
}

#[derive(Clone, Default)]
enum Mood {
    #[default]
    Well,
    Failing(String),
    Stalled,
}

impl Queue {
    /// From now on it refuses.
    pub fn fail(&self, reason: &str) {
        *self.mood.lock().expect("no panic") = Mood::Failing(reason.to_owned());
    }

    /// From now on it does not answer.
    pub fn stall(&self) {
        *self.mood.lock().expect("no panic") = Mood::Stalled;
    }
}

#[async_trait::async_trait]
impl Probe for Queue {
    async fn ping(&self) -> Result<(), String> {
        let mood = self.mood.lock().expect("no panic").clone();
        match mood {
            Mood::Well => Ok(()),
            Mood::Failing(reason) => Err(reason),
            Mood::Stalled => std::future::pending().await,
        }
    }
}
