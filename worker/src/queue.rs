//! Tickets through apalis: in process, or over Redis. The only consumer.
//!
//! apalis moves tickets, bounds how many are worked on at once and drains. Retry, delay, order, priority,
//! deduplication and counts are the ledger's, since apalis 1.0 gets each of them wrong on one backend or the other.
//! So a handler never fails: what became of a job is in the ledger before its ticket is acknowledged.

use crate::worker::Worker;
use apalis::prelude::WorkerBuilderExt;
use apalis_core::backend::ext::BackendExt;
use apalis_core::backend::ext::poll_strategy::{PollSnapshot, PollStrategy};
use apalis_core::backend::memory::{MemorySink, MemoryStorage, MemoryStorageError};
use apalis_core::backend::{TaskSink, Vacuum};
use apalis_core::error::BoxDynError;
use apalis_core::monitor::Monitor;
use apalis_core::task::Task;
use apalis_core::task::data::Data;
use apalis_core::worker::builder::WorkerBuilder;
use apalis_redis::{Config, RedisStorage};
use domain::ticket::{Push, Ticket};
use futures::{FutureExt, SinkExt, StreamExt, stream};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

/// Where tickets are.
#[derive(Clone)]
pub enum Queue {
    /// In this process.
    Memory {
        /// In.
        tickets: mpsc::UnboundedSender<Ticket>,
        /// Out; shared, so that a restarted worker goes on with the same tickets.
        waiting: Arc<Mutex<mpsc::UnboundedReceiver<Ticket>>>,
    },
    /// In Redis, for many processes.
    Redis {
        /// A connection that mends itself.
        connection: ConnectionManager,
        /// The prefix of the queue's keys.
        name: String,
    },
}

/// How often an idle worker looks for tickets in Redis.
const POLL: Duration = Duration::from_millis(50);
/// How long Redis may take for an answer; the library's own half second gives up during a busy moment.
const REDIS_PATIENCE: Duration = Duration::from_secs(10);
/// How often acknowledged tickets are removed from Redis, which keeps them for ever by itself.
const SWEEP: Duration = Duration::from_mins(1);

impl Queue {
    /// Opens `memory:` or `redis://…`; `name` keeps two installations on one Redis apart.
    ///
    /// # Errors
    /// What Redis says.
    pub async fn open(url: &str, name: &str) -> Result<Self, redis::RedisError> {
        if url == "memory:" {
            let (tickets, waiting) = mpsc::unbounded_channel();
            return Ok(Self::Memory { tickets, waiting: Arc::new(Mutex::new(waiting)) });
        }
        let config = ConnectionManagerConfig::new()
            .set_response_timeout(Some(REDIS_PATIENCE))
            .set_connection_timeout(Some(REDIS_PATIENCE));
        let connection = ConnectionManager::new_with_config(redis::Client::open(url)?, config).await?;
        Ok(Self::Redis { connection, name: name.to_owned() })
    }

    /// Whether a ticket could be pushed.
    ///
    /// # Errors
    /// What Redis says.
    pub async fn ping(&self) -> Result<(), redis::RedisError> {
        match self {
            Self::Memory { .. } => Ok(()),
            Self::Redis { connection, name } => {
                let key = format!("{name}:ping");
                redis::cmd("SET").arg(&key).arg(1).arg("EX").arg(60).query_async(&mut connection.clone()).await
            }
        }
    }

    /// Works on tickets, `concurrency` at once, until `stop`; then lets those in work end, for `grace` at most.
    ///
    /// # Errors
    /// Where the workers ended by themselves, which they never should.
    pub async fn consume(
        &self,
        worker: Arc<Worker>,
        concurrency: usize,
        stop: CancellationToken,
        grace: Duration,
    ) -> Result<(), BoxDynError> {
        let signal = stop.clone();
        let until_stopped = async move {
            signal.cancelled().await;
            Ok(())
        };
        // A backend that stumbles ends its worker; another takes its place. Its name must be new: the old one counts
        // as alive for a while.
        let monitor = Monitor::new().shutdown_timeout(grace).should_restart(|_, error| {
            warn!(%error, "the queue's worker ended; another takes its place");
            true
        });
        match self.clone() {
            Self::Memory { waiting, .. } => {
                let monitor = monitor.register(move |_| {
                    let backend = MemoryStorage::new_with(no_sink(), receive(waiting.clone()));
                    WorkerBuilder::new(fresh_name(&worker))
                        .backend(backend)
                        .concurrency(concurrency)
                        .data(worker.clone())
                        .build(handle)
                });
                monitor.run_with_signal(until_stopped).await?;
            }
            Self::Redis { connection, name } => {
                let config = redis_config(&name);
                let storage = connection.clone();
                let monitor = monitor.register(move |_| {
                    let backend = RedisStorage::<Ticket, _>::new(storage.clone()).with_config(config.clone());
                    let backend = backend.poll_with_strategy(Every::new(POLL));
                    WorkerBuilder::new(fresh_name(&worker))
                        .backend(backend)
                        .concurrency(concurrency)
                        .data(worker.clone())
                        .build(handle)
                });
                tokio::select! {
                    done = monitor.run_with_signal(until_stopped) => done?,
                    () = sweep(connection, &name) => {}
                }
            }
        }
        if stop.is_cancelled() { Ok(()) } else { Err("the queue's workers ended by themselves".into()) }
    }
}

