//! The days of a window. The vendor takes days and does not say of which zone; here they are days in UTC.

use chrono::{Days, NaiveDate, TimeDelta};
use domain::window::Window;

/// "The maximum time range supported is 15 days." The vendor's own example is a day longer; the stricter limit counts.
pub const MAX_DAYS: i64 = 15;

/// Whether the vendor includes `toDate`. It does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToDate {
    /// `toDate` is the last day of the response.
    Inclusive,
    /// `toDate` is the first day that is not in the response.
    Exclusive,
}

/// A range of days, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayRange {
    /// The first day.
    pub first: NaiveDate,
    /// The last day.
    pub last: NaiveDate,
}

impl DayRange {
    /// Every day that `window` touches.
    pub fn of(window: Window) -> Self {
        // The end of a window is not part of it.
        let last = window.to() - TimeDelta::nanoseconds(1);
        Self { first: window.from().date_naive(), last: last.date_naive() }
    }

    /// The number of days.
    pub fn count(self) -> i64 {
        (self.last - self.first).num_days() + 1
    }

    /// The values of `fromDate` and `toDate`.
    pub fn dates(self, to: ToDate) -> (NaiveDate, NaiveDate) {
        match to {
            ToDate::Inclusive => (self.first, self.last),
            ToDate::Exclusive => (self.first, next(self.last)),
        }
    }
}

/// The next day.
pub fn next(day: NaiveDate) -> NaiveDate {
    day.checked_add_days(Days::new(1)).unwrap_or(day)
}
