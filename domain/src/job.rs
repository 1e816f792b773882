//! Jobs: a slice to fetch, for whom, when, and in which state.

use crate::item::Item;
use crate::slice::Slice;
use crate::window::Window;
use chrono::{DateTime, Utc};
use std::time::Duration;

/// Why a job exists, most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Purpose {
    /// The live sync: the newest window, once per interval.
    Live,
    /// A list or a webhook named an item.
    Item,
    /// The live sync owes a window that lies after `since`: one never fetched, or one re-read until it is final.
    Settle,
    /// An operator's backfill, by its id.
    Backfill(i64),
}

impl Purpose {
    /// The word that tables and metrics use for this purpose.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Item => "item",
            Self::Settle => "settle",
            Self::Backfill(_) => "backfill",
        }
    }
}

/// The state of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobState {
    /// The job waits for its due time or for its lane.
    Waiting,
    /// The scheduler pushed a ticket for the job.
    Dispatched {
        /// When the ticket counts as lost and the job is dispatched again.
        until: DateTime<Utc>,
    },
    /// A worker holds the job under a lease.
    Running {
        /// The end of the lease.
        until: DateTime<Utc>,
    },
    /// The vendor accepted an export, or is busy with another one; the answer comes by mail.
    Awaiting {
        /// When to request the export again if no mail arrived.
        until: DateTime<Utc>,
    },
    /// The job waits for an operator.
    Parked {
        /// The reason, as operators see it.
        reason: String,
    },
}

/// One slice to fetch. A row of the table `jobs`.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// The id in the table `jobs`; 0 until the job is stored.
    pub id: i64,
    /// Why the job exists.
    pub purpose: Purpose,
    /// What to fetch.
    pub slice: Slice,
    /// The earliest instant to start.
    pub due: DateTime<Utc>,
    /// How long the exchange is expected to take.
    pub expected: Duration,
    /// How many times the job was dispatched.
    pub attempt: i32,
    /// Failures in a row. A snooze does not count.
    pub failures: u32,
    /// How many answers were stored without completing the job.
    pub rechecks: u32,
    /// How many attempts in a row were lost: their worker vanished before it stored a result. Below 0 where a worker has
    /// announced that it lost its lease, so that the attempt will not count.
    pub lost_attempts: i32,
    /// When a worker first requested the export; only for jobs that are answered by mail.
    pub requested_at: Option<DateTime<Utc>>,
    /// The window that is incomplete until the job is answered, where the slice itself has none.
    pub scope: Option<Window>,
    /// The newest version of the item that a list or webhook named.
    pub seen_version: Option<DateTime<Utc>>,
    /// Whether a list or webhook said that the item has ended.
    pub has_ended: bool,
    /// The window that counts as missing until the job is answered. `None` for a refetch: the rows stored before stay
    /// valid.
    pub missing_scope: Option<Window>,
    /// Whether a list or a webhook named the item while a worker was fetching it. The answer may be older than that, so
    /// the item is fetched once more.
    pub refetch: bool,
    /// The state.
    pub state: JobState,
}

impl Job {
    /// A new job that waits until `due`. It has no id yet.
    #[must_use]
    pub fn new(purpose: Purpose, slice: Slice, due: DateTime<Utc>, expected: Duration) -> Self {
        Self {
            id: 0,
            purpose,
            slice,
            due,
            expected,
            attempt: 0,
            failures: 0,
            rechecks: 0,
            lost_attempts: 0,
            requested_at: None,
            scope: None,
            seen_version: None,
            has_ended: false,
            missing_scope: None,
            refetch: false,
            state: JobState::Waiting,
        }
    }

    /// The window that the answer reports on, in full or in part.
    #[must_use]
    pub fn covered_window(&self) -> Option<Window> {
        match self.slice {
            Slice::Window(window) | Slice::Export(window) | Slice::Partition(_, window) => Some(window),
            Slice::Item(_) | Slice::Delivery(_) => self.scope,
        }
    }

    /// Whether a window that another job has covered stays incomplete until this job, an item or a partition of it, is
    /// answered.
    #[must_use]
    pub fn delays_completeness(&self) -> bool {
        self.slice.is_named() && self.covered_window().is_some()
    }

    /// The window of an item or a partition that was named and has no stored answer yet.
    #[must_use]
    pub fn unread_window(&self) -> Option<Window> {
        self.covered_window().filter(|_| self.slice.is_named() && self.rechecks == 0)
    }

    /// The part of [`Job::unread_window`] for which no earlier answer is stored either.
    #[must_use]
    pub fn missing_window(&self) -> Option<Window> {
        self.missing_scope.filter(|_| self.unread_window().is_some())
    }

