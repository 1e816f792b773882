//! One consumer of the ticket queue: it processes tickets and notes that it still looks for them.

use crate::queue::LOOK;
use crate::worker::Worker;
use domain::ticket::Ticket;
use domain::watchdog::Progress;
use futures::FutureExt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tracing::error;

/// A consumer of the ticket queue. It is shared by all tickets that run at once.
pub struct Consumer {
    /// Processes the tickets.
    pub worker: Arc<Worker>,
    concurrency: usize,
    running: AtomicUsize,
    progress: Box<dyn Progress>,
}

impl Consumer {
    /// A consumer that processes `concurrency` tickets at once.
    pub fn new(worker: Arc<Worker>, concurrency: usize, progress: Box<dyn Progress>) -> Self {
        Self { worker, concurrency, running: AtomicUsize::new(0), progress }
    }

    /// Processes one ticket. A panic ends only this ticket; the job is dispatched again when its lease has ended.
    pub async fn process(&self, ticket: Ticket) {
        let _running = RunningTicket::of(self);
        if AssertUnwindSafe(self.worker.process(ticket)).catch_unwind().await.is_err() {
            metrics::counter!("convosync_loop_failures_total", "loop" => "worker").increment(1);
            error!(%ticket, "the worker panicked while it processed a ticket; the job is dispatched again when its lease has ended");
        }
    }

    /// Notes that the consumer looks for tickets. With as many tickets as it may process it waits for the first of them to
    /// end; each ticket is watched by itself.
    pub fn note_progress(&self) {
        if self.running.load(Ordering::SeqCst) < self.concurrency {
            self.progress.expect_within(LOOK);
        } else {
            self.progress.rest();
        }
    }
}

/// Counts a ticket as running until it is dropped, as it also is where the queue's worker is replaced.
struct RunningTicket<'a>(&'a Consumer);

impl<'a> RunningTicket<'a> {
    fn of(consumer: &'a Consumer) -> Self {
        consumer.running.fetch_add(1, Ordering::SeqCst);
        consumer.note_progress();
        Self(consumer)
    }
}

impl Drop for RunningTicket<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
        self.0.note_progress();
    }
}
