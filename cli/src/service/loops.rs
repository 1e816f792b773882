//! The loops of a process: how each starts, and how all of them end.

use super::heartbeat;
use super::supervisor::{LoopName, Supervisor};
use super::watchdog::{self, LoopWatchdog};
use crate::settings::WorkerSettings;
use domain::retention::Retention;
use scheduler::{Scheduler, pruner};
use server::Server;
use std::sync::Arc;
use std::time::Duration;
use storage::database::Database;
use storage::processes::ProcessIdentity;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};
use worker::mail_ingest::MailIngest;
use worker::mail_reader::MailReader;
use worker::queue::Queue;
use worker::worker::Worker;

/// What a loop gets to end beyond `worker.drain`: the queue itself ends requests at that time.
const MARGIN: Duration = Duration::from_secs(5);
/// What the server and the heartbeat get to end after all other loops.
const SERVER_GRACE: Duration = Duration::from_secs(15);

/// The loops of a process, each under the supervisor.
pub struct Loops {
    supervisor: Supervisor,
    /// Scheduler and workers. They end first.
    workers: TaskTracker,
    stop: CancellationToken,
    /// The server and the heartbeat. They go on until the last request has ended: health checks do not fail while the process
    /// drains, and the row in `processes` says that it still works.
    outer: TaskTracker,
    outer_stop: CancellationToken,
}

impl Loops {
    /// Has no loop yet. The scheduler and the workers end when `stop` is cancelled.
    pub fn new(supervisor: Supervisor, stop: CancellationToken) -> Self {
        let (workers, outer) = (TaskTracker::new(), TaskTracker::new());
        Self { supervisor, workers, stop, outer, outer_stop: CancellationToken::new() }
    }

    /// Starts the server. Each start listens on a copy of `listener`, so that clients keep their address.
    pub fn start_server(&self, server: Arc<Server>, listener: std::net::TcpListener) {
        let end = self.outer_stop.clone();
        self.supervisor.spawn(&self.outer, "server", self.outer_stop.clone(), move |_| {
            let (server, listener, end) = (server.clone(), listener.try_clone(), end.clone());
            async move {
                let listener = listener.and_then(TcpListener::from_std).map_err(|error| error.to_string())?;
                server.serve(listener, end).await.map_err(|error| error.to_string())
            }
        });
    }

    /// Starts the reports of this process.
    pub fn start_heartbeat(&self, database: &Database, process: ProcessIdentity) {
        let (database, end) = (database.clone(), self.outer_stop.clone());
        self.supervisor.spawn(&self.outer, "heartbeat", self.outer_stop.clone(), move |_| {
            without_error(heartbeat::run(database.clone(), process.clone(), end.clone()))
        });
    }

    /// Starts the log of stuck loops.
    pub fn start_watchdog(&self, watchdog: &LoopWatchdog) {
        let (watchdog, end) = (watchdog.clone(), self.outer_stop.clone());
        self.supervisor.spawn(&self.outer, "watchdog", self.outer_stop.clone(), move |_| {
            without_error(watchdog::report(watchdog.clone(), end.clone()))
        });
    }

    /// Starts the scheduler.
    pub fn start_scheduler(&self, scheduler: Scheduler) {
        let (scheduler, stop) = (Arc::new(scheduler), self.stop.clone());
        self.supervisor.spawn(&self.workers, "scheduler", self.stop.clone(), move |progress| {
            let (scheduler, stop) = (scheduler.clone(), stop.clone());
            without_error(async move { scheduler.run(&stop, progress.as_ref()).await })
        });
    }

    /// Starts the deletion of old rows, for the process `name`.
    pub fn start_pruner(&self, database: &Database, retention: Retention, name: String) {
        let (database, stop) = (database.clone(), self.stop.clone());
        self.supervisor.spawn(&self.workers, "pruner", self.stop.clone(), move |_| {
            without_error(pruner::run(database.clone(), retention, name.clone(), stop.clone()))
        });
    }

    /// Starts the storing of recorded webhook events.
    pub fn start_webhook_backlog(&self, database: &Database) {
        let (database, stop) = (database.clone(), self.stop.clone());
        self.supervisor.spawn(&self.workers, "webhook_backlog", self.stop.clone(), move |progress| {
            let (database, stop) = (database.clone(), stop.clone());
            without_error(async move { scheduler::webhook_backlog::run(&database, &stop, progress.as_ref()).await })
        });
    }

    /// Starts the reader of a mailbox, for the process `name`.
    pub fn start_mailbox(&self, mailbox: MailIngest, name: String) {
        let (mailbox, stop) = (Arc::new(mailbox), self.stop.clone());
        let loop_name = LoopName { role: "mailbox", accounts: Some(mailbox.names()) };
        self.supervisor.spawn(&self.workers, loop_name, self.stop.clone(), move |progress| {
            without_error(mailbox.clone().run(MailReader { name: name.clone(), stop: stop.clone(), progress }))
        });
    }

    /// Starts the consumer of the ticket queue.
    pub fn start_queue_consumer(&self, queue: &Queue, worker: Arc<Worker>, settings: &WorkerSettings) {
        let (queue, stop) = (queue.clone(), self.stop.clone());
        let (concurrency, drain) = (settings.concurrency, settings.drain);
        self.supervisor.spawn(&self.workers, "queue_consumer", self.stop.clone(), move |progress| {
            let (queue, worker, stop) = (queue.clone(), worker.clone(), stop.clone());
            async move {
                let consumed = queue.consume(worker, concurrency, (stop, drain), progress).await;
                consumed.map_err(|error| error.to_string())
            }
        });
    }

    /// Waits until every loop has ended, at most for `drain` and 20 s. The stop was cancelled before.
    ///
    /// # Errors
    /// Why the supervisor stopped the process, if it did.
    pub async fn end(self, drain: Duration) -> Result<(), String> {
        self.workers.close();
        let drained = tokio::time::timeout(drain.saturating_add(MARGIN), self.workers.wait()).await;
        self.outer_stop.cancel();
        self.outer.close();
        let ended = tokio::time::timeout(SERVER_GRACE, self.outer.wait()).await;
        if drained.is_ok() && ended.is_ok() {
            info!("the service has stopped; nothing is in flight");
        } else {
            let loops = self.supervisor.running().join(", ");
            let next_step = "look whether the database answers; other processes take up the work when its leases end";
            warn!(loops, next_step, "the process stops although loops have not ended");
        }
        self.supervisor.failure().map_or(Ok(()), Err)
    }
}

/// Runs a loop that has no error to return: it logs its failures itself and goes on.
async fn without_error(running: impl Future<Output = ()>) -> Result<(), String> {
    running.await;
    Ok(())
}
