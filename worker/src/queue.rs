//! The ticket queue through apalis, in process or over Redis.
//!
//! apalis transports tickets, bounds concurrency and drains. Retry, delay, order, priority, deduplication and counts
//! belong to the ledger, because apalis 1.0 gets each of them wrong on one backend or the other. A handler therefore
//! never fails: the ledger holds the job's outcome before the ticket is acknowledged.

use crate::consumer::Consumer;
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
use async_recursion::async_recursion as boxed;
use domain::loopback::is_loopback;
use domain::ticket::{PushError, Ticket, TicketSink};
use domain::watchdog::Progress;
use futures::{SinkExt, StreamExt, stream};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{ConnectionAddr, IntoConnectionInfo};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// A ticket queue.
#[derive(Clone)]
pub enum Queue {
    /// A queue inside this process.
    Memory {
        /// The input.
        tickets: mpsc::UnboundedSender<Ticket>,
        /// The output; shared, so that a restarted worker continues with the same tickets.
        waiting: Arc<Mutex<mpsc::UnboundedReceiver<Ticket>>>,
    },
    /// A queue in Redis, for many processes.
    Redis {
        /// A connection that reconnects by itself.
        connection: ConnectionManager,
        /// The prefix of the queue's keys.
        name: String,
    },
}

/// How often an idle worker polls Redis for tickets.
const POLL: Duration = Duration::from_millis(50);
/// How often an idle worker that waits for tickets in process notes its progress.
pub(crate) const LOOK: Duration = Duration::from_secs(5);
/// How long Redis may take to answer; the library's default of half a second is too short under load.
const REDIS_TIMEOUT: Duration = Duration::from_secs(10);
/// How often acknowledged tickets are removed from Redis; apalis keeps them for ever.
const VACUUM_INTERVAL: Duration = Duration::from_mins(1);

impl Queue {
    /// Opens `memory:`, `redis://…`, or with TLS `rediss://…`. `name` is the prefix of the keys, so that two installations can share one Redis.
    ///
    /// # Errors
    /// If Redis cannot be reached.
    #[boxed]
    pub async fn open(url: &str, name: &str) -> Result<Self, redis::RedisError> {
        if url == "memory:" {
            let (tickets, waiting) = mpsc::unbounded_channel();
            return Ok(Self::Memory { tickets, waiting: Arc::new(Mutex::new(waiting)) });
        }
        // An error means that the process has a provider already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let config = ConnectionManagerConfig::new()
            .set_response_timeout(Some(REDIS_TIMEOUT))
            .set_connection_timeout(Some(REDIS_TIMEOUT));
        let connection = ConnectionManager::new_with_config(redis::Client::open(url)?, config).await?;
        Ok(Self::Redis { connection, name: name.to_owned() })
    }

    /// Checks that the queue accepts writes.
    ///
    /// # Errors
    /// Redis' error.
    #[boxed]
    pub async fn ping(&self) -> Result<(), redis::RedisError> {
        match self {
            Self::Memory { .. } => Ok(()),
            Self::Redis { connection, name } => {
                let key = format!("{name}:ping");
                redis::cmd("SET").arg(&key).arg(1).arg("EX").arg(60).query_async(&mut connection.clone()).await
            }
        }
    }

    /// Processes tickets, `concurrency` at once, until `stop`; then waits up to `grace` for running ones. `progress` hears of
    /// each look for tickets.
    ///
    /// # Errors
    /// If the workers end by themselves, which they should never do.
    #[boxed]
    pub async fn consume(
        &self,
        worker: Arc<Worker>,
        concurrency: usize,
        (stop, grace): (CancellationToken, Duration),
        progress: Box<dyn Progress>,
    ) -> Result<(), BoxDynError> {
        let consumer = Arc::new(Consumer::new(worker, concurrency, progress));
        let signal = stop.clone();
        let until_stopped = async move {
            signal.cancelled().await;
            Ok(())
        };
        // A backend error ends the worker; a new one replaces it. The new one needs a new name, because Redis counts
        // the old one as alive for a while.
        let monitor = Monitor::new().shutdown_timeout(grace).should_restart(|_, error| {
            warn!(%error, "the queue's worker ended; a new one replaces it");
            true
        });
        match self.clone() {
            Self::Memory { waiting, .. } => {
                let monitor = monitor.register(move |_| {
                    let backend = MemoryStorage::new_with(no_sink(), receive(waiting.clone(), consumer.clone()));
                    WorkerBuilder::new(fresh_name(&consumer.worker))
                        .backend(backend)
                        .concurrency(concurrency)
                        .data(consumer.clone())
                        .build(handle)
                });
                monitor.run_with_signal(until_stopped).await?;
            }
            Self::Redis { connection, name } => {
                let config = redis_config(&name);
                let storage = connection.clone();
                let monitor = monitor.register(move |_| {
                    let backend = RedisStorage::<Ticket, _>::new(storage.clone()).with_config(config.clone());
                    let backend = backend.poll_with_strategy(IntervalPoll::new(POLL, consumer.clone()));
                    WorkerBuilder::new(fresh_name(&consumer.worker))
                        .backend(backend)
                        .concurrency(concurrency)
                        .data(consumer.clone())
                        .build(handle)
                });
                tokio::select! {
                    done = monitor.run_with_signal(until_stopped) => done?,
                    () = vacuum(connection, &name) => {}
                }
            }
        }
        if stop.is_cancelled() { Ok(()) } else { Err("the queue's workers ended by themselves".into()) }
    }
}

