//! A plan: the jobs to add to one stream's ledger, and what else changes with them.

use crate::job::Job;
use chrono::{DateTime, Utc};

/// The jobs to add, and what else the ledger must note.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// New jobs: the live job first, then owed windows, then backfills, each group newest first.
    pub jobs: Vec<Job>,
    /// The live slot of the live job, if the plan has one.
    pub slot: Option<DateTime<Utc>>,
    /// The live slot, if the plan covers the unsettled window in full.
    pub refreshed: Option<DateTime<Utc>>,
    /// The live slot of the ledger, if it lies in the future because a clock was ahead. It is replaced by `slot`.
    pub future_slot: Option<DateTime<Utc>>,
    /// Where coverage ends, if the ledger holds some that lies in the future because a clock was ahead.
    pub coverage_end: Option<DateTime<Utc>>,
    /// The ids of backfills that have nothing left to fetch.
    pub finished: Vec<i64>,
    /// The ids of jobs to remove: their backfill has ended, or the vendor no longer keeps their window.
    pub obsolete: Vec<i64>,
}

impl Plan {
    /// Whether accepting the plan would change nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
