//! A slice to ask for: from when, for whom, which attempt, or why it is blocked.

use crate::item::Item;
use crate::window::Window;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The smallest thing one can ask a source for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Slice {
    /// Everything that the vendor files under a span of time.
    Window(Window),
    /// The same, asked for by the way that is meant for much.
    Export(Window),
    /// What a part of the stream, such as one of many lists, files under a span of time. Parts fail by themselves.
    Partition(String, Window),
    /// One thing by its id.
    Item(String),
    /// Something that was delivered to us: a webhook, a mail, an imported file.
    Delivery(i64),
}

impl Slice {
    /// The window of which it asks for everything, if it does.
    #[must_use]
    pub fn window(&self) -> Option<Window> {
        match self {
            Self::Window(window) | Self::Export(window) => Some(*window),
            Self::Partition(..) | Self::Item(_) | Self::Delivery(_) => None,
        }
    }

    /// Whether it is one of many that another answer, or a webhook, has named.
    #[must_use]
    pub fn is_named(&self) -> bool {
        matches!(self, Self::Partition(..) | Self::Item(_))
    }
}

/// For whom a job is there, most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Purpose {
    /// The newest stretch, at its cadence.
    Live,
    /// Named by another answer.
    Item,
    /// A stretch that the live sync owes since `since`: never asked for, or to be read again until final.
    Settle,
    /// An operator's backfill, by its id.
    Backfill(i64),
}

impl Purpose {
    /// The word that tables and metrics use.
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

/// Where a job stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobState {
    /// Waits for its due time or its lane.
    Waiting,
    /// A ticket for it is out; after `until` it counts as lost.
    Dispatched {
        /// When to hand it out again.
        until: DateTime<Utc>,
    },
    /// A worker holds it under a lease.
    Running {
        /// The end of that lease.
        until: DateTime<Utc>,
    },
    /// The vendor has taken the question and will answer by mail.
    Awaiting {
        /// When the mail counts as lost.
        until: DateTime<Utc>,
    },
    /// Waits for a person.
    Parked {
        /// Why.
        reason: String,
    },
}

/// One slice that the ledger jobs asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Its id in the ledger; 0 until it is stored.
    pub id: i64,
    /// For whom.
    pub purpose: Purpose,
    /// What to ask for.
    pub slice: Slice,
    /// Not before then.
    pub due: DateTime<Utc>,
    /// How long the asking is expected to take.
    pub expected: Duration,
    /// How often it has been handed out.
    pub attempt: i32,
    /// Failures in a row; a snooze is none.
    pub failures: u32,
    /// How often its answer was stored but not counted.
    pub rechecks: u32,
    /// When somebody first was about to ask, where the answer comes by mail.
    pub requested_at: Option<DateTime<Utc>>,
    /// The stretch that is not known in full before it is answered, where the slice itself does not say.
    pub scope: Option<Window>,
    /// The newest version of it that was named.
    pub seen_version: Option<DateTime<Utc>>,
    /// Whether it is said to be at its end.
    pub has_ended: bool,
    /// The stretch of which nothing is held before it is answered. What was answered before, and is asked for once more,
    /// takes nothing away.
    pub missing_scope: Option<Window>,
    /// Where it stands.
    pub state: JobState,
}

