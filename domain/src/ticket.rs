//! Tickets: what the queue carries.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A ticket wakes a worker for one attempt of one job. It holds no secret and no row.
///
/// The pair is an idempotency key: a worker claims a job only with the newest ticket for it, so a lost, late or
/// repeated ticket does no harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ticket {
    /// The job's id.
    pub job: i64,
    /// How many times the job was dispatched, this time included.
    pub attempt: i32,
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.job, self.attempt)
    }
}

/// The queue's input.
#[async_trait::async_trait]
pub trait TicketSink: Send + Sync {
    /// Pushes a ticket. If the queue loses it, the scheduler pushes a new ticket when the dispatch expires.
    ///
    /// # Errors
    /// [`PushError`]; the scheduler then pushes a new ticket later.
    async fn push(&self, ticket: Ticket) -> Result<(), PushError>;
}

/// Why a ticket could not be pushed. The text holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// The workers of this process have ended, so the in-process queue has no receiver.
    #[error("the queue has no receiver; the workers of this process have ended")]
    Closed,
    /// The queue's backend refused the ticket or could not be reached.
    #[error("the queue's backend failed: {0}")]
    Backend(String),
}