/// Whether the queue at `url` is on another host and is reached without TLS.
#[must_use]
pub fn sends_plain_text(url: &str) -> bool {
    let Ok(info) = url.into_connection_info() else { return false };
    let ConnectionAddr::Tcp(host, _) = info.addr() else { return false };
    !is_loopback(host)
}

#[async_trait::async_trait]
impl TicketSink for Queue {
    async fn push(&self, ticket: Ticket) -> Result<(), PushError> {
        match self {
            Self::Memory { tickets, .. } => tickets.send(ticket).map_err(|_| PushError::Closed),
            Self::Redis { connection, name } => {
                let mut storage = RedisStorage::<Ticket, _>::new(connection.clone()).with_config(redis_config(name));
                TaskSink::push(&mut storage, ticket).await.map_err(|error| PushError::Backend(error.to_string()))
            }
        }
    }
}

async fn handle(ticket: Ticket, consumer: Data<Arc<Consumer>>) -> Result<(), BoxDynError> {
    consumer.process(ticket).await;
    Ok(())
}

fn fresh_name(worker: &Worker) -> String {
    format!("{}-{}", worker.name, ulid::Ulid::generate())
}

fn redis_config(name: &str) -> Config {
    // One ticket per fetch: a worker with a full buffer sends no heartbeat and acknowledges nothing.
    Config::default()
        .queue(name)
        .batch_size(1)
        .heartbeat_interval(Duration::from_secs(5))
        .missed_heartbeats(3)
        .emit_events(false)
}

fn receive(
    waiting: Arc<Mutex<mpsc::UnboundedReceiver<Ticket>>>,
    consumer: Arc<Consumer>,
) -> Pin<Box<dyn futures::Stream<Item = Task<Ticket>> + Send>> {
    type State = (Arc<Mutex<mpsc::UnboundedReceiver<Ticket>>>, Arc<Consumer>);
    let next = |(waiting, consumer): State| async move {
        consumer.note_progress();
        let ticket = {
            let mut tickets = waiting.lock().await;
            loop {
                // An idle consumer looks around now and then, so that the watchdog sees it move.
                consumer.note_progress();
                if let Ok(ticket) = tokio::time::timeout(LOOK, tickets.recv()).await {
                    break ticket?;
                }
            }
        };
        Some((Task::new(ticket), (waiting, consumer)))
    };
    stream::unfold((waiting, consumer), next).boxed()
}

/// A sink that is never used: tickets enter through [`TicketSink`].
fn no_sink() -> MemorySink<Ticket> {
    let sink = futures::sink::drain()
        .sink_map_err(|never: std::convert::Infallible| MemoryStorageError::Other(Box::new(never)));
    MemorySink::new(Arc::new(futures::lock::Mutex::new(Box::new(sink))))
}

/// Removes acknowledged tickets from Redis, again and again.
async fn vacuum(mut connection: ConnectionManager, name: &str) {
    loop {
        tokio::time::sleep(VACUUM_INTERVAL).await;
        let mut storage = RedisStorage::<Ticket, _>::new(connection.clone()).with_config(redis_config(name));
        // apalis' `vacuum` leaves the ids of acknowledged tickets.
        let ids = [redis_config(name).done_jobs_set(), redis_config(name).dead_jobs_set()];
        let removed = storage.vacuum().await.map_err(|error| error.to_string());
        let ids =
            redis::cmd("DEL").arg(&ids).query_async::<()>(&mut connection).await.map_err(|error| error.to_string());
        if let Err(error) = removed.and(ids) {
            info!(error, "cannot remove acknowledged tickets from Redis; the worker tries again in a minute");
        }
    }
}

/// Polls for tickets at a fixed interval. The library's own strategy re-arms its timer without polling it and can
/// therefore sleep until the next heartbeat.
struct IntervalPoll {
    interval: Duration,
    delay: Pin<Box<tokio::time::Sleep>>,
    consumer: Arc<Consumer>,
}

impl IntervalPoll {
    fn new(interval: Duration, consumer: Arc<Consumer>) -> Self {
        Self { interval, delay: Box::pin(tokio::time::sleep(interval)), consumer }
    }
}

impl PollStrategy for IntervalPoll {
    fn poll_drive(&mut self, cx: &mut Context<'_>, _: &PollSnapshot) -> Poll<Option<()>> {
        let mut fired = false;
        while self.delay.as_mut().poll(cx).is_ready() {
            fired = true;
            self.delay = Box::pin(tokio::time::sleep(self.interval));
        }
        if fired {
            self.consumer.note_progress();
            Poll::Ready(Some(()))
        } else {
            Poll::Pending
        }
    }
}
