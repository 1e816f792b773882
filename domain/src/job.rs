//! What the queue carries.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A ticket: which want to work on, and which time it was handed out. Never a secret, never a row.
///
/// The pair is its idempotency key: a worker takes up a want only with the newest ticket for it, so a lost, late or
/// repeated ticket is harmless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Job {
    /// The want's id in the ledger.
    pub want: i64,
    /// How often the want has been handed out, this time included.
    pub attempt: i32,
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.want, self.attempt)
    }
}

/// Where tickets are pushed to.
#[async_trait::async_trait]
pub trait Push: Send + Sync {
    /// Puts a ticket into the queue. One that is lost is pushed again, as a new one, when the ledger misses it.
    ///
    /// # Errors
    /// What the queue says, in a few words without secrets.
    async fn push(&self, job: Job) -> Result<(), String>;
}
