//! Which rows a file of a day holds, and in which order.

use super::draw::generator;
use super::truth::{Row, Truth, day_number};
use chrono::NaiveDate;
use rand::Rng;
use std::sync::Arc;

/// One file: a bot's day, or a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) bot: usize,
    pub(super) day: NaiveDate,
    /// Which of the day's files, from 0.
    pub(super) number: u32,
    /// Whether about a tenth is still missing.
    pub(super) short: bool,
}

/// How a row comes twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Twice {
    older_first: bool,
    /// Whether the second is at the file's end, and not next to the first.
    apart: bool,
}

const SALT_TWICE: u64 = 0x0002;

impl Truth {
    /// The rows of a file, some of them twice, one by one.
    pub(super) fn rows(self: &Arc<Self>, part: Part) -> impl Iterator<Item = Row> + Send + use<> {
        let (truth, late) = (Arc::clone(self), Arc::clone(self));
        let first = self.once(part).flat_map(move |row| match truth.twice(row) {
            None => [Some(row), None],
            Some(twice) if twice.apart => [Some(Row { older: twice.older_first, ..row }), None],
            Some(twice) => [twice.older_first, !twice.older_first].map(|older| Some(Row { older, ..row })),
        });
        // Made a second time instead of kept: a file may be larger than memory.
        let rest = if self.duplicates > 0.0 { Some(self.once(part)) } else { None };
        let second = rest.into_iter().flatten().filter_map(move |row| {
            let twice = late.twice(row).filter(|twice| twice.apart)?;
            Some(Row { older: !twice.older_first, ..row })
        });
        first.flatten().chain(second)
    }

    /// A number of its own for a file, whatever state it is in.
    pub(super) fn file_number(&self, part: Part) -> u64 {
        self.salted(part.bot, 0) ^ (day_number(part.day) * 1000 + u64::from(part.number))
    }

    fn once(self: &Arc<Self>, part: Part) -> impl Iterator<Item = Row> + Send + use<> {
        let files = u64::from(self.files(part.bot, part.day));
        self.ended(part.bot, part.day).filter(move |row| {
            let index = row.key.index;
            index % files == u64::from(part.number) && !(part.short && is_late(row))
        })
    }

    fn twice(&self, row: Row) -> Option<Twice> {
        let number = Self::number(row.key) * 2 + u64::from(row.again);
        let mut random = generator(self.salted(row.key.bot, SALT_TWICE), number);
        let twice = random.random::<f64>() < self.duplicates;
        twice.then(|| Twice { older_first: random.random(), apart: random.random() })
    }
}

/// Whether the row is missing where a file is short. "A day's file was seen to grow after midnight".
fn is_late(row: &Row) -> bool {
    (row.key.index + day_number(row.key.day)) % 10 == 3
}
