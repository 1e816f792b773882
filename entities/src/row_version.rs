//! The order of two versions of a row.

use chrono::{DateTime, Utc};

/// What orders two versions of a row: the instants in the two columns of [`TableSchema::version`](crate::schema::TableSchema::version). Without such columns all
/// versions are equal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Version(pub [Option<DateTime<Utc>>; 2]);

impl Version {
    /// Whether this version is older than `other`. The second instant breaks a tie of the first if both versions have it: a
    /// vendor's formats differ in the columns that they fill.
    #[must_use]
    pub fn is_older_than(self, other: Self) -> bool {
        let ([first, second], [other_first, other_second]) = (self.0, other.0);
        first < other_first || first == other_first && second.zip(other_second).is_some_and(|(own, other)| own < other)
    }
}
