//! When the rows that an answer changed began, counted in spans of time, so that memory does not grow with the answer.

use crate::window::Window;
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

/// Counts of new and changed rows per span of time. The spans are a quarter of an hour long; they double whenever there are
/// more than [`RowChanges::MOST_SPANS`] of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowChanges {
    /// How often the spans have doubled.
    doublings: u32,
    /// The number of rows by the number of the span since 1970.
    rows: BTreeMap<i64, u64>,
}

/// The length of a span before the first doubling, in seconds. Midnight is on its border in every time zone of today.
const SHORTEST: i64 = 15 * 60;

impl RowChanges {
    /// The most spans that are counted apart.
    pub const MOST_SPANS: usize = 2_000;

    /// Whether no row changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Counts one row.
    pub fn add(&mut self, at: DateTime<Utc>) {
        *self.rows.entry(at.timestamp().div_euclid(self.length())).or_default() += 1;
        self.shrink();
    }

    /// The counts of both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let (mut finer, mut sum) = if self.doublings < other.doublings { (self, other) } else { (other, self) };
        while finer.doublings < sum.doublings {
            finer.double();
        }
        for (span, rows) in finer.rows {
            *sum.rows.entry(span).or_default() += rows;
        }
        sum.shrink();
        sum
    }

    /// The counts without the spans that `window` meets.
    #[must_use]
    pub fn outside(mut self, window: Window) -> Self {
        let length = self.length();
        self.rows.retain(|span, _| span_window(*span, length).is_some_and(|span| span.intersect(&window).is_none()));
        self
    }

    /// The spans, oldest first, each with the number of rows that changed in it.
    pub fn spans(&self) -> impl Iterator<Item = (Window, u64)> + '_ {
        let length = self.length();
        self.rows.iter().filter_map(move |(span, rows)| Some((span_window(*span, length)?, *rows)))
    }

    fn length(&self) -> i64 {
        SHORTEST << self.doublings
    }

    fn shrink(&mut self) {
        while self.rows.len() > Self::MOST_SPANS {
            self.double();
        }
    }

    fn double(&mut self) {
        self.doublings += 1;
        for (span, rows) in std::mem::take(&mut self.rows) {
            *self.rows.entry(span.div_euclid(2)).or_default() += rows;
        }
    }
}

fn span_window(span: i64, length: i64) -> Option<Window> {
    let at = |span: i64| DateTime::from_timestamp(span * length, 0);
    Window::new(at(span)?, at(span + 1)?)
}
