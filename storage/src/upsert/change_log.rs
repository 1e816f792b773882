//! The changes that an answer makes to rows of the spans that the stream held before it.

use chrono::{DateTime, Utc};
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
}

/// The first update of a row by this answer.
#[derive(Debug)]
struct Update {
    /// The digest before the answer.
    before: String,
    at: DateTime<Utc>,
}

impl ChangeLog {
    /// Creates the log of an answer. `held` are the spans that the stream held before; changes elsewhere do not count.
    #[must_use]
    pub fn new(held: Spans) -> Self {
        Self { held, ..Self::default() }
    }

    /// Logs a row that the table did not hold, filed at `at`.
    pub(crate) fn insert(&mut self, at: Option<DateTime<Utc>>) {
        let at = at.filter(|at| self.held.contains(*at));
        self.earliest = self.earliest.into_iter().chain(at).min();
    }

    /// Logs that the digest of a row changed from `before` to `after`. The row is that of a table with this hash of its
    /// key, filed at `at`.
    pub(crate) fn update(
        &mut self,
        (table, key): (&'static str, u128),
        at: Option<DateTime<Utc>>,
        (before, after): (&str, &str),
    ) {
        let at = at.filter(|at| self.held.contains(*at));
        let is_full = self.updates.len() >= UPDATES;
        match self.updates.entry((table, key)) {
            Entry::Occupied(update) if update.get().before == after => drop(update.remove()),
            Entry::Occupied(mut update) => {
                let first = update.get().at;
                update.get_mut().at = at.map_or(first, |at| first.min(at));
            }
            Entry::Vacant(_) if is_full => self.earliest = self.earliest.into_iter().chain(at).min(),
            Entry::Vacant(new) => drop(at.map(|at| new.insert(Update { before: before.to_owned(), at }))),
        }
    }

    /// The earliest instant at which a row was filed that is new or ends in another version than before the answer.
    #[must_use]
    pub fn earliest_change(&self) -> Option<DateTime<Utc>> {
        self.updates.values().map(|update| update.at).chain(self.earliest).min()
    }
}
