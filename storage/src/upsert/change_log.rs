//! The changes that an answer makes to rows of the spans that the stream held before it.

use chrono::{DateTime, Utc};
use domain::row_changes::RowChanges;
use domain::spans::Spans;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// The number of updated rows that the log keeps apart. An answer that changes more has changed its window in any case.
const UPDATES: usize = 10_000;

/// The changes of one answer, over all transactions that store its rows. They count against the state before the answer:
/// one that names a row twice, differently, changes nothing if the row ends as it was. A vendor may send such an answer
/// each time, and its days could then never become final.
#[derive(Debug, Default)]
pub struct ChangeLog {
    held: Spans,
    /// The updated rows, by table and hash of the key.
    updates: HashMap<(&'static str, u128), Update>,
    /// The earliest change that cannot be undone.
    earliest: Option<DateTime<Utc>>,
    /// The changes since [`ChangeLog::take_new`] that cannot be undone.
    new: RowChanges,
}

/// The instants by which a row is found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FiledAt {
    /// The instant by which the vendor files the row.
    pub at: Option<DateTime<Utc>>,
    /// The instant whose day the row belongs to.
    pub day: Option<DateTime<Utc>>,
}

/// The first update of a row by this answer.
#[derive(Debug)]
struct Update {
    /// The digest before the answer.
    before: String,
    filed: FiledAt,
    /// Whether [`ChangeLog::take_new`] has counted it.
    is_taken: bool,
}

impl ChangeLog {
    /// Creates the log of an answer. `held` are the spans that the stream held before; changes elsewhere do not count.
    #[must_use]
    pub fn new(held: Spans) -> Self {
        Self { held, ..Self::default() }
    }

    /// Logs a row that the table did not hold.
    pub(crate) fn insert(&mut self, filed: FiledAt) {
        if let Some(filed) = self.within_held(filed) {
            self.keep(filed);
        }
    }

    /// Logs that the digest of a row changed from `before` to `after`. The row is that of a table with this hash of its key.
    pub(crate) fn update(&mut self, row: (&'static str, u128), filed: FiledAt, (before, after): (&str, &str)) {
        let filed = self.within_held(filed);
        let is_full = self.updates.len() >= UPDATES;
        match self.updates.entry(row) {
            Entry::Occupied(update) if update.get().before == after => drop(update.remove()),
            Entry::Occupied(mut update) => {
                let first = update.get().filed;
                let at = filed.and_then(|filed| filed.at).into_iter().chain(first.at).min();
                update.get_mut().filed = FiledAt { at, day: first.day };
            }
            Entry::Vacant(_) if is_full => filed.into_iter().for_each(|filed| self.keep(filed)),
            Entry::Vacant(new) => {
                if let Some(filed) = filed {
                    new.insert(Update { before: before.to_owned(), filed, is_taken: false });
                }
            }
        }
    }

    /// The earliest instant by which a row is filed that is new or ends in another version than before the answer.
    #[must_use]
    pub fn earliest_change(&self) -> Option<DateTime<Utc>> {
        self.updates.values().filter_map(|update| update.filed.at).chain(self.earliest).min()
    }

    /// When the rows that have changed since the last call were filed.
    pub(crate) fn take_new(&mut self) -> RowChanges {
        let mut new = std::mem::take(&mut self.new);
        for update in self.updates.values_mut().filter(|update| !update.is_taken) {
            update.is_taken = true;
            count(&mut new, update.filed);
        }
        new
    }

    fn keep(&mut self, filed: FiledAt) {
        self.earliest = self.earliest.into_iter().chain(filed.at).min();
        count(&mut self.new, filed);
    }

    /// The instants that lie in held spans; `None` if neither does.
    fn within_held(&self, filed: FiledAt) -> Option<FiledAt> {
        let held = |at: Option<DateTime<Utc>>| at.filter(|at| self.held.contains(*at));
        let filed = FiledAt { at: held(filed.at), day: held(filed.day) };
        (filed.at.is_some() || filed.day.is_some()).then_some(filed)
    }
}

fn count(changes: &mut RowChanges, filed: FiledAt) {
    filed.at.into_iter().chain(filed.day.filter(|day| Some(*day) != filed.at)).for_each(|at| changes.add(at));
}
