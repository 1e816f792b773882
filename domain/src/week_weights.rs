//! Weights of the hours of a week, and spans of time measured by them.

use crate::window::Window;
use chrono::{DateTime, TimeDelta, Utc};

/// The weight of each hour of the week, from Monday 00:00 UTC. An hour of weight 2 is expected to hold twice the rows of
/// an hour of weight 1.
#[derive(Clone, Debug, PartialEq)]
pub struct WeekWeights {
    weights: [f64; HOURS],
    /// The weighted days of a whole week.
    week: f64,
}

/// The hours of a week.
pub(crate) const HOURS: usize = 168;

const HOUR_MILLIS: i64 = 3_600_000;
const WEEK_MILLIS: i64 = 168 * HOUR_MILLIS;
/// The Monday after 1970-01-01, which was a Thursday.
const MONDAY_MILLIS: i64 = 4 * 24 * HOUR_MILLIS;

impl Default for WeekWeights {
    /// Every hour counts the same.
    fn default() -> Self {
        Self::new(std::iter::repeat(1.0))
    }
}

impl WeekWeights {
    /// The first 168 of `weights`; hours without one have weight 1. Weights that are not above 0 count as 1.
    pub(crate) fn new(weights: impl IntoIterator<Item = f64>) -> Self {
        let mut all = [1.0; HOURS];
        for (own, weight) in all.iter_mut().zip(weights) {
            *own = if weight.is_finite() && weight > 0.0 { weight } else { 1.0 };
        }
        Self { weights: all, week: all.iter().sum::<f64>() / 24.0 }
    }

    /// The length of `window` in days of weight 1.
    #[must_use]
    pub fn days(&self, window: Window) -> f64 {
        let weeks = window.span().num_milliseconds() / WEEK_MILLIS;
        let rest = Window::new(window.from() + TimeDelta::milliseconds(weeks * WEEK_MILLIS), window.to());
        let of_rest: f64 =
            rest.into_iter().flat_map(hours_of).map(|(hour, hours)| self.weight(hour) * hours / 24.0).sum();
        as_float(weeks) * self.week + of_rest
    }

    /// The span before `end` that weighs `days`, at most `longest`.
    #[must_use]
    pub(crate) fn span_before(&self, end: DateTime<Utc>, days: f64, longest: TimeDelta) -> TimeDelta {
        let longest = longest.num_milliseconds();
        let mut span = whole(days / self.week).saturating_mul(WEEK_MILLIS);
        let mut left = days % self.week;
        while span < longest {
            let at = (end.timestamp_millis() - MONDAY_MILLIS - span - 1).rem_euclid(WEEK_MILLIS);
            // The part of the hour that lies before the point reached.
            let part = at % HOUR_MILLIS + 1;
            let weight = usize::try_from(at / HOUR_MILLIS).map_or(1.0, |hour| self.weight(hour)) / 24.0;
            let days = weight * as_float(part) / as_float(HOUR_MILLIS);
            if days > left {
                span += whole(left / weight * as_float(HOUR_MILLIS));
                break;
            }
            left -= days;
            span += part;
        }
        TimeDelta::milliseconds(span.min(longest))
    }

    fn weight(&self, hour: usize) -> f64 {
        self.weights.get(hour).copied().unwrap_or(1.0)
    }
}

/// The hours of the week that `window` touches, in order, each with the length of the common part in hours.
pub(crate) fn hours_of(window: Window) -> impl Iterator<Item = (usize, f64)> {
    let (mut at, end) = (window.from().timestamp_millis(), window.to().timestamp_millis());
    std::iter::from_fn(move || {
        let offset = (at - MONDAY_MILLIS).rem_euclid(WEEK_MILLIS);
        let part = (HOUR_MILLIS - offset % HOUR_MILLIS).min(end - at);
        at += part;
        (part > 0).then(|| (usize::try_from(offset / HOUR_MILLIS).unwrap_or(0), as_float(part) / as_float(HOUR_MILLIS)))
    })
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a span stay below 2^53")]
fn as_float(number: i64) -> f64 {
    number as f64
}

#[expect(clippy::cast_possible_truncation, reason = "the cast saturates, and callers bound the result")]
fn whole(number: f64) -> i64 {
    number.max(0.0) as i64
}