    /// Applies a further mention of the same item. News make a waiting job due now, unless it has failed before. A running
    /// one may have read an older state, so its item is fetched once more.
    pub(crate) fn merge_item(&mut self, item: &Item, now: DateTime<Utc>) {
        let has_news = self.seen_version < item.seen_version
            || !self.has_ended && item.has_ended
            || self.scope.is_none() && item.scope.is_some();
        if has_news && matches!(self.state, JobState::Waiting) && self.failures == 0 {
            self.due = self.due.min(now);
        }
        self.refetch |= self.is_running();
        self.scope = self.scope.or(item.scope);
        self.seen_version = self.seen_version.max(item.seen_version);
        self.has_ended |= item.has_ended;
        if let (Slice::Partition(_, own), Slice::Partition(_, other)) = (&mut self.slice, &item.slice) {
            *own = own.hull(other);
        }
    }

    /// Whether the live sync, which covers everything from `since` on, would plan a discarded job of this window again.
    #[must_use]
    pub fn is_owed_by_live_sync(&self, since: DateTime<Utc>) -> bool {
        match self.slice {
            Slice::Window(window) | Slice::Export(window) | Slice::Partition(_, window) => window.to() > since,
            Slice::Item(_) | Slice::Delivery(_) => false,
        }
    }

    /// Marks the job as running until the lease ends at `until`. The time of an export's request is stored before the
    /// request is sent: if the worker then crashes, the mail can still be matched.
    pub fn start(&mut self, now: DateTime<Utc>, until: DateTime<Utc>) {
        self.state = JobState::Running { until };
        self.refetch = false;
        if matches!(self.slice, Slice::Export(_)) {
            self.requested_at = self.requested_at.or(Some(now));
        }
    }

    /// Whether the vendor works on this export, or a worker is requesting it. The vendor takes one export at a time.
    #[must_use]
    pub fn is_export_outstanding(&self, now: DateTime<Utc>) -> bool {
        match self.state {
            JobState::Awaiting { until } | JobState::Dispatched { until } | JobState::Running { until } => {
                matches!(self.slice, Slice::Export(_)) && until > now
            }
            JobState::Waiting | JobState::Parked { .. } => false,
        }
    }

    /// Whether the job is an export and another export among `jobs` is outstanding.
    #[must_use]
    pub fn is_blocked_by_export(&self, jobs: &[Self], now: DateTime<Utc>) -> bool {
        let is_other = |other: &&Self| other.id != self.id;
        matches!(self.slice, Slice::Export(_))
            && jobs.iter().filter(is_other).any(|other| other.is_export_outstanding(now))
    }

    /// Whether the job is an export that the vendor has accepted.
    #[must_use]
    pub fn is_accepted_export(&self) -> bool {
        matches!(self.slice, Slice::Export(_)) && self.rechecks > 0
    }

    /// Whether the job can be dispatched at `now`: it waits and is due, or its ticket, worker or mail is lost.
    #[must_use]
    pub fn is_ready(&self, now: DateTime<Utc>) -> bool {
        match self.state {
            JobState::Waiting => self.due <= now,
            JobState::Dispatched { until } | JobState::Running { until } | JobState::Awaiting { until } => until <= now,
            JobState::Parked { .. } => false,
        }
    }

    /// Whether the job still waits for a mail at `now`.
    #[must_use]
    pub fn awaits_mail(&self, now: DateTime<Utc>) -> bool {
        matches!(self.state, JobState::Awaiting { until } if until > now)
    }

    /// Whether the window begins before `oldest`, the first instant that the vendor still keeps.
    #[must_use]
    pub fn is_past_retention(&self, oldest: Option<DateTime<Utc>>) -> bool {
        let Slice::Window(window) = self.slice else { return false };
        oldest.is_some_and(|oldest| window.from() < oldest)
    }

    /// Whether a worker holds the job.
    #[must_use]
    pub fn is_running(&self) -> bool {
        matches!(self.state, JobState::Running { .. })
    }

    /// Whether the job fetches a window and no worker has tried it yet.
    #[must_use]
    pub(crate) fn is_untouched(&self) -> bool {
        let is_new = self.state == JobState::Waiting && self.attempt == 0 && self.failures + self.rechecks == 0;
        is_new && matches!(self.slice, Slice::Window(_))
    }

    /// Whether the job waits for an operator.
    #[must_use]
    pub fn is_parked(&self) -> bool {
        matches!(self.state, JobState::Parked { .. })
    }
}
