//! The service: its connections, and the roles of a process.

mod heartbeat;
mod loops;
pub mod supervisor;
pub mod watchdog;

pub use crate::arguments::Role;

use self::loops::Loops;
use self::supervisor::Supervisor;
use self::watchdog::LoopWatchdog;
use crate::clock::SystemClock;
use crate::failure::{Code, Failure};
use crate::settings::Settings;
use domain::clock::Clock;
use domain::process;
use domain::restart::RestartPolicy;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use scheduler::Scheduler;
use secrecy::{ExposeSecret, SecretString};
use server::{Metrics, Probe, RateLimits, Server, Tokens};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use storage::accounts::Accounts;
use storage::database::{Database, Pool, missing_file};
use storage::installation::lane_secret;
use storage::processes::ProcessIdentity;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::info;
use worker::http::Http;
use worker::mail_ingest::MailIngest;
use worker::queue::Queue;
use worker::rate_limit;
use worker::worker::Worker;

/// What the roles of a process share.
pub struct Service {
    /// The database, with its tables up to date. The scheduler and the workers use this pool.
    pub database: Database,
    /// The server's own pool: webhooks, health checks and pages do not wait for the workers' connections.
    pub server_database: Database,
    /// The accounts in the settings.
    pub accounts: Arc<Accounts>,
    /// The queue.
    pub queue: Queue,
    /// This host's clock.
    pub clock: Arc<dyn Clock>,
    /// The client that sends requests to vendors.
    pub http: Http,
}

/// Connections that the scheduler, the mailboxes and the renewals of leases need beside one for each ticket.
const SPARE_CONNECTIONS: u32 = 4;

/// Connections of the server's pool.
const SERVER_CONNECTIONS: u32 = 8;

/// Connections of a command's pool.
const COMMAND_CONNECTIONS: u32 = 4;

/// The longest time to connect to the database or the queue.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

impl Service {
    /// Connects to the database and the queue, and brings the tables up to date.
    ///
    /// # Errors
    /// Settings that cannot be used, or a database or queue that cannot be reached.
    pub async fn open(settings: &Settings) -> Result<Self, Failure> {
        let accounts = settings.accounts()?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        let tickets = u32::try_from(settings.worker.concurrency).unwrap_or(u32::MAX);
        let database = connect_pool(settings, &clock, tickets.saturating_add(SPARE_CONNECTIONS)).await?;
        let server_database = connect_pool(settings, &clock, SERVER_CONNECTIONS).await?.waking_scheduler_of(&database);
        let migrations = database.migrate(&sources::conversations_view()).await.map_err(|error| {
            Failure::new(Code::Down, format!("cannot bring the tables up to date: {error}; look at database.url"))
        })?;
        if !migrations.is_empty() {
            info!(migrations = migrations.len(), "the tables are up to date");
        }
        let accounts = Arc::new(accounts.keyed(&lane_secret(&database).await?));
        let queue = open_queue(settings).await?;
        Ok(Self { database, server_database, accounts, queue, clock, http: http_client()? })
    }

    /// Reports that this process runs `roles`. [`Service::run`] does so by itself, a moment after it has started.
    ///
    /// # Errors
    /// An error of the database.
    pub async fn register(&self, roles: &[Role]) -> Result<(), Failure> {
        let registered = storage::processes::register(&self.database, &identity(roles)).await;
        registered.map_err(|error| Failure::new(Code::Down, format!("cannot report this process: {error}")))
    }

