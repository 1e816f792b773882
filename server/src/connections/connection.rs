//! The state of one connection, which its socket, its requests and the list of all connections share.

use super::phase::Phase;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::sync::{Notify, watch};

/// One connection.
pub(crate) struct Connection {
    phase: watch::Sender<Phase>,
    /// Its turn among all connections: of two, the one with the smaller number has waited longer for a request.
    turn: AtomicU64,
    /// Whether the connection shall make room for another one.
    is_displaced: AtomicBool,
    /// Wakes the connection that shall make room.
    displaced: Notify,
    turns: Arc<Turns>,
}

/// What all connections of a server share.
#[derive(Default)]
pub(crate) struct Turns {
    last: AtomicU64,
    /// Wakes the accepting loop when a connection has ended, or may be displaced from now on.
    pub(crate) room: Notify,
}

impl Connection {
    /// A connection that waits for its first request.
    pub(crate) fn new(turns: &Arc<Turns>) -> Self {
        let (phase, _) = watch::channel(Phase::Idle);
        let turn = AtomicU64::new(turns.next());
        let (is_displaced, displaced) = (AtomicBool::new(false), Notify::new());
        Self { phase, turn, is_displaced, displaced, turns: Arc::clone(turns) }
    }

    /// The current phase.
    pub(crate) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Its turn: the connection with the smallest number has waited longest.
    pub(crate) fn turn(&self) -> u64 {
        self.turn.load(Ordering::Relaxed)
    }

    /// Asks the connection to make room for another one.
    pub(crate) fn displace(&self) {
        self.is_displaced.store(true, Ordering::Relaxed);
        self.displaced.notify_one();
    }

    /// Whether the connection was asked to make room, and has not refused.
    pub(crate) fn is_displaced(&self) -> bool {
        self.is_displaced.load(Ordering::Relaxed)
    }

    /// Waits until the connection is asked to make room.
    pub(crate) async fn displaced(&self) {
        self.displaced.notified().await;
    }

    /// Refuses to make room, because a request has arrived meanwhile. The next connection is asked.
    pub(crate) fn refuse_to_make_room(&self) {
        self.is_displaced.store(false, Ordering::Relaxed);
        self.turns.room.notify_one();
    }

    /// Waits until one phase has lasted longer than its limit; returns that phase.
    pub(crate) async fn overdue(&self, is_draining: bool) -> Phase {
        let mut phases = self.phase.subscribe();
        loop {
            let phase = *phases.borrow_and_update();
            match tokio::time::timeout(phase.limit(is_draining), phases.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return phase,
            }
        }
    }

    /// Notes that bytes have arrived.
    pub(crate) fn received(&self) {
        self.phase.send_if_modified(|phase| {
            let is_first = *phase == Phase::Idle;
            if is_first {
                *phase = Phase::Head;
            }
            is_first
        });
    }

    /// Notes that a request's head is complete.
    pub(crate) fn answering(&self) {
        self.phase.send_replace(Phase::Answer);
    }

    /// Notes that the server reads a request's body, until the guard is dropped.
    pub(crate) fn reading_body(self: &Arc<Self>) -> ReadingBody {
        self.phase.send_replace(Phase::Body);
        self.turns.room.notify_one();
        ReadingBody(Arc::clone(self))
    }

    /// Notes that the connection waits for its next request.
    pub(crate) fn answered(&self) {
        self.turn.store(self.turns.next(), Ordering::Relaxed);
        self.phase.send_replace(Phase::Idle);
        self.turns.room.notify_one();
    }
}

impl Turns {
    fn next(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed)
    }
}

/// A request's body that is being read.
pub(crate) struct ReadingBody(Arc<Connection>);

impl Drop for ReadingBody {
    fn drop(&mut self) {
        self.0.answering();
    }
}
