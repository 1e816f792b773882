//! Compares the rows of a mailed file with the rows that are stored already. A file that the vendor made holds them too, with
//! the same content; a file of a stranger does not.

use chrono::{DateTime, TimeDelta, Utc};

/// What a file has in common with the stored rows of its window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileOverlap {
    /// Rows of the file that are stored, too.
    pub shared: u64,
    /// Those of them whose fixed values differ from the stored ones.
    pub contradicted: u64,
    /// Stored rows of the window that the file has not touched. Counted only if the file shares no row.
    pub untouched: u64,
}

/// Two notations of one instant differ by less: a file may have no seconds.
const PRECISION: TimeDelta = TimeDelta::minutes(1);

impl FileOverlap {
    /// Why the file is not believed; `None` if nothing speaks against it.
    #[must_use]
    pub fn doubt(&self) -> Option<String> {
        let Self { shared, contradicted, untouched } = *self;
        if contradicted > 0 {
            return Some(format!(
                "{contradicted} of its {shared} rows that are stored already have another time, conversation or text"
            ));
        }
        (shared == 0 && untouched > 0)
            .then(|| format!("it names none of the {untouched} rows that the vendor's answers hold for these days"))
    }
}

/// Whether two notations may stand for one instant.
#[must_use]
pub fn is_same_time(one: DateTime<Utc>, other: DateTime<Utc>) -> bool {
    (one - other).abs() < PRECISION
}

/// Whether two texts may be one: only the letters and digits count that every character set, and every program for tables,
/// keeps. No text is the same as an empty one, because a file cannot tell the two apart.
#[must_use]
pub fn is_same_text(one: &str, other: &str) -> bool {
    let letters = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
    letters(one) == letters(other)
}
