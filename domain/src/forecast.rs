//! A forecast of a stream's answers: how many rows a window should hold, and how long the next window may be.

use crate::pace::Pace;
use crate::rules::Rules;
use crate::week_profile::WeekProfile;
use crate::week_weights::WeekWeights;
use crate::window::Window;
use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

/// The pace of a stream with its weekly rhythm. A wrong forecast only costs requests: a window that is too long is
/// answered in full and split, and one that is too short needs more requests.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    pace: Pace,
    weights: WeekWeights,
}

/// The share of the longest window below which a window is short.
const SHORT: f64 = 0.4;
/// What rounding may add to a quotient of two sums.
const ROUNDING: f64 = 1e-9;

impl Forecast {
    /// The forecast from what a stream's answers have taught.
    #[must_use]
    pub fn new(pace: Pace, profile: &WeekProfile) -> Self {
        Self { pace, weights: profile.weights(pace.rows_per_day.unwrap_or_default()) }
    }

    /// The expected number of rows in `window`; 0 before the first useful answer.
    #[must_use]
    pub fn rows(&self, window: Window) -> f64 {
        self.pace.rows_per_day.unwrap_or(0.0) * self.weights.days(window)
    }

    /// The expected duration of a request for `window`.
    #[must_use]
    pub fn duration(&self, window: Window) -> Duration {
        self.pace.duration_of(self.rows(window))
    }

    /// The weights of the hours of the week.
    #[must_use]
    pub fn weights(&self) -> &WeekWeights {
        &self.weights
    }

    /// The number of rows that one answer should hold, so that it rarely reaches the row cap.
    pub(crate) fn rows_per_window(&self, rules: &Rules) -> f64 {
        self.pace.rows_per_window(rules)
    }

    /// The newest part of `window` whose answer should stay below the row cap, the time-out and [`Rules::longest`].
    #[must_use]
    pub fn newest(&self, window: Window, rules: &Rules) -> Window {
        window.newest(self.longest_before(window.to(), rules)).0
    }

    /// Whether a request for `window` could have been for more than twice as many rows.
    pub(crate) fn is_short(&self, window: Window, rules: &Rules) -> bool {
        let whole = rules.expand(window);
        let longest = Window::new(whole.to() - self.longest_before(whole.to(), rules), whole.to());
        longest.is_some_and(|longest| self.weights.days(whole) < SHORT * self.weights.days(longest))
    }

    /// Cuts `window` into chunks of equal expected rows, in whole steps or units, newest first; returns the newest `most`
    /// of them. Each answer should stay below the row cap, the time-out and [`Rules::longest`]. A window slightly too long
    /// for one answer becomes two halves, not one long and one tiny chunk.
    pub(crate) fn chunks(&self, window: Window, rules: &Rules, most: usize) -> Vec<Window> {
        cut(window, rules, most, |window, end| self.even_length(window.from(), end, rules))
    }

    /// Cuts `window` into the longest possible chunks, newest first, so that only the oldest one may be short. No other one
    /// is shorter than `least`.
    pub(crate) fn longest_chunks(&self, window: Window, least: TimeDelta, rules: &Rules) -> Vec<Window> {
        cut(window, rules, usize::MAX, |_, end| self.longest_before(end, rules).max(least))
    }

    /// The length of the newest of the fewest chunks of equal expected rows from `from` to `end`.
    fn even_length(&self, from: DateTime<Utc>, end: DateTime<Utc>, rules: &Rules) -> TimeDelta {
        let longest = self.longest_before(end, rules);
        let Some(whole) = Window::new(from, end) else { return longest };
        let most = whole_steps(rules.longest, rules);
        let by_length = (whole.span().num_milliseconds() - 1) / most.num_milliseconds() + 1;
        let (days, capacity) = (self.weights.days(whole), self.pace.days_per_window(rules));
        let count = as_float(by_length).max((days / capacity.unwrap_or(f64::INFINITY) - ROUNDING).ceil());
        if capacity.is_none() || count > f64::from(i32::MAX) {
            // Before the first answer a chunk is a probe.
            return even(whole.span(), longest, rules);
        }
        let even = self.weights.span_before(end, days / count, most);
        // The rest must not need more chunks because of its length.
        #[expect(clippy::cast_possible_truncation, reason = "bounded above")]
        let shortest = whole.span() - most * (count as i32 - 1);
        rules.round_up(even.max(shortest)).min(longest)
    }

    /// The longest window before `end`, in whole steps or units; at least one.
    fn longest_before(&self, end: DateTime<Utc>, rules: &Rules) -> TimeDelta {
        match self.pace.days_per_window(rules) {
            Some(days) => whole_steps(self.weights.span_before(end, days, rules.longest), rules),
            None => self.pace.window_length(rules),
        }
    }
}

/// Cuts `window` into chunks, newest first, and returns the newest `most` of them. `length` gives the length of the newest
/// chunk of a window whose last unit has that end.
fn cut(window: Window, rules: &Rules, most: usize, length: impl Fn(Window, DateTime<Utc>) -> TimeDelta) -> Vec<Window> {
    let mut chunks = Vec::new();
    let mut rest = Some(window);
    while let Some(window) = rest.filter(|_| chunks.len() < most) {
        // The length counts in whole units, because the vendor scans whole units.
        let end = rules.ceil(window.to());
        let (newest, older) = window.newest(window.to() - (end - length(window, end)));
        chunks.push(newest);
        rest = older;
    }
    chunks
}

/// The span in the fewest equal parts of at most `length`, in whole steps.
fn even(span: TimeDelta, length: TimeDelta, rules: &Rules) -> TimeDelta {
    let count = (span.num_milliseconds() - 1) / length.num_milliseconds().max(1) + 1;
    let part = TimeDelta::milliseconds((span.num_milliseconds() - 1) / count + 1);
    rules.round_up(part).min(length)
}

/// The span rounded down to whole steps or units, at least one.
fn whole_steps(span: TimeDelta, rules: &Rules) -> TimeDelta {
    let step = rules.step.max(rules.granularity).num_milliseconds().max(1);
    TimeDelta::milliseconds((span.num_milliseconds() / step).max(1) * step)
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a span stay below 2^53")]
fn as_float(number: i64) -> f64 {
    number as f64
}
