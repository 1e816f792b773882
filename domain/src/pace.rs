//! The pace of a stream, learned from its answers: how many rows a day holds, how sure that is, and how long a request takes.
//!
//! Days are days of weight 1 ([`crate::week_weights`]): a night with few rows is shorter than a busy morning.

use crate::rules::Rules;
use crate::window::Window;
use chrono::TimeDelta;
use std::time::Duration;

/// Density and speed of a stream's answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Rows per day in recent answers; `None` before the first useful answer.
    pub rows_per_day: Option<f64>,
    /// The mean square of the relative difference between expected and found rows, less what chance alone explains.
    /// Negative if rows come more evenly than chance would have them.
    pub spread: f64,
    /// The time that a request takes regardless of its rows, in seconds.
    pub base_seconds: f64,
    /// The additional time per row, in seconds.
    pub seconds_per_row: f64,
}

/// The expected items of a list, as a share of [`Rules::items_per_list`].
const LIST_FILL: f64 = 0.8;
/// How many standard deviations the expected rows of an answer stay below the row cap. By chance, 8 % of the answers are then
/// full and fetched again. A larger margin shortens all windows, which costs more requests than it saves.
const MARGIN: f64 = 1.4;
/// The spread before the first answer: windows are filled to about 88 %.
const FIRST_SPREAD: f64 = 0.01;
/// The least variance, as a share of what chance explains.
const LEAST_VARIANCE: f64 = 0.25;
/// The weight of one answer in the spread, if it was expected to hold many rows.
const SPREAD_WEIGHT: f64 = 0.3;
/// The expected rows from which on an answer counts at least half of that.
const SPREAD_ROWS: f64 = 100.0;
/// The most that one answer can add to the spread, before its weight.
const MOST_SPREAD: f64 = 0.1;
/// A rate this many standard deviations below the expected one is a change and not chance.
const CHANGE: f64 = 4.0;
/// The expected duration of a request, as a share of the time-out.
const TIMEOUT_SHARE: f64 = 0.4;
/// The longest expected duration of a request, in seconds.
const LONGEST_SECONDS: f64 = 20.0;
/// The window length of a stream's first request.
const PROBE: TimeDelta = TimeDelta::days(1);
/// The same where answers are lists: each item in it costs a request of its own.
const PROBE_OF_LIST: TimeDelta = TimeDelta::hours(1);
/// The days of an answer that weigh as much as all answers before it. Days differ, so one day weighs less.
const HALF: f64 = 3.0;
/// The same for a capped answer. A burst that fills a minute predicts nothing about the day around it, whose halves are
/// fetched anyway.
const HALF_CAPPED: f64 = 0.25;
/// The least weight of an answer with far fewer rows than expected. After a burst windows must grow again within a few
/// answers.
const RECOVERY: f64 = 0.3;
/// The least weight of any answer. After one dense second all windows are short, and their answers must count.
const LEAST: f64 = 0.1;
/// The most seconds per row that time-outs alone can teach. A vendor that was down must get usable windows again.
const SLOWEST: f64 = 1.0;

impl Default for Pace {
    /// The pace before the first answer: one second per request and 4,000 rows per second.
    fn default() -> Self {
        Self { rows_per_day: None, spread: FIRST_SPREAD, base_seconds: 1.0, seconds_per_row: 0.000_25 }
    }
}

impl Pace {
    /// The longest window whose answer should stay below the row cap, the time-out and [`Rules::longest`] if all hours
    /// count the same, in whole steps or units; at least one.
    #[must_use]
    pub fn window_length(&self, rules: &Rules) -> TimeDelta {
        let Some(days) = self.days_per_window(rules) else {
            let probe = if rules.items_per_list.is_some() { PROBE_OF_LIST } else { PROBE };
            return whole_steps(probe.min(rules.longest), rules);
        };
        let days = days.min(rules.longest.as_seconds_f64() / 86_400.0);
        #[expect(clippy::cast_possible_truncation, reason = "bounded by the longest span, far below 2^53")]
        let millis = (days * 86_400_000.0) as i64;
        whole_steps(TimeDelta::milliseconds(millis), rules)
    }

    /// The days whose answer should stay below the row cap and the time-out; `None` before the first useful answer.
    pub(crate) fn days_per_window(&self, rules: &Rules) -> Option<f64> {
        let rows_per_day = self.rows_per_day?;
        let budget = (rules.timeout.as_secs_f64() * TIMEOUT_SHARE).min(LONGEST_SECONDS);
        // If the base alone exceeds the budget, shorter windows would only mean more requests.
        let seconds = (budget - self.base_seconds).max(budget * 0.25);
        let rows_in_time = (seconds / self.seconds_per_row.max(1e-7)).max(1.0);
        Some(self.rows_per_window(rules).min(rows_in_time) / rows_per_day.max(1e-3))
    }

    /// The number of rows that one answer should hold, so that it rarely reaches the row cap.
    pub(crate) fn rows_per_window(&self, rules: &Rules) -> f64 {
        let most = as_float(rules.row_cap.saturating_sub(1));
        // The deviation depends on the rows; a few rounds are exact to a row.
        let rows = (0..4).fold(most * 0.8, |rows, _| most / (1.0 + MARGIN * self.variance(rows).sqrt()));
        rules.items_per_list.map_or(rows, |items| rows.min(as_float(items) * LIST_FILL))
    }