    /// Runs `roles` until `stop`, then waits until nothing is in flight, at most for `worker.drain` and 20 s. What has not ended
    /// by then is left to its lease.
    ///
    /// # Errors
    /// A role that cannot start, or a loop that fails again and again.
    pub async fn run(
        &self,
        settings: &Settings,
        roles: &[Role],
        listener: Option<TcpListener>,
        stop: CancellationToken,
    ) -> Result<(), Failure> {
        let metrics = Metrics::install().map_err(|error| Failure::new(Code::Unexpected, error.to_string()))?;
        let mailboxes = self.mailboxes()?;
        let scheduler = self.scheduler(settings);
        tokio::select! {
            created = scheduler.create_lanes() => created?,
            // A database that does not answer must not keep the process from stopping.
            () = stop.cancelled() => return Ok(()),
        }
        let watchdog = LoopWatchdog::new(self.clock.clone(), database_time(settings));
        let supervisor = Supervisor::new(self.clock.clone(), RestartPolicy::default(), watchdog.clone(), stop.clone());
        let loops = Loops::new(supervisor, stop.clone());
        if let Some(listener) = listener.filter(|_| roles.contains(&Role::Server)) {
            loops.start_server(Arc::new(self.server(settings, (metrics, watchdog.clone()))), listener.into_std()?);
        }
        loops.start_heartbeat(&self.database, identity(roles));
        loops.start_watchdog(&watchdog);
        if roles.contains(&Role::Scheduler) {
            loops.start_scheduler(scheduler);
            loops.start_pruner(&self.database, settings.retention, process_name());
        }
        if roles.contains(&Role::Scheduler) || roles.contains(&Role::Server) {
            loops.start_webhook_backlog(&self.database);
        }
        if roles.contains(&Role::Worker) {
            for mailbox in mailboxes {
                loops.start_mailbox(mailbox, process_name());
            }
            let worker = Arc::new(self.worker(stop.clone(), watchdog));
            loops.start_queue_consumer(&self.queue, worker, &settings.worker);
        }
        stop.cancelled().await;
        loops.end(settings.worker.drain).await.map_err(|message| Failure::new(Code::Unexpected, message))
    }

    /// The scheduler of this service's accounts.
    #[must_use]
    pub fn scheduler(&self, settings: &Settings) -> Scheduler {
        let queue = Arc::new(self.queue.clone());
        Scheduler::new(self.database.clone(), self.accounts.clone(), queue, settings.scheduler.tick)
    }

    /// The reader of each mailbox that an account names.
    fn mailboxes(&self) -> Result<Vec<MailIngest>, Failure> {
        MailIngest::from_accounts(&self.database, &self.accounts)
            .map_err(|(account, reason)| Failure::settings(format!("accounts.{account}.mailbox: {reason}")))
    }

    fn worker(&self, draining: CancellationToken, watchdog: LoopWatchdog) -> Worker {
        let rng = Mutex::new(SmallRng::from_os_rng());
        Worker {
            database: self.database.clone(),
            accounts: self.accounts.clone(),
            http: self.http.clone(),
            rates: rate_limit::RateLimits::new(self.clock.clone()),
            clock: self.clock.clone(),
            jitter: Arc::new(move || rng.lock().map_or(0.5, |mut rng| rng.random())),
            watchdog: Arc::new(watchdog),
            name: process_name(),
            draining,
        }
    }

