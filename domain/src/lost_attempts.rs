//! Poison pills: a job or a mail that ends its process each time is set aside after three lost attempts. Otherwise every
//! restart would begin with it, and end with it.

use crate::job::{Job, JobState};
use chrono::{DateTime, Utc};

/// The number of attempts in a row that may be lost.
pub const MOST_LOST: i32 = 3;

impl Job {
    /// Counts an attempt whose worker vanished: its lease ended without a result. The third in a row parks the job, and an
    /// earlier one leaves the job ready. A job whose lease has not ended, or that no worker had started, stays as it is.
    pub fn lose_attempt(&mut self, now: DateTime<Utc>) {
        if !matches!(self.state, JobState::Running { until } if until <= now) {
            return;
        }
        self.lost_attempts = self.lost_attempts.saturating_add(1);
        if self.lost_attempts >= MOST_LOST {
            let reason = format!(
                "the worker process ended {MOST_LOST} times in a row during this request; look for the cause in its log and \
                 at its memory limit, then retry the job"
            );
            self.state = JobState::Parked { reason };
        }
    }
}

/// What a record says of the attempts to read a mail that has no outcome yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailAttempts {
    /// The attempts that have begun and have no outcome.
    pub begun: i32,
    /// Whether the latest reader still runs and is another process than the one that asks.
    pub is_being_read: bool,
}

/// What a reader does with a mail that has no outcome yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailTurn {
    /// Read the mail.
    Read,
    /// Leave the mail to the process that reads it.
    Wait,
    /// Set the mail aside: each attempt so far has ended its process.
    SetAside,
}

impl MailTurn {
    /// The turn of a reader that finds `attempts` on record.
    #[must_use]
    pub fn of(attempts: Option<MailAttempts>) -> Self {
        match attempts {
            Some(attempts) if attempts.is_being_read => Self::Wait,
            Some(attempts) if attempts.begun >= MOST_LOST => Self::SetAside,
            Some(_) | None => Self::Read,
        }
    }
}
