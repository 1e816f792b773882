//! A half-open span of time.

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
    /// The span from `from` up to, not including, `to`; `None` where it would be empty.
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

    /// How long it is; always positive.
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

    /// What both have in common.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Option<Self> {
        Self::new(self.from.max(other.from), self.to.min(other.to))
    }

    /// Whether they have something in common, or lie side by side.
    #[must_use]
    pub fn touches(&self, other: &Self) -> bool {
        self.from <= other.to && other.from <= self.to
    }

    /// Both, and what lies between them.
    #[must_use]
    pub fn hull(&self, other: &Self) -> Self {
        Self { from: self.from.min(other.from), to: self.to.max(other.to) }
    }

    /// What is left of it once `others` are taken away, oldest first.
    #[must_use]
    pub fn minus(&self, others: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let mut taken: Vec<Self> = others.into_iter().collect();
        taken.sort_unstable();
        let mut left = Vec::new();
        let mut at = self.from;
        for other in taken {
            left.extend(Self::new(at, other.from.min(self.to)));
            at = at.max(other.to);
        }
        left.extend(Self::new(at, self.to));
        left
    }

    /// Cut in two at a whole `step` counted from its start; `None` where it is one step or less.
    #[must_use]
    pub fn halves(&self, step: TimeDelta) -> Option<(Self, Self)> {
        let steps = self.span().num_milliseconds() / step.num_milliseconds().max(1);
        let middle = self.from + TimeDelta::milliseconds(step.num_milliseconds() * (steps / 2));
        Some((Self::new(self.from, middle)?, Self::new(middle, self.to)?))
    }

    /// The newest part of it, at most `width` long, and what is left before.
    #[must_use]
    pub fn newest(&self, width: TimeDelta) -> (Self, Option<Self>) {
        let cut = self.from.max(self.to - width);
        match Self::new(cut, self.to) {
            Some(newest) => (newest, Self::new(self.from, cut)),
            None => (*self, None),
        }
    }

    /// The whole of `day` as clocks in `zone` show it: 23, 24 or 25 hours where clocks change.
    #[must_use]
    pub fn of_day(day: NaiveDate, zone: Tz) -> Option<Self> {
        Self::new(midnight(day, zone), midnight(day.succ_opt()?, zone))
    }

    /// The days that it touches in `zone`, oldest first.
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

/// The first instant of `day` in `zone`. Where clocks skip midnight it is the instant they jump to.
#[must_use]
pub fn midnight(day: NaiveDate, zone: Tz) -> DateTime<Utc> {
    let naive = day.and_time(chrono::NaiveTime::MIN);
    // Mostly an hour is skipped; once, in Samoa, a whole day.
    (0..=26 * 60)
        .find_map(|minutes| zone.from_local_datetime(&(naive + TimeDelta::minutes(minutes))).earliest())
        .map_or_else(|| naive.and_utc(), |local| local.with_timezone(&Utc))
}
