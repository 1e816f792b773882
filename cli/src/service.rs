//! The service, put together.

use crate::arguments::Role;
use crate::clock::SystemClock;
use crate::failure::{Code, Failure};
use crate::settings::{Settings, wrong};
use domain::clock::Clock;
use entities::database::Database;
use entities::roster::Roster;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use scheduler::Scheduler;
use secrecy::ExposeSecret;
use server::{Metrics, Probe, Server};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info};
use worker::http::Http;
use worker::post::Post;
use worker::pull::Worker;
use worker::queue::Queue;

/// Everything a process needs, connected.
pub struct Service {
    /// The database, up to date.
    pub database: Database,
    /// The accounts.
    pub roster: Arc<Roster>,
    /// The queue.
    pub queue: Queue,
    /// This host's clock.
    pub clock: Arc<dyn Clock>,
    /// How to send.
    pub http: Http,
}

/// What is left of a lease after its request's time-out, for storing the answer.
const GRACE: Duration = Duration::from_secs(5);

impl Service {
    /// Connects to everything the settings name, and brings the tables up to date.
    ///
    /// # Errors
    /// What cannot be reached, and what to look at.
    pub async fn open(settings: &Settings) -> Result<Self, Failure> {
        let roster = Arc::new(settings.roster()?);
        let (database, clock) = database(settings).await?;
        let done =
            database.migrate().await.map_err(|error| Failure::new(Code::Down, format!("cannot migrate: {error}")))?;
        if !done.is_empty() {
            info!(changes = done.len(), "tables are up to date");
        }
        Ok(Self { database, roster, queue: queue(settings).await?, clock, http: http()? })
    }

    /// Runs `roles` until `stop`; then lets what is in flight end.
    ///
    /// # Errors
    /// What ended by itself, or could not be begun.
    pub async fn run(
        &self,
        settings: &Settings,
        roles: &[Role],
        listener: Option<TcpListener>,
        stop: CancellationToken,
    ) -> Result<(), Failure> {
        let metrics = Metrics::install().map_err(|error| Failure::new(Code::Unexpected, error.to_string()))?;
        let posts = self.posts()?;
        let scheduler = self.scheduler(settings);
        scheduler.prepare().await?;
        let tasks = TaskTracker::new();
        let ended = Arc::new(Mutex::new(None));
        // Health must be seen until the last request has ended.
        let serving = CancellationToken::new();
        if let Some(listener) = listener.filter(|_| roles.contains(&Role::Server)) {
            let server = Arc::new(self.server(settings, metrics));
            let (serving, stop, ended) = (serving.clone(), stop.clone(), ended.clone());
            tasks.spawn(async move {
                end(server.serve(listener, serving).await.map_err(|error| error.to_string()), &stop, &ended);
            });
        }
        let working = TaskTracker::new();
        if roles.contains(&Role::Scheduler) {
            let stop = stop.clone();
            working.spawn(async move { scheduler.run(&stop).await });
        }
        if roles.contains(&Role::Worker) {
            for post in posts {
                working.spawn(Arc::new(post).run(stop.clone()));
            }
            let worker = Arc::new(self.worker(stop.clone()));
            let (queue, at_once, drain) = (self.queue.clone(), settings.worker.concurrency, settings.worker.drain);
            let (stop, ended) = (stop.clone(), ended.clone());
            working.spawn(async move {
                let done = queue.consume(worker, at_once, stop.clone(), drain).await;
                end(done.map_err(|error| error.to_string()), &stop, &ended);
            });
        }
        stop.cancelled().await;
        working.close();
        working.wait().await;
        serving.cancel();
        tasks.close();
        tasks.wait().await;
        let ended = ended.lock().map_or(None, |mut ended| ended.take());
        ended.map_or(Ok(()), |message| Err(Failure::new(Code::Unexpected, message)))
    }

    /// A scheduler over this service's ledgers.
    #[must_use]
    pub fn scheduler(&self, settings: &Settings) -> Scheduler {
        Scheduler {
            database: self.database.clone(),
            roster: self.roster.clone(),
            queue: Arc::new(self.queue.clone()),
            every: settings.scheduler.tick,
        }
    }

