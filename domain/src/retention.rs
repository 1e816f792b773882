//! How long the rows of the ledger's history are kept, and which of them may be deleted.

use crate::spans::Spans;
use crate::window::Window;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

/// A table whose old rows the pruner deletes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HistoryTable {
    /// Exchanges with vendors.
    Requests,
    /// Mails, imported files and webhook events.
    Deliveries,
    /// Rows that could not be read or stored.
    Rejects,
    /// Items that have ended.
    Items,
    /// Backfills that are done or cancelled.
    Backfills,
    /// Days that a later answer reopened.
    ReopenedDays,
    /// Processes that no longer report themselves.
    Processes,
}

/// How long the rows of a table are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetentionPeriod {
    /// For this time.
    Limited(TimeDelta),
    /// For ever.
    Forever,
}

/// The periods in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// For exchanges.
    pub requests: RetentionPeriod,
    /// For mails, files and webhook events.
    pub deliveries: RetentionPeriod,
    /// For rows that could not be read or stored.
    pub rejects: RetentionPeriod,
    /// For items that have ended.
    pub items: RetentionPeriod,
    /// For backfills that are done or cancelled.
    pub backfills: RetentionPeriod,
    /// For reopenings of days that are final again.
    pub reopened_days: RetentionPeriod,
}

/// The shortest period of a setting: reports count the webhooks of seven days.
pub const SHORTEST_RETENTION: TimeDelta = TimeDelta::days(8);

/// How long the row of a process is kept that no longer reports itself: `status` says for how long no worker was seen.
const PROCESSES: RetentionPeriod = RetentionPeriod::Limited(TimeDelta::days(1));

impl HistoryTable {
    /// All tables.
    pub const ALL: [Self; 7] = [
        Self::Requests,
        Self::Deliveries,
        Self::Rejects,
        Self::Items,
        Self::Backfills,
        Self::ReopenedDays,
        Self::Processes,
    ];

    /// The name of the table.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Deliveries => "deliveries",
            Self::Rejects => "rejects",
            Self::Items => "items",
            Self::Backfills => "backfills",
            Self::ReopenedDays => "reopened_days",
            Self::Processes => "processes",
        }
    }
}

impl Retention {
    /// How long the rows of `table` are kept.
    #[must_use]
    pub fn period(&self, table: HistoryTable) -> RetentionPeriod {
        match table {
            HistoryTable::Requests => self.requests,
            HistoryTable::Deliveries => self.deliveries,
            HistoryTable::Rejects => self.rejects,
            HistoryTable::Items => self.items,
            HistoryTable::Backfills => self.backfills,
            HistoryTable::ReopenedDays => self.reopened_days,
            HistoryTable::Processes => PROCESSES,
        }
    }

    /// The instant before which rows of `table` are old at `now`; `None` if none ever are.
    #[must_use]
    pub fn horizon(&self, table: HistoryTable, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self.period(table) {
            RetentionPeriod::Limited(period) => now.checked_sub_signed(period),
            RetentionPeriod::Forever => None,
        }
    }
}

/// The time by which rows grow old: the database's, or that of the vendor whose clock is furthest behind it, so that a
/// database's clock that jumps ahead deletes nothing. `skews` are the vendors' clocks against the database's.
#[must_use]
pub fn pruning_time(now: DateTime<Utc>, skews: impl IntoIterator<Item = TimeDelta>) -> DateTime<Utc> {
    let behind = skews.into_iter().min().unwrap_or_default().min(TimeDelta::zero());
    now.checked_add_signed(behind).unwrap_or(DateTime::<Utc>::MIN_UTC)
}

/// Whether an old row about `window` is still needed: it is evidence of a time that is not `final` as a whole, so that
/// reports explain that time by it. A row about no time is not needed.
#[must_use]
pub fn is_needed(window: Option<Window>, settled: &Spans) -> bool {
    window.is_some_and(|window| !settled.covers(window))
}

/// A span that contains `day` in every time zone.
#[must_use]
pub fn span_of_day(day: NaiveDate) -> Option<Window> {
    let midnight = day.and_time(chrono::NaiveTime::MIN).and_utc();
    Window::new(midnight.checked_sub_signed(TimeDelta::days(1))?, midnight.checked_add_signed(TimeDelta::days(2))?)
}
