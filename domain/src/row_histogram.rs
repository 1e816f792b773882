//! Counts where in its window the rows of one answer lie, so that a full answer shows where to cut.

use crate::forecast::Forecast;
use crate::rules::Rules;
use crate::week_weights::WeekWeights;
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

/// The most buckets: an hour each in a month.
const MOST_BUCKETS: i32 = 744;
/// The rows of a part that are counted, as a share of the row cap. The vendor may add a few before the next answer.
const COUNTED_FILL: f64 = 0.97;
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

    /// Each bucket with its rows, oldest first.
    pub fn buckets(&self) -> impl Iterator<Item = (Window, u64)> {
        (0..self.counts.len()).filter_map(|at| Some((self.span(at)?, self.counts[at])))
    }

    /// Whether the answer seems to be cut off at one end: the blank span there is far longer than between two rows.
    #[must_use]
    pub fn is_cut_off(&self, weights: &WeekWeights) -> bool {
        self.complete_span(weights).is_some_and(|complete| {
            let average_gap = weights.days(complete) / as_float(self.rows());
            weights.days(self.scanned) - weights.days(complete) > BLANK_FACTOR * average_gap
        })
    }

    /// The buckets that the answer holds completely, if the vendor left rows out at one end.
    pub fn complete_buckets<'a>(&'a self, weights: &WeekWeights) -> impl Iterator<Item = (Window, u64)> + use<'a> {
        let complete = self.complete_span(weights);
        self.buckets().filter(move |(bucket, _)| complete.is_some_and(|complete| complete.covers(bucket)))
    }

    /// The window in parts that should each fit one answer, newest first; `None` if the rows do not show where to cut.
    /// Spans that the answer lacks are assumed to hold what `forecast` says.
    #[must_use]
    pub fn sub_windows(&self, rules: &Rules, forecast: &Forecast) -> Option<Vec<SubWindow>> {
        let complete = self.complete_span(forecast.weights());
        let expected = forecast.rows_per_window(rules).max(f64::MIN_POSITIVE);
        let counted = as_float(rules.row_cap) * COUNTED_FILL;
        let mut parts: Vec<(SubWindow, f64)> = Vec::new();
        for at in (0..self.counts.len()).rev() {
            let Some(window) = self.span(at) else { continue };
            let (rows, is_counted) = self.estimate(at, complete, forecast);
            // The share of one answer that the bucket fills.
            let share = rows / if is_counted { counted } else { expected };
            let Some(requested) = window.intersect(&self.requested) else { continue };
            let is_smallest = rules.halves(requested).is_none();
            let part = SubWindow { window: requested, is_full: is_smallest && self.counts[at] >= rules.row_cap };
            match parts.last_mut() {
                Some((newer, sum)) if *sum + share <= 1.0 && !part.is_full => {
                    newer.window = Window::new(requested.from(), newer.window.to())?;
                    *sum += share;
                }
                _ => parts.push((part, share)),
            }
        }
        (parts.len() > 1).then(|| parts.into_iter().map(|(part, _)| part).collect())
    }

    /// The part of the scanned window that the answer holds completely. A capped answer lacks rows at one end: the one
    /// where the blank span should hold more rows.
    fn complete_span(&self, weights: &WeekWeights) -> Option<Window> {
        let (first, last) = self.bounds?;
        let end = last + TimeDelta::milliseconds(1);
        let days = |from, to| Window::new(from, to).map_or(0.0, |blank| weights.days(blank));
        if days(self.scanned.from(), first) > days(end, self.scanned.to()) {
            Window::new(first, self.scanned.to())
        } else {
            Window::new(self.scanned.from(), end)
        }
    }

    /// The estimated rows of the bucket `at`, and whether the answer holds the whole bucket.
    fn estimate(&self, at: usize, complete: Option<Window>, forecast: &Forecast) -> (f64, bool) {
        let Some(bucket) = self.span(at) else { return (0.0, true) };
        let (rows, weights) = (as_float(self.counts[at]), forecast.weights());
        let complete = complete.and_then(|complete| complete.intersect(&bucket));
        let share = complete.map_or(0.0, |part| weights.days(part) / weights.days(bucket));
        if complete == Some(bucket) {
            (rows, true)
        } else if share < LEAST_SHARE {
            (rows + forecast.rows(bucket) * (1.0 - share), false)
        } else {
            (rows / share, false)
        }
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
