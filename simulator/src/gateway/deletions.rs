//! Rows that users have deleted at the vendor.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A row that users can delete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowNumber {
    /// The bot by its position, where the vendor has several; otherwise 0.
    pub bot: usize,
    /// The number of the row, unique in its bot.
    pub number: u64,
}

/// The rows that users have deleted. A deletion counts from the next request on.
#[derive(Debug, Default)]
pub(crate) struct Deletions(Mutex<BTreeSet<RowNumber>>);

impl Deletions {
    /// Deletes rows; returns how many of them were not deleted before.
    pub(crate) fn delete(&self, rows: impl IntoIterator<Item = RowNumber>) -> usize {
        let mut deleted = self.rows();
        rows.into_iter().filter(|row| deleted.insert(*row)).count()
    }

    /// Brings all deleted rows back; returns how many.
    pub(crate) fn restore(&self) -> usize {
        std::mem::take(&mut *self.rows()).len()
    }

    /// Whether the row is deleted.
    pub(crate) fn contains(&self, row: RowNumber) -> bool {
        self.rows().contains(&row)
    }

    fn rows(&self) -> MutexGuard<'_, BTreeSet<RowNumber>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[test]
fn a_deleted_row_comes_back() {
    let (deletions, row) = (Deletions::default(), |number| RowNumber { bot: 1, number });
    assert_eq!(deletions.delete([row(7), row(8), row(7)]), 2);
    assert!(deletions.contains(row(7)) && !deletions.contains(RowNumber { bot: 0, number: 7 }));
    assert_eq!((deletions.delete([row(8)]), deletions.restore()), (0, 2));
    assert!(!deletions.contains(row(7)));
}
