//! Where in its window the rows of one answer lie: what a full answer says of how to ask better.

use crate::pace::FILL;
use crate::rules::Rules;
use crate::window::Window;
use chrono::{DateTime, TimeDelta, Utc};

/// How many rows lie in each bucket of a window. Buckets are whole units, or steps.
#[derive(Clone, Debug, PartialEq)]
pub struct RowHistogram {
    asked: Window,
    /// What the vendor looked through; buckets begin where it does.
    looked: Window,
    bucket: TimeDelta,
    counts: Vec<u64>,
    /// The first and the last instant seen.
    seen: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

/// A part of a window, and whether it is known to hold more than an answer can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// What to ask for.
    pub window: Window,
    /// Whether asking for it would be in vain: it cannot be cut, and holds too much.
    pub is_full: bool,
}

/// The most buckets: a month has fewer days, and an hour told apart by the second needs no more.
const BUCKETS: i32 = 64;
/// How much longer than between two rows it must be blank at an end for rows to have been left out there.
const BLANK: f64 = 8.0;
/// The least share of a bucket that must have been seen for its rows to say how many there are in all of it.
const TELLING: f64 = 0.1;

impl RowHistogram {
    /// For an answer to `asked`, of which nothing is known yet.
    #[must_use]
    pub fn new(asked: Window, sent_at: DateTime<Utc>, rules: &Rules) -> Self {
        let looked = rules.scanned(asked, sent_at);
        let bucket = rules.round_up(looked.span() / BUCKETS).max(rules.round_up(TimeDelta::milliseconds(1)));
        let buckets = (looked.span().num_milliseconds() - 1) / bucket.num_milliseconds() + 1;
        Self { asked, looked, bucket, counts: vec![0; usize::try_from(buckets).unwrap_or(1)], seen: None }
    }

    /// Counts a row. What lies elsewhere is another question's.
    pub fn add(&mut self, at: DateTime<Utc>) {
        if !self.looked.contains(at) {
            return;
        }
        let bucket = (at - self.looked.from()).num_milliseconds() / self.bucket.num_milliseconds();
        if let Some(count) = usize::try_from(bucket).ok().and_then(|bucket| self.counts.get_mut(bucket)) {
            *count += 1;
        }
        self.seen = Some(self.seen.map_or((at, at), |(first, last)| (first.min(at), last.max(at))));
    }

    /// How many rows were counted.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Whether the answer seems to have been cut off at one end: longer is blank there than is usual between rows.
    #[must_use]
    pub fn is_cut_off(&self) -> bool {
        let usual = |known: Window| known.span().as_seconds_f64() / as_float(self.rows());
        self.known().is_some_and(|known| (self.looked.span() - known.span()).as_seconds_f64() > BLANK * usual(known))
    }

    /// What was seen in full: how long that is, and its rows.
    #[must_use]
    pub fn whole(&self) -> Option<(TimeDelta, u64)> {
        let known = self.known()?;
        let whole = (0..self.counts.len()).filter(|at| self.span(*at).is_some_and(|bucket| known.covers(&bucket)));
        let (span, rows) = whole.fold((TimeDelta::zero(), 0), |(span, rows), at| {
            (span + self.span(at).map_or(TimeDelta::zero(), |bucket| bucket.span()), rows + self.counts[at])
        });
        (span > TimeDelta::zero()).then_some((span, rows))
    }

    /// The window in parts that should each fit an answer, newest first, where a day that was not seen holds `rows_per_day`;
    /// `None` where the rows say nothing of how to cut it.
    #[must_use]
    pub fn parts(&self, rules: &Rules, rows_per_day: f64) -> Option<Vec<Part>> {
        let most = as_float(rules.row_cap) * FILL;
        let mut parts: Vec<(Part, f64)> = Vec::new();
        for at in (0..self.counts.len()).rev() {
            let (Some(window), rows) = (self.span(at), self.guess(at, rows_per_day)) else { continue };
            let Some(asked) = window.intersect(&self.asked) else { continue };
            let is_granularity = rules.halves(asked).is_none();
            let part = Part { window: asked, is_full: is_granularity && self.counts[at] >= rules.row_cap };
            match parts.last_mut() {
                Some((newer, sum)) if *sum + rows <= most && !part.is_full => {
                    newer.window = Window::new(asked.from(), newer.window.to())?;
                    *sum += rows;
                }
                _ => parts.push((part, rows)),
            }
        }
        (parts.len() > 1).then(|| parts.into_iter().map(|(part, _)| part).collect())
    }

    /// The stretch that the rows tell of. A vendor that leaves out what is too much leaves it out at one end: the longer of
    /// the two that are blank.
    fn known(&self) -> Option<Window> {
        let (first, last) = self.seen?;
        let (before, after) = (first - self.looked.from(), self.looked.to() - last);
        if before > after {
            Window::new(first, self.looked.to())
        } else {
            Window::new(self.looked.from(), last + TimeDelta::milliseconds(1))
        }
    }

    fn guess(&self, at: usize, rows_per_day: f64) -> f64 {
        let Some(bucket) = self.span(at) else { return 0.0 };
        let days = |span: TimeDelta| span.as_seconds_f64() / 86_400.0;
        let seen =
            self.known().and_then(|known| known.intersect(&bucket)).map_or(TimeDelta::zero(), |seen| seen.span());
        let (rows, share) = (as_float(self.counts[at]), days(seen) / days(bucket.span()));
        let rest = rows + rows_per_day * days(bucket.span() - seen);
        if share < TELLING { rest } else { rows / share }
    }

    /// A bucket, as far as it was looked through.
    fn span(&self, at: usize) -> Option<Window> {
        let from = self.looked.from() + self.bucket * i32::try_from(at).ok()?;
        Window::new(from, from + self.bucket)?.intersect(&self.looked)
    }
}

#[expect(clippy::cast_precision_loss, reason = "row counts stay far below 2^53")]
fn as_float(rows: u64) -> f64 {
    rows as f64
}
