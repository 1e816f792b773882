//! Counts where in its window the rows of one answer lie, so that a full answer shows where to cut.

use crate::pace::FILL;
use crate::rules::Rules;
use crate::window::Window;
use chrono::{DateTime, TimeDelta, Utc};

/// The number of rows in each bucket of a window. Buckets are whole steps or units.
#[derive(Clone, Debug, PartialEq)]
pub struct RowHistogram {
    requested: Window,
    /// What the vendor scanned; the first bucket begins at its start.
    scanned: Window,
    bucket: TimeDelta,
    counts: Vec<u64>,
    /// The first and the last counted instant.
    bounds: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

/// A part of a window that was cut by its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubWindow {
    /// The window to request.
    pub window: Window,
    /// Whether no answer can hold the window: it cannot be cut, and it holds the row cap or more.
    pub is_full: bool,
}

/// The most buckets. A month has fewer days, and an hour needs no finer cuts.
const MOST_BUCKETS: i32 = 64;
/// An answer counts as cut off if the blank span at one end is this many times the average span between two rows.
const BLANK_FACTOR: f64 = 8.0;
/// The least share of a bucket that must be complete to extrapolate its rows.
const LEAST_SHARE: f64 = 0.1;

impl RowHistogram {
    /// An empty histogram for the answer to a request for `requested`, sent at `sent_at`.
    #[must_use]
    pub fn new(requested: Window, sent_at: DateTime<Utc>, rules: &Rules) -> Self {
        let scanned = rules.scanned(requested, sent_at);
        let bucket = rules.round_up(scanned.span() / MOST_BUCKETS).max(rules.round_up(TimeDelta::milliseconds(1)));
        let buckets = (scanned.span().num_milliseconds() - 1) / bucket.num_milliseconds() + 1;
        Self { requested, scanned, bucket, counts: vec![0; usize::try_from(buckets).unwrap_or(1)], bounds: None }
    }

    /// Counts a row that the vendor files at `at`. A row outside the scanned window is not counted.
    pub fn add(&mut self, at: DateTime<Utc>) {
        if !self.scanned.contains(at) {
            return;
        }
        let bucket = (at - self.scanned.from()).num_milliseconds() / self.bucket.num_milliseconds();
        if let Some(count) = usize::try_from(bucket).ok().and_then(|bucket| self.counts.get_mut(bucket)) {
            *count += 1;
        }
        self.bounds = Some(self.bounds.map_or((at, at), |(first, last)| (first.min(at), last.max(at))));
    }

    /// The number of counted rows.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Whether the answer seems to be cut off at one end: the blank span there is far longer than between two rows.
    #[must_use]
    pub fn is_cut_off(&self) -> bool {
        let average_gap = |complete: Window| complete.span().as_seconds_f64() / as_float(self.rows());
        self.complete_span().is_some_and(|complete| {
            (self.scanned.span() - complete.span()).as_seconds_f64() > BLANK_FACTOR * average_gap(complete)
        })
    }

    /// The total span and the rows of the buckets that the answer holds completely; `None` if there are none.
    #[must_use]
    pub fn complete_buckets(&self) -> Option<(TimeDelta, u64)> {
        let complete = self.complete_span()?;
        let whole = (0..self.counts.len()).filter(|at| self.span(*at).is_some_and(|bucket| complete.covers(&bucket)));
        let (span, rows) = whole.fold((TimeDelta::zero(), 0), |(span, rows), at| {
            (span + self.span(at).map_or(TimeDelta::zero(), |bucket| bucket.span()), rows + self.counts[at])
        });
        (span > TimeDelta::zero()).then_some((span, rows))
    }

    /// The window in parts that should each fit one answer, newest first; `None` if the rows do not show where to cut.
    /// Days that the answer lacks are assumed to hold `rows_per_day`.
    #[must_use]
    pub fn sub_windows(&self, rules: &Rules, rows_per_day: f64) -> Option<Vec<SubWindow>> {
        let most = as_float(rules.row_cap) * FILL;
        let mut parts: Vec<(SubWindow, f64)> = Vec::new();
        for at in (0..self.counts.len()).rev() {
            let (Some(window), rows) = (self.span(at), self.estimate(at, rows_per_day)) else { continue };
            let Some(requested) = window.intersect(&self.requested) else { continue };
            let is_smallest = rules.halves(requested).is_none();
            let part = SubWindow { window: requested, is_full: is_smallest && self.counts[at] >= rules.row_cap };
            match parts.last_mut() {
                Some((newer, sum)) if *sum + rows <= most && !part.is_full => {
                    newer.window = Window::new(requested.from(), newer.window.to())?;
                    *sum += rows;
                }
                _ => parts.push((part, rows)),
            }
        }
        (parts.len() > 1).then(|| parts.into_iter().map(|(part, _)| part).collect())
    }

    /// The part of the scanned window that the answer holds completely. A capped answer lacks rows at one end: the one
    /// with the longer blank span.
    fn complete_span(&self) -> Option<Window> {
        let (first, last) = self.bounds?;
        let (before, after) = (first - self.scanned.from(), self.scanned.to() - last);
        if before > after {
            Window::new(first, self.scanned.to())
        } else {
            Window::new(self.scanned.from(), last + TimeDelta::milliseconds(1))
        }
    }

    /// The estimated rows of the bucket `at`.
    fn estimate(&self, at: usize, rows_per_day: f64) -> f64 {
        let Some(bucket) = self.span(at) else { return 0.0 };
        let days = |span: TimeDelta| span.as_seconds_f64() / 86_400.0;
        let complete = self.complete_span().and_then(|complete| complete.intersect(&bucket));
        let complete = complete.map_or(TimeDelta::zero(), |part| part.span());
        let (rows, share) = (as_float(self.counts[at]), days(complete) / days(bucket.span()));
        let filled_up = rows + rows_per_day * days(bucket.span() - complete);
        if share < LEAST_SHARE { filled_up } else { rows / share }
    }

    /// The window of the bucket `at`, within the scanned window.
    fn span(&self, at: usize) -> Option<Window> {
        let from = self.scanned.from() + self.bucket * i32::try_from(at).ok()?;
        Window::new(from, from + self.bucket)?.intersect(&self.scanned)
    }
}

#[expect(clippy::cast_precision_loss, reason = "row counts stay far below 2^53")]
fn as_float(rows: u64) -> f64 {
    rows as f64
}
