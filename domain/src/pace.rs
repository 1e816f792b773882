//! What a stream's answers have looked like so far, and how wide the next window may be.

use crate::rules::Rules;
use crate::window::Window;
use chrono::TimeDelta;
use std::time::Duration;

/// Rows per day and seconds per row, learnt from answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Rows per day around the last answers; `None` before the first useful one.
    pub rows_per_day: Option<f64>,
    /// The time a request takes whatever it returns, in seconds.
    pub base_seconds: f64,
    /// The further time per row, in seconds.
    pub seconds_per_row: f64,
}

/// How full an answer may be expected to get, as a share of the row cap: days vary, and a capped answer is wasted.
pub(crate) const FILL: f64 = 0.8;
/// How much of the time-out, and how many seconds at most, a window may be expected to take.
const PATIENCE: (f64, f64) = (0.4, 20.0);
/// The width of a first request, before anything is known.
const PROBE: TimeDelta = TimeDelta::days(1);
/// The span of an answer that says half as much as all before it: days of the week differ.
const HALF: TimeDelta = TimeDelta::days(3);
/// The span of a capped answer that says half as much as all before it. A burst that caps a minute says nothing of
/// the day around it, whose halves are asked for anyway.
const HALF_CAPPED: TimeDelta = TimeDelta::hours(6);
/// How much an answer with fewer rows than expected says at least, however short: after a burst widths must grow
/// again within a few answers.
const RECOVERY: f64 = 0.3;
/// The least any answer says: after one dense second only narrow windows are asked for, and they must be believed.
const LEAST: f64 = 0.1;
/// The most seconds per row that time-outs alone can make us believe in: a vendor that was down must be asked again.
const SLOWEST: f64 = 1.0;

impl Default for Pace {
    /// Before the first answer: one second a request, 4,000 rows a second.
    fn default() -> Self {
        Self { rows_per_day: None, base_seconds: 1.0, seconds_per_row: 0.000_25 }
    }
}

impl Pace {
    /// The widest window that should stay under the row cap, the time-out and the longest span; at least one step.
    #[must_use]
    pub fn width(&self, rules: &Rules) -> TimeDelta {
        let Some(rows_per_day) = self.rows_per_day else {
            return whole_steps(PROBE.min(rules.longest), rules);
        };
        let patience = (rules.timeout.as_secs_f64() * PATIENCE.0).min(PATIENCE.1);
        // Where the base alone takes all patience, narrower windows would only mean more of them.
        let seconds = (patience - self.base_seconds).max(patience * 0.25);
        let rows_in_time = (seconds / self.seconds_per_row.max(1e-7)).max(1.0);
        let rows = (as_float(rules.row_cap) * FILL).min(rows_in_time);
        let days = (rows / rows_per_day.max(1e-3)).min(rules.longest.as_seconds_f64() / 86_400.0);
        #[expect(clippy::cast_possible_truncation, reason = "bounded by the longest span, far below 2^53")]
        let millis = (days * 86_400_000.0) as i64;
        whole_steps(TimeDelta::milliseconds(millis), rules)
    }

    /// How long asking for `window` should take. Never more than any window may: one whose rows are overestimated must
    /// still find its turn.
    #[must_use]
    pub fn expected(&self, window: Window) -> Duration {
        let rows = self.rows_per_day.unwrap_or(0.0) * window.span().as_seconds_f64() / 86_400.0;
        let seconds = (self.base_seconds + rows * self.seconds_per_row).min(PATIENCE.1);
        Duration::try_from_secs_f64(seconds).unwrap_or_default()
    }

    /// Learns from an answer of `rows` rows for `window` that took `elapsed`.
    pub fn learn(&mut self, window: Window, rows: u64, elapsed: Duration) {
        let rate = as_float(rows) * 86_400.0 / window.span().as_seconds_f64();
        // An hour at night says little about a day; a week says nearly all.
        let weight = share(window, HALF);
        self.rows_per_day = Some(match self.rows_per_day {
            Some(before) if rate < before => before + (rate - before) * weight.max(RECOVERY),
            Some(before) => before + (rate.min(believed(before)) - before) * weight.max(LEAST),
            None => rate,
        });
        self.learn_time(rows, elapsed);
    }

    /// Learns from how long an answer of `rows` rows took, and from nothing else of it.
    pub fn learn_time(&mut self, rows: u64, elapsed: Duration) {
        let elapsed = elapsed.as_secs_f64();
        if rows < 200 {
            self.base_seconds += (elapsed - self.base_seconds) * 0.5;
            // Few rows cannot show that each takes long, but they can disprove it.
            if rows > 0 {
                self.seconds_per_row = self.seconds_per_row.min(elapsed / as_float(rows));
            }
        } else {
            self.base_seconds = self.base_seconds.min(elapsed);
            let per_row = (elapsed - self.base_seconds).max(0.0) / as_float(rows);
            // Slower is believed at once, faster by and by.
            let weight = if per_row > self.seconds_per_row { 1.0 } else { 0.5 };
            self.seconds_per_row += (per_row - self.seconds_per_row) * weight;
        }
    }

    /// Learns that `window` holds `rows` rows or more.
    pub fn learn_capped(&mut self, window: Window, rows: u64) {
        let rate = as_float(rows) * 86_400.0 / window.span().as_seconds_f64() * 1.5;
        self.rows_per_day = Some(match self.rows_per_day {
            Some(before) => before + (rate - before).max(0.0) * share(window, HALF_CAPPED),
            None => rate,
        });
    }

    /// Learns from the part of a capped answer that was seen in full: so long, with so many rows.
    pub fn learn_seen(&mut self, span: TimeDelta, rows: u64) {
        let rate = as_float(rows) * 86_400.0 / span.as_seconds_f64();
        let weight = span.as_seconds_f64() / (span + HALF).as_seconds_f64();
        let learnt = |before| before + (rate.min(believed(before)) - before) * weight.max(LEAST);
        self.rows_per_day = Some(self.rows_per_day.map_or(rate, learnt));
    }

    /// Learns that `window` took longer than we wait.
    pub fn learn_timeout(&mut self) {
        let floor = Self::default().seconds_per_row;
        self.seconds_per_row = (self.seconds_per_row * 2.0).clamp(floor, SLOWEST);
    }
}

/// Cut down to whole steps, or units; at least one.
fn whole_steps(span: TimeDelta, rules: &Rules) -> TimeDelta {
    let step = rules.step.max(rules.granularity).num_milliseconds().max(1);
    TimeDelta::milliseconds((span.num_milliseconds() / step).max(1) * step)
}

/// The most rows per day that one answer can make us believe in: a day like no other says little of the next.
fn believed(before: f64) -> f64 {
    before * 2.0 + 50.0
}

/// How much an answer for `window` says, where one over `half` says half of all.
fn share(window: Window, half: TimeDelta) -> f64 {
    window.span().as_seconds_f64() / (window.span() + half).as_seconds_f64()
}

#[expect(clippy::cast_precision_loss, reason = "row counts stay far below 2^53")]
fn as_float(rows: u64) -> f64 {
    rows as f64
}