    fn server(&self, settings: &Settings, (metrics, watchdog): (Metrics, LoopWatchdog)) -> Server {
        let token = |token: &SecretString| (!token.expose_secret().is_empty()).then(|| token.clone());
        let settings = &settings.server;
        Server {
            database: self.server_database.clone(),
            accounts: self.accounts.clone(),
            queue: Arc::new(QueueProbe(self.queue.clone())),
            liveness: Arc::new(watchdog),
            metrics,
            rate_limits: RateLimits::new(&settings.limits, &self.clock),
            tokens: Tokens {
                operator: token(&settings.operator_token),
                read: token(&settings.read_token),
                metrics: token(&settings.metrics_token),
            },
            max_connections: settings.max_connections,
            state: server::State::default(),
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

/// Connects to the database that the settings name, creates a missing SQLite file, and leaves the tables as they are.
///
/// # Errors
/// A database that cannot be reached within 10 seconds.
pub async fn connect_database(settings: &Settings) -> Result<(Database, Arc<dyn Clock>), Failure> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    Ok((connect_pool(settings, &clock, COMMAND_CONNECTIONS).await?, clock))
}

async fn connect_pool(settings: &Settings, clock: &Arc<dyn Clock>, connections: u32) -> Result<Database, Failure> {
    let url = settings.database.url.expose_secret();
    // The pool's own time-out is longer, and its error does not name the reason.
    let pool = Pool { connections, timeout: settings.database.timeout };
    let connecting = tokio::time::timeout(CONNECT_TIMEOUT, Database::connect_pool(url, clock.clone(), pool)).await;
    let reason = match connecting {
        Ok(Ok(database)) => return Ok(database),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "no connection within 10 s".to_owned(),
    };
    let message = format!("cannot reach the database {}: {reason}; look at database.url", redact_password(url));
    Err(Failure::new(Code::Down, message))
}

/// Connects to the database that the settings name, and creates no file.
///
/// # Errors
/// A SQLite file that does not exist, or a database that cannot be reached within 10 seconds.
pub async fn connect_existing_database(settings: &Settings) -> Result<Database, Failure> {
    if let Some(file) = missing_file(settings.database.url.expose_secret()) {
        let file = file.display();
        let message = format!("there is no database file {file}; run convosync migrate, or look at database.url");
        return Err(Failure::new(Code::Down, message));
    }
    Ok(connect_database(settings).await?.0)
}

/// Opens the queue that the settings name.
///
/// # Errors
/// A queue that cannot be reached within 10 seconds.
pub async fn open_queue(settings: &Settings) -> Result<Queue, Failure> {
    let url = settings.queue.url.expose_secret();
    let opening = tokio::time::timeout(CONNECT_TIMEOUT, Queue::open(url, &settings.queue.name)).await;
    let reason = match opening {
        Ok(Ok(queue)) => return Ok(queue),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "no answer within 10 s".to_owned(),
    };
    let message = format!("cannot reach the queue {}: {reason}; look at queue.url", redact_password(url));
    Err(Failure::new(Code::Down, message))
}

/// The client that sends requests to vendors.
///
/// # Errors
/// TLS that cannot be set up.
pub fn http_client() -> Result<Http, Failure> {
    Http::new().map_err(|error| Failure::new(Code::Unexpected, format!("cannot set up TLS: {error}")))
}

/// An address without secrets: without user and password, which end at the last `@`, and without parameters after `?`,
/// which may be a password too.
fn redact_password(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (login, host) = rest.rsplit_once('@').unwrap_or(("", rest));
    match (login.contains('?'), host.split('?').next()) {
        (false, Some(host)) if login.is_empty() => format!("{scheme}://{host}"),
        (false, Some(host)) => format!("{scheme}://…@{host}"),
        // A `?` before the `@` may be part of the password, so that the host's place is unknown.
        _ => format!("{scheme}://…"),
    }
}

/// The queue, as the server checks it.
struct QueueProbe(Queue);

#[async_trait::async_trait]
impl Probe for QueueProbe {
    async fn ping(&self) -> Result<(), String> {
        self.0.ping().await.map_err(|error| error.to_string())
    }
}

/// The time that the database may take for one step of a loop, which is a few statements. Each ends within its time-out.
fn database_time(settings: &Settings) -> Duration {
    settings.database.timeout.saturating_mul(5).max(Duration::from_mins(1))
}

/// The name of this process, also as the holder of a lane.
fn process_name() -> String {
    format!("{}-{}", host_name(), std::process::id())
}

/// What this process reports about itself.
fn identity(roles: &[Role]) -> ProcessIdentity {
    let roles = roles.iter().map(|role| match role {
        Role::Scheduler => process::Role::Scheduler,
        Role::Worker => process::Role::Worker,
        Role::Server => process::Role::Server,
    });
    ProcessIdentity {
        name: process_name(),
        roles: roles.collect(),
        host: host_name(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// The name of this host.
fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    if name.trim().is_empty() { "host".to_owned() } else { name.trim().to_owned() }
}
