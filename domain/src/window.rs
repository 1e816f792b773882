//! A window: a half-open span of time.

use chrono::{DateTime, NaiveDate, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use std::fmt;

/// `[from, to)` in UTC, never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Window {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
}

impl Window {
    /// The window from `from` up to, not including, `to`; `None` if it would be empty.
    #[must_use]
    pub fn new(from: DateTime<Utc>, to: DateTime<Utc>) -> Option<Self> {
        (from < to).then_some(Self { from, to })
    }

    /// The first instant inside.
    #[must_use]
    pub fn from(&self) -> DateTime<Utc> {
        self.from
    }

    /// The first instant no longer inside.
    #[must_use]
    pub fn to(&self) -> DateTime<Utc> {
        self.to
    }

    /// The length; always positive.
    #[must_use]
    pub fn span(&self) -> TimeDelta {
        self.to - self.from
    }

    /// Whether `at` lies inside.
    #[must_use]
    pub fn contains(&self, at: DateTime<Utc>) -> bool {
        self.from <= at && at < self.to
    }

    /// Whether all of `other` lies inside.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.from <= other.from && other.to <= self.to
    }

    /// The common part; `None` if there is none.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Option<Self> {
        Self::new(self.from.max(other.from), self.to.min(other.to))
    }

    /// Whether the windows overlap or are adjacent.
    #[must_use]
    pub fn touches(&self, other: &Self) -> bool {
        self.from <= other.to && other.from <= self.to
    }

    /// The smallest window that contains both.
    #[must_use]
    pub fn hull(&self, other: &Self) -> Self {
        Self { from: self.from.min(other.from), to: self.to.max(other.to) }
    }

    /// The parts outside all `others`, oldest first.
    #[must_use]
    pub fn minus(&self, others: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let mut others: Vec<Self> = others.into_iter().collect();
        others.sort_unstable();
        let mut left = Vec::new();
        let mut at = self.from;
        for other in others {
            left.extend(Self::new(at, other.from.min(self.to)));
            at = at.max(other.to);
        }
        left.extend(Self::new(at, self.to));
        left
    }

    /// Two halves, older first, cut at a whole number of `step`s from the start; `None` if the window is one step or
    /// less.
    #[must_use]
    pub fn halves(&self, step: TimeDelta) -> Option<(Self, Self)> {
        let steps = self.span().num_milliseconds() / step.num_milliseconds().max(1);
        let middle = self.from + TimeDelta::milliseconds(step.num_milliseconds() * (steps / 2));
        Some((Self::new(self.from, middle)?, Self::new(middle, self.to)?))
    }

    /// The newest part, at most `length` long, and the rest before it.
    #[must_use]
    pub fn newest(&self, length: TimeDelta) -> (Self, Option<Self>) {
        let cut = self.from.max(self.to - length);
        match Self::new(cut, self.to) {
            Some(newest) => (newest, Self::new(self.from, cut)),
            None => (*self, None),
        }
    }

    /// The window of `day` in `zone`: 24 hours, or 23 or 25 on the days on which clocks change.
    #[must_use]
    pub fn of_day(day: NaiveDate, zone: Tz) -> Option<Self> {
        Self::new(midnight(day, zone), midnight(day.succ_opt()?, zone))
    }

    /// The days in `zone` that overlap the window, oldest first.
    #[must_use]
    pub fn days(&self, zone: Tz) -> Vec<NaiveDate> {
        let last = (self.to - TimeDelta::milliseconds(1)).with_timezone(&zone).date_naive();
        let first = self.from.with_timezone(&zone).date_naive();
        first.iter_days().take_while(|day| *day <= last).collect()
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let style = "%Y-%m-%dT%H:%M:%SZ";
        write!(f, "[{}, {})", self.from.format(style), self.to.format(style))
    }
}

/// The first instant of `day` in `zone`. If clocks skip midnight, the instant to which they jump.
#[must_use]
pub fn midnight(day: NaiveDate, zone: Tz) -> DateTime<Utc> {
    let naive = day.and_time(chrono::NaiveTime::MIN);
    // Clocks usually skip one hour; in Samoa they once skipped a whole day.
    (0..=26 * 60)
        .find_map(|minutes| zone.from_local_datetime(&(naive + TimeDelta::minutes(minutes))).earliest())
        .map_or_else(|| naive.and_utc(), |local| local.with_timezone(&Utc))
}
