//! The pace of a stream, learned from its answers: how long the next window may be and how long it takes.

use crate::rules::Rules;
use crate::window::Window;
use chrono::TimeDelta;
use std::time::Duration;

/// Density and speed of a stream's answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Rows per day in recent answers; `None` before the first useful answer.
    pub rows_per_day: Option<f64>,
    /// The time that a request takes regardless of its rows, in seconds.
    pub base_seconds: f64,
    /// The additional time per row, in seconds.
    pub seconds_per_row: f64,
}

/// The expected rows of an answer, as a share of the row cap. Days vary, and a capped answer must be fetched again.
pub(crate) const FILL: f64 = 0.8;
/// The expected duration of a request, as a share of the time-out.
const TIMEOUT_SHARE: f64 = 0.4;
/// The longest expected duration of a request, in seconds.
const LONGEST_SECONDS: f64 = 20.0;
/// The window length of a stream's first request.
const PROBE: TimeDelta = TimeDelta::days(1);
/// The same where answers are lists: each item in it costs a request of its own.
const PROBE_OF_LIST: TimeDelta = TimeDelta::hours(1);
/// The span of an answer that weighs as much as all answers before it. Weekdays differ, so one day weighs less.
const HALF: TimeDelta = TimeDelta::days(3);
/// The same for a capped answer. A burst that fills a minute predicts nothing about the day around it, whose halves are
/// fetched anyway.
const HALF_CAPPED: TimeDelta = TimeDelta::hours(6);
/// The least weight of an answer with fewer rows than expected. After a burst windows must grow again within a few
/// answers.
const RECOVERY: f64 = 0.3;
/// The least weight of any answer. After one dense second all windows are short, and their answers must count.
const LEAST: f64 = 0.1;
/// The most seconds per row that time-outs alone can teach. A vendor that was down must get usable windows again.
const SLOWEST: f64 = 1.0;

impl Default for Pace {
    /// The pace before the first answer: one second per request and 4,000 rows per second.
    fn default() -> Self {
        Self { rows_per_day: None, base_seconds: 1.0, seconds_per_row: 0.000_25 }
    }
}

impl Pace {
    /// The longest window whose answer should stay below the row cap, the time-out and [`Rules::longest`], in whole
    /// steps or units; at least one.
    #[must_use]
    pub fn window_length(&self, rules: &Rules) -> TimeDelta {
        let Some(rows_per_day) = self.rows_per_day else {
            let probe = if rules.items_per_list.is_some() { PROBE_OF_LIST } else { PROBE };
            return whole_steps(probe.min(rules.longest), rules);
        };
        let budget = (rules.timeout.as_secs_f64() * TIMEOUT_SHARE).min(LONGEST_SECONDS);
        // If the base alone exceeds the budget, shorter windows would only mean more requests.
        let seconds = (budget - self.base_seconds).max(budget * 0.25);
        let rows_in_time = (seconds / self.seconds_per_row.max(1e-7)).max(1.0);
        let cap = rules.items_per_list.map_or(rules.row_cap, |most| most.min(rules.row_cap));
        let rows = (as_float(cap) * FILL).min(rows_in_time);
        let days = (rows / rows_per_day.max(1e-3)).min(rules.longest.as_seconds_f64() / 86_400.0);
        #[expect(clippy::cast_possible_truncation, reason = "bounded by the longest span, far below 2^53")]
        let millis = (days * 86_400_000.0) as i64;
        whole_steps(TimeDelta::milliseconds(millis), rules)
    }

    /// The expected duration of a request for `window`, at most `LONGEST_SECONDS`: a job whose rows are overestimated
    /// must still be dispatched.
    #[must_use]
    pub fn expected(&self, window: Window) -> Duration {
        let rows = self.rows_per_day.unwrap_or(0.0) * window.span().as_seconds_f64() / 86_400.0;
        let seconds = (self.base_seconds + rows * self.seconds_per_row).min(LONGEST_SECONDS);
        Duration::try_from_secs_f64(seconds).unwrap_or_default()
    }

    /// Learns density and speed from a full answer of `rows` rows for `window` that took `elapsed`.
    pub fn learn(&mut self, window: Window, rows: u64, elapsed: Duration) {
        let rate = as_float(rows) * 86_400.0 / window.span().as_seconds_f64();
        // An hour at night predicts little about a day; a week predicts nearly all.
        let weight = share(window, HALF);
        self.rows_per_day = Some(match self.rows_per_day {
            Some(before) if rate < before => before + (rate - before) * weight.max(RECOVERY),
            Some(before) => before + (rate.min(plausible_rate(before)) - before) * weight.max(LEAST),
            None => rate,
        });
        self.learn_time(rows, elapsed);
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

    /// Learns from a capped answer that `window` holds at least `rows` rows.
    pub fn learn_capped(&mut self, window: Window, rows: u64) {
        let rate = as_float(rows) * 86_400.0 / window.span().as_seconds_f64() * 1.5;
        self.rows_per_day = Some(match self.rows_per_day {
            Some(before) => before + (rate - before).max(0.0) * share(window, HALF_CAPPED),
            None => rate,
        });
    }

    /// Learns from the complete part of a capped answer: `rows` rows in `span`.
    pub fn learn_sample(&mut self, span: TimeDelta, rows: u64) {
        let rate = as_float(rows) * 86_400.0 / span.as_seconds_f64();
        let weight = span.as_seconds_f64() / (span + HALF).as_seconds_f64();
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

/// The weight of an answer for `window`, in `(0, 1)`; an answer over `half` weighs one half.
fn share(window: Window, half: TimeDelta) -> f64 {
    window.span().as_seconds_f64() / (window.span() + half).as_seconds_f64()
}

#[expect(clippy::cast_precision_loss, reason = "row counts stay far below 2^53")]
fn as_float(rows: u64) -> f64 {
    rows as f64
}