#[async_trait::async_trait]
impl Push for Queue {
    async fn push(&self, ticket: Ticket) -> Result<(), String> {
        match self {
            Self::Memory { tickets, .. } => {
                tickets.send(ticket).map_err(|_| "nobody takes tickets any more".to_owned())
            }
            Self::Redis { connection, name } => {
                let mut storage = RedisStorage::<Ticket, _>::new(connection.clone()).with_config(redis_config(name));
                TaskSink::push(&mut storage, ticket).await.map_err(|error| error.to_string())
            }
        }
    }
}

/// Works on one ticket. A panic ends with it; the job is taken up again when its lease has ended.
async fn handle(ticket: Ticket, worker: Data<Arc<Worker>>) -> Result<(), BoxDynError> {
    if AssertUnwindSafe(worker.work(ticket)).catch_unwind().await.is_err() {
        error!(%ticket, "a panic while working on a ticket");
    }
    Ok(())
}

fn fresh_name(worker: &Worker) -> String {
    format!("{}-{}", worker.name, ulid::Ulid::generate())
}

fn redis_config(name: &str) -> Config {
    // One ticket per fetch: a worker with a buffer neither beats nor acknowledges while it is full.
    Config::default()
        .queue(name)
        .batch_size(1)
        .heartbeat_interval(Duration::from_secs(5))
        .missed_heartbeats(3)
        .emit_events(false)
}

fn receive(
    waiting: Arc<Mutex<mpsc::UnboundedReceiver<Ticket>>>,
) -> Pin<Box<dyn futures::Stream<Item = Task<Ticket>> + Send>> {
    let next = |waiting: Arc<Mutex<mpsc::UnboundedReceiver<Ticket>>>| async move {
        let ticket = waiting.lock().await.recv().await?;
        Some((Task::new(ticket), waiting))
    };
    stream::unfold(waiting, next).boxed()
}

/// Tickets come in by [`Push`], not by the backend's own sink.
fn no_sink() -> MemorySink<Ticket> {
    let sink = futures::sink::drain()
        .sink_map_err(|never: std::convert::Infallible| MemoryStorageError::Other(Box::new(never)));
    MemorySink::new(Arc::new(futures::lock::Mutex::new(Box::new(sink))))
}

async fn sweep(mut connection: ConnectionManager, name: &str) {
    loop {
        tokio::time::sleep(SWEEP).await;
        let mut storage = RedisStorage::<Ticket, _>::new(connection.clone()).with_config(redis_config(name));
        // `vacuum` leaves the ids of done tickets behind.
        let ids = [redis_config(name).done_jobs_set(), redis_config(name).dead_jobs_set()];
        let swept = storage.vacuum().await.map_err(|error| error.to_string());
        let ids =
            redis::cmd("DEL").arg(&ids).query_async::<()>(&mut connection).await.map_err(|error| error.to_string());
        if let Err(error) = swept.and(ids) {
            info!(error, "done tickets could not be swept from Redis; trying again in a minute");
        }
    }
}

/// Looks for tickets at an interval. The library's own strategy re-arms its timer without polling it, and so can
/// sleep until the next heartbeat.
#[derive(Debug)]
struct Every {
    interval: Duration,
    delay: Pin<Box<tokio::time::Sleep>>,
}

impl Every {
    fn new(interval: Duration) -> Self {
        Self { interval, delay: Box::pin(tokio::time::sleep(interval)) }
    }
}

impl PollStrategy for Every {
    fn poll_drive(&mut self, cx: &mut Context<'_>, _: &PollSnapshot) -> Poll<Option<()>> {
        let mut fired = false;
        while self.delay.as_mut().poll(cx).is_ready() {
            fired = true;
            self.delay = Box::pin(tokio::time::sleep(self.interval));
        }
        if fired { Poll::Ready(Some(())) } else { Poll::Pending }
    }
}