impl Job {
    /// A new job that waits for `due`.
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
            requested_at: None,
            scope: None,
            seen_version: None,
            has_ended: false,
            missing_scope: None,
            state: JobState::Waiting,
        }
    }

    /// The stretch that its answer tells of.
    #[must_use]
    pub fn concerns(&self) -> Option<Window> {
        match self.slice {
            Slice::Window(window) | Slice::Export(window) | Slice::Partition(_, window) => Some(window),
            Slice::Item(_) | Slice::Delivery(_) => self.scope,
        }
    }

    /// Whether a stretch is not known in full before it is answered, of which everything was asked for by another job.
    #[must_use]
    pub fn is_owed_by_name(&self) -> bool {
        self.slice.is_named() && self.concerns().is_some()
    }

    /// The stretch of which something was named that nobody has answered since.
    #[must_use]
    pub fn unread(&self) -> Option<Window> {
        self.concerns().filter(|_| self.slice.is_named() && self.rechecks == 0)
    }

    /// As much of that as nothing is held of from before either.
    #[must_use]
    pub fn unknown(&self) -> Option<Window> {
        self.missing_scope.filter(|_| self.unread().is_some())
    }

    /// It was named again: what is new about it makes it due, unless it waits for a person.
    pub(crate) fn hear_of(&mut self, item: &Item, now: DateTime<Utc>) {
        let is_news = self.seen_version < item.seen_version
            || !self.has_ended && item.has_ended
            || self.scope.is_none() && item.scope.is_some();
        if is_news && matches!(self.state, JobState::Waiting) && self.failures == 0 {
            self.due = self.due.min(now);
        }
        self.scope = self.scope.or(item.scope);
        self.seen_version = self.seen_version.max(item.seen_version);
        self.has_ended |= item.has_ended;
        if let (Slice::Partition(_, own), Slice::Partition(_, other)) = (&mut self.slice, &item.slice) {
            *own = own.hull(other);
        }
    }

    /// Somebody is about to ask for it, and has the lane until then. What is answered by mail notes that before: the mail
    /// may be all that remains of whoever asked.
    pub fn take_up(&mut self, now: DateTime<Utc>, until: DateTime<Utc>) {
        self.state = JobState::Running { until };
        if matches!(self.slice, Slice::Export(_)) {
            self.requested_at = self.requested_at.or(Some(now));
        }
    }

    /// Whether it is an export that the vendor works on, or is being asked for: no other may be asked for meanwhile.
    #[must_use]
    pub fn is_export_out(&self, now: DateTime<Utc>) -> bool {
        match self.state {
            JobState::Awaiting { until } | JobState::Dispatched { until } | JobState::Running { until } => {
                matches!(self.slice, Slice::Export(_)) && until > now
            }
            JobState::Waiting | JobState::Parked { .. } => false,
        }
    }

    /// Whether it is an export, and must not be asked for while another of `jobs` is out.
    #[must_use]
    pub fn is_held_up(&self, jobs: &[Self], now: DateTime<Utc>) -> bool {
        let is_other = |other: &&Self| other.id != self.id;
        matches!(self.slice, Slice::Export(_)) && jobs.iter().filter(is_other).any(|other| other.is_export_out(now))
    }

    /// Whether the vendor is known to have taken the question.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        matches!(self.slice, Slice::Export(_)) && self.rechecks > 0
    }

    /// Whether it could be handed out at `now`: waiting and due, or its ticket or its worker is lost.
    #[must_use]
    pub fn is_ready(&self, now: DateTime<Utc>) -> bool {
        match self.state {
            JobState::Waiting => self.due <= now,
            JobState::Dispatched { until } | JobState::Running { until } | JobState::Awaiting { until } => until <= now,
            JobState::Parked { .. } => false,
        }
    }

    /// Whether an answer by mail is on its way to it.
    #[must_use]
    pub fn is_awaiting(&self, now: DateTime<Utc>) -> bool {
        matches!(self.state, JobState::Awaiting { until } if until > now)
    }

    /// Whether it asks for something from before `oldest`, the first instant that the vendor still keeps.
    #[must_use]
    pub fn is_forgotten(&self, oldest: Option<DateTime<Utc>>) -> bool {
        let Slice::Window(window) = self.slice else { return false };
        oldest.is_some_and(|oldest| window.from() < oldest)
    }

    /// Whether a worker holds it.
    #[must_use]
    pub fn is_running(&self) -> bool {
        matches!(self.state, JobState::Running { .. })
    }

    /// Whether it waits for a person.
    #[must_use]
    pub fn is_parked(&self) -> bool {
        matches!(self.state, JobState::Parked { .. })
    }
}