    /// One for each mailbox that an account names.
    fn posts(&self) -> Result<Vec<Post>, Failure> {
        Post::of(&self.database, &self.roster)
            .map_err(|(account, why)| wrong(format!("accounts.{account}.mailbox: {why}")))
    }

    fn worker(&self, draining: CancellationToken) -> Worker {
        let random = Mutex::new(SmallRng::from_os_rng());
        Worker {
            database: self.database.clone(),
            roster: self.roster.clone(),
            http: self.http.clone(),
            clock: self.clock.clone(),
            jitter: Arc::new(move || random.lock().map_or(0.5, |mut random| random.random())),
            name: format!("{}-{}", host(), std::process::id()),
            draining,
        }
    }

    fn server(&self, settings: &Settings, metrics: Metrics) -> Server {
        let token = settings.server.operator_token.clone();
        Server {
            database: self.database.clone(),
            roster: self.roster.clone(),
            queue: Arc::new(QueueProbe(self.queue.clone())),
            metrics,
            operator_token: (!token.expose_secret().is_empty()).then_some(token),
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

/// The database that the settings name, not migrated.
///
/// # Errors
/// Where it cannot be reached.
pub async fn database(settings: &Settings) -> Result<(Database, Arc<dyn Clock>), Failure> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let url = settings.database.url.expose_secret();
    // The pool would try for longer, and then say only that it tried.
    let connecting = tokio::time::timeout(GRACE * 2, Database::connect(url, clock.clone())).await;
    let why = match connecting {
        Ok(Ok(database)) => return Ok((database, clock)),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "no connection within 10 s".to_owned(),
    };
    let message = format!("cannot reach the database {}: {why}; look at database.url", without_password(url));
    Err(Failure::new(Code::Down, message))
}

/// The queue that the settings name.
///
/// # Errors
/// Where it cannot be reached.
pub async fn queue(settings: &Settings) -> Result<Queue, Failure> {
    let url = settings.queue.url.expose_secret();
    let opening = tokio::time::timeout(GRACE * 2, Queue::open(url, &settings.queue.name)).await;
    let why = match opening {
        Ok(Ok(queue)) => return Ok(queue),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "no answer".to_owned(),
    };
    let message = format!("cannot reach the queue {}: {why}; look at queue.url", without_password(url));
    Err(Failure::new(Code::Down, message))
}

/// What sends requests.
///
/// # Errors
/// Where TLS cannot be set up.
pub fn http() -> Result<Http, Failure> {
    Http::new().map_err(|error| Failure::new(Code::Unexpected, format!("TLS cannot be set up: {error}")))
}

/// An address that may be shown: without user and password, which end at the last `@`, and without what follows `?`,
/// where they may stand as well.
fn without_password(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (secret, place) = rest.rsplit_once('@').unwrap_or(("", rest));
    match (secret.contains('?'), place.split('?').next()) {
        (false, Some(place)) if secret.is_empty() => format!("{scheme}://{place}"),
        (false, Some(place)) => format!("{scheme}://…@{place}"),
        // Nobody can tell where the address ends and the rest begins.
        _ => format!("{scheme}://…"),
    }
}

struct QueueProbe(Queue);

#[async_trait::async_trait]
impl Probe for QueueProbe {
    async fn ping(&self) -> Result<(), String> {
        self.0.ping().await.map_err(|error| error.to_string())
    }
}

fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    if name.trim().is_empty() { "host".to_owned() } else { name.trim().to_owned() }
}

/// A part that ends by itself, before it was told to, ends the process: half a service looks healthy and is not.
fn end(done: Result<(), String>, stop: &CancellationToken, ended: &Mutex<Option<String>>) {
    if let Err(message) = done {
        error!(message, "a part of the service ended by itself");
        if let Ok(mut ended) = ended.lock() {
            *ended = Some(message);
        }
        stop.cancel();
    }
}
