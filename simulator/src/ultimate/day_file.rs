//! The rows of a file, in their order.

use super::dataset::{Dataset, StateKey};
use crate::calendar::day_number;
use crate::random::{generator, happens};
use chrono::NaiveDate;
use rand::Rng;
use std::sync::Arc;

/// One file: a day of a bot, or a part of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DayFile {
    pub(super) bot: usize,
    pub(super) day: NaiveDate,
    /// Its number among the files of the day, from 0.
    pub(super) number: u32,
    /// Whether about a tenth of the rows is missing.
    pub(super) short: bool,
}

/// How a file repeats a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Repetition {
    older_first: bool,
    /// Whether the second row is at the end of the file, and not next to the first.
    at_end: bool,
}

const SALT_REPETITION: u64 = 0x0002;

impl Dataset {
    /// The rows of a file, some of them twice, generated one by one.
    pub(super) fn rows(self: &Arc<Self>, file: DayFile) -> impl Iterator<Item = StateKey> + Send + use<> {
        let (dataset, again) = (Arc::clone(self), Arc::clone(self));
        let first = self.distinct_rows(file).flat_map(move |row| match dataset.repetition(row) {
            None => [Some(row), None],
            Some(repetition) if repetition.at_end => [Some(StateKey { older: repetition.older_first, ..row }), None],
            Some(repetition) => {
                [repetition.older_first, !repetition.older_first].map(|older| Some(StateKey { older, ..row }))
            }
        });
        // Generated a second time instead of kept: a file may be larger than memory.
        let rest = if self.duplicates > 0.0 { Some(self.distinct_rows(file)) } else { None };
        let second = rest.into_iter().flatten().filter_map(move |row| {
            let repetition = again.repetition(row).filter(|repetition| repetition.at_end)?;
            Some(StateKey { older: !repetition.older_first, ..row })
        });
        first.flatten().chain(second)
    }

    /// A number that is unique to a file, short or complete.
    pub(super) fn file_number(&self, file: DayFile) -> u64 {
        self.salted(file.bot, 0) ^ (day_number(file.day) * 1000 + u64::from(file.number))
    }

    fn distinct_rows(self: &Arc<Self>, file: DayFile) -> impl Iterator<Item = StateKey> + Send + use<> {
        let files = u64::from(self.file_count(file.bot, file.day));
        self.ending_on(file.bot, file.day).filter(move |row| {
            let index = row.key.index;
            index % files == u64::from(file.number) && !(file.short && is_late(row))
        })
    }

    fn repetition(&self, row: StateKey) -> Option<Repetition> {
        let number = Self::number(row.key) * 2 + u64::from(row.resumed);
        let mut random = generator(self.salted(row.key.bot, SALT_REPETITION), number);
        happens(self.duplicates, &mut random)
            .then(|| Repetition { older_first: random.random(), at_end: random.random() })
    }
}

/// Whether a short file lacks the row. "A day's file was seen to grow after midnight".
fn is_late(row: &StateKey) -> bool {
    (row.key.index + day_number(row.key.day)) % 10 == 3
}
