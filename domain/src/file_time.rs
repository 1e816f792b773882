//! The instant whose state of the vendor an imported file shows.

use crate::rules::Rules;
use crate::window::Window;
use chrono::{DateTime, TimeDelta, Utc};

/// The evidence for the time at which a file was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileTimes {
    /// The first and the last instant that `--as-of` allows. A day allows each of its instants.
    pub stated: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// The latest instant of a row in the file.
    pub newest_row: Option<DateTime<Utc>>,
    /// The end of the days that the file holds completely, as the operator states.
    pub holds_until: Option<DateTime<Utc>>,
    /// When the file was last written.
    pub modified: DateTime<Utc>,
}

/// Why a file was not made when the operator says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileTimeError {
    /// The file holds a row from after the stated instant.
    #[error("the file holds a row of {0}, which is later; write the time at which the file was made")]
    BeforeRow(DateTime<Utc>),
    /// The stated instant has not come.
    #[error("this time has not come; write the time at which the file was made")]
    InFuture,
}

impl FileTimes {
    /// The earliest instant at which the file can have been made: a later one would prove more than the file does.
    ///
    /// A file cannot be older than its newest row, nor than the end of the days that it holds completely. It cannot be newer
    /// than its last change, because a copy or a download may have changed that time, but only to a later one.
    ///
    /// # Errors
    /// [`FileTimeError`] if `--as-of` contradicts the rows or the clock.
    pub fn made_at(&self, now: DateTime<Utc>) -> Result<DateTime<Utc>, FileTimeError> {
        let latest = self.modified.min(now);
        let Some((first, last)) = self.stated else {
            let earliest = self.newest_row.max(self.holds_until);
            return Ok(earliest.map_or(DateTime::UNIX_EPOCH, |earliest| earliest.min(latest)));
        };
        if first > now {
            return Err(FileTimeError::InFuture);
        }
        if let Some(row) = self.newest_row.filter(|row| *row > last) {
            return Err(FileTimeError::BeforeRow(row));
        }
        Ok(self.newest_row.map_or(first, |row| row.max(first)).min(latest))
    }
}

/// The part of `window` that a file made at `made_at` can hold completely, in whole units and steps of the vendor; `None` if
/// there is none.
#[must_use]
pub fn held_part(window: Window, made_at: DateTime<Utc>, rules: &Rules) -> Option<Window> {
    if made_at >= window.to() {
        return Some(window);
    }
    let millis = (rules.floor(made_at) - window.from()).num_milliseconds();
    let whole = millis - millis.rem_euclid(rules.step.num_milliseconds().max(1));
    Window::new(window.from(), window.from() + TimeDelta::milliseconds(whole))
}