    /// The expected duration of a request for `rows` rows, at most `LONGEST_SECONDS`: a job whose rows are overestimated
    /// must still be dispatched.
    pub(crate) fn duration_of(&self, rows: f64) -> Duration {
        let seconds = (self.base_seconds + rows * self.seconds_per_row).min(LONGEST_SECONDS);
        Duration::try_from_secs_f64(seconds).unwrap_or_default()
    }

    /// The expected duration of a request for `window` if all hours count the same.
    #[must_use]
    pub fn expected(&self, window: Window) -> Duration {
        self.duration_of(self.rows_per_day.unwrap_or(0.0) * days_of(window))
    }

    /// Learns density and speed from a full answer of `rows` rows for `window` that took `elapsed`, if all hours count the
    /// same.
    pub fn learn(&mut self, window: Window, rows: u64, elapsed: Duration) {
        self.learn_days(days_of(window), rows, elapsed);
    }

    /// Learns density and speed from a full answer of `rows` rows for `days` that took `elapsed`.
    pub fn learn_days(&mut self, days: f64, rows: u64, elapsed: Duration) {
        let rate = as_float(rows) / days;
        // An hour at night predicts little about a day; a week predicts nearly all.
        let weight = days / (days + HALF);
        self.rows_per_day = Some(match self.rows_per_day {
            Some(before) if rate < before * (1.0 - CHANGE * self.variance(before * days).sqrt()) => {
                before + (rate - before) * weight.max(RECOVERY)
            }
            Some(before) => before + (rate.min(plausible_rate(before)) - before) * weight.max(LEAST),
            None => rate,
        });
        self.learn_time(rows, elapsed);
    }

    /// Learns how far an answer of `rows` rows was from the `expected` ones.
    pub fn learn_spread(&mut self, expected: f64, rows: u64) {
        if expected < 1.0 {
            return;
        }
        let difference = (as_float(rows) - expected) / expected;
        let sample = (difference * difference - 1.0 / expected).min(MOST_SPREAD);
        self.spread += (sample - self.spread) * SPREAD_WEIGHT * expected / (expected + SPREAD_ROWS);
    }

    /// The expected square of the relative difference between `expected` rows and those found.
    fn variance(&self, expected: f64) -> f64 {
        let chance = 1.0 / expected.max(1.0);
        (chance + self.spread).max(chance * LEAST_VARIANCE)
    }

    /// Learns the speed alone from an answer of `rows` rows that took `elapsed`.
    pub fn learn_time(&mut self, rows: u64, elapsed: Duration) {
        let elapsed = elapsed.as_secs_f64();
        if rows < 200 {
            self.base_seconds += (elapsed - self.base_seconds) * 0.5;
            // A few rows cannot show that each takes long, but they can disprove it.
            if rows > 0 {
                self.seconds_per_row = self.seconds_per_row.min(elapsed / as_float(rows));
            }
        } else {
            self.base_seconds = self.base_seconds.min(elapsed);
            let per_row = (elapsed - self.base_seconds).max(0.0) / as_float(rows);
            // A slower speed is adopted at once, a faster one gradually.
            let weight = if per_row > self.seconds_per_row { 1.0 } else { 0.5 };
            self.seconds_per_row += (per_row - self.seconds_per_row) * weight;
        }
    }

    /// Learns from a capped answer that `window` holds at least `rows` rows, if all hours count the same.
    pub fn learn_capped(&mut self, window: Window, rows: u64) {
        self.learn_capped_days(days_of(window), rows);
    }

    /// Learns from a capped answer that `days` hold at least `rows` rows.
    pub fn learn_capped_days(&mut self, days: f64, rows: u64) {
        let rate = as_float(rows) / days * 1.5;
        let expected = self.rows_per_day.unwrap_or(0.0) * days;
        if expected * (1.0 + CHANGE * self.variance(expected).sqrt()) >= as_float(rows) {
            // Chance explains the rows: the next windows stay as they are.
            return self.learn_sample(days, rows);
        }
        self.rows_per_day = Some(match self.rows_per_day {
            Some(before) => before + (rate - before).max(0.0) * days / (days + HALF_CAPPED),
            None => rate,
        });
    }

    /// Learns from the complete part of a capped answer: `rows` rows in `days`.
    pub fn learn_sample(&mut self, days: f64, rows: u64) {
        let rate = as_float(rows) / days;
        let weight = days / (days + HALF);
        let average = |before| before + (rate.min(plausible_rate(before)) - before) * weight.max(LEAST);
        self.rows_per_day = Some(self.rows_per_day.map_or(rate, average));
    }

    /// Learns from a time-out: rows take twice as long as assumed.
    pub fn learn_timeout(&mut self) {
        let floor = Self::default().seconds_per_row;
        self.seconds_per_row = (self.seconds_per_row * 2.0).clamp(floor, SLOWEST);
    }
}

/// The span rounded down to whole steps or units, at least one.
fn whole_steps(span: TimeDelta, rules: &Rules) -> TimeDelta {
    let step = rules.step.max(rules.granularity).num_milliseconds().max(1);
    TimeDelta::milliseconds((span.num_milliseconds() / step).max(1) * step)
}

/// The most rows per day that one answer can teach after `before` rows per day: one exceptional day predicts little.
fn plausible_rate(before: f64) -> f64 {
    before * 2.0 + 50.0
}

fn days_of(window: Window) -> f64 {
    window.span().as_seconds_f64() / 86_400.0
}

#[expect(clippy::cast_precision_loss, reason = "row counts stay far below 2^53")]
fn as_float(rows: u64) -> f64 {
    rows as f64
}
