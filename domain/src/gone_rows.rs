//! Rows that a vendor no longer has: a full answer for their window lacks them.

use chrono::{DateTime, Utc};

/// A row that is stored for the window of a full answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredRow {
    /// The instant by which the vendor filed the row.
    pub at: DateTime<Utc>,
    /// Whether an earlier answer lacked it.
    pub is_gone: bool,
    /// Whether the answer names it.
    pub is_named: bool,
}

/// The answer lacks so many stored rows that it is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// The number of stored rows that the answer lacks.
    pub missing: usize,
    /// The number of rows that are stored for the window.
    pub stored: usize,
}

/// The number of stored rows from which an answer that lacks more than half of them is not believed.
const MANY: usize = 20;

/// The indices of the rows that the answer lacks for the first time.
///
/// # Errors
/// [`Doubt`] if the answer lacks most of many rows: it is more likely that the answer is incomplete than that the vendor
/// has deleted them.
pub fn newly_gone(stored: &[StoredRow]) -> Result<Vec<usize>, Doubt> {
    let missing = stored.iter().filter(|row| !row.is_named).count();
    let is_new = |row: &StoredRow| !row.is_named && !row.is_gone;
    let gone: Vec<usize> = stored.iter().enumerate().filter(|(_, row)| is_new(row)).map(|(index, _)| index).collect();
    if !gone.is_empty() && stored.len() >= MANY && missing * 2 > stored.len() {
        return Err(Doubt { missing, stored: stored.len() });
    }
    Ok(gone)
}
