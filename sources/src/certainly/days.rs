//! The days that a window is asked by. The vendor names days, and does not say whose; here they are UTC's.

use chrono::{Days, NaiveDate, TimeDelta};
use domain::window::Window;

/// "The maximum time range supported is 15 days." The vendor's own example is a day longer; the stricter one is kept.
pub const LONGEST: i64 = 15;

/// Whether the vendor counts `toDate` in. It does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToDate {
    /// The last day asked is in the answer.
    Inclusive,
    /// It is the first one that is not.
    Exclusive,
}

/// Days from the first to the last, both meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first.
    pub first: NaiveDate,
    /// The last.
    pub last: NaiveDate,
}

impl Span {
    /// Every day that `window` touches.
    pub fn of(window: Window) -> Self {
        // A window ends before its end.
        let last = window.to() - TimeDelta::nanoseconds(1);
        Self { first: window.from().date_naive(), last: last.date_naive() }
    }

    /// How many days.
    pub fn count(self) -> i64 {
        (self.last - self.first).num_days() + 1
    }

    /// `fromDate` and `toDate`.
    pub fn dates(self, to: ToDate) -> (NaiveDate, NaiveDate) {
        match to {
            ToDate::Inclusive => (self.first, self.last),
            ToDate::Exclusive => (self.first, next(self.last)),
        }
    }
}

/// The day after.
pub fn next(day: NaiveDate) -> NaiveDate {
    day.checked_add_days(Days::new(1)).unwrap_or(day)
}
