//! What the queue carries.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A ticket: which job to work on, and which time it was handed out. Never a secret, never a row.
///
/// The pair is its idempotency key: a worker takes up a job only with the newest ticket for it, so a lost, late or
/// repeated ticket is harmless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ticket {
    /// The job's id in the ledger.
    pub job: i64,
    /// How often the job has been handed out, this time included.
    pub attempt: i32,
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.job, self.attempt)
    }
}

/// Where tickets are pushed to.
#[async_trait::async_trait]
pub trait Push: Send + Sync {
    /// Puts a ticket into the queue. One that is lost is pushed again, as a new one, when the ledger misses it.
    ///
    /// # Errors
    /// What the queue says, in a few words without secrets.
    async fn push(&self, ticket: Ticket) -> Result<(), String>;
}
