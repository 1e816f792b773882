//! The weekly rhythm of a stream: how dense its rows are in each hour of the week, learned from the times of rows.
//!
//! Hours count in UTC, as windows and units do: the planner knows no zone. Where clocks change, the rhythm moves by an hour
//! twice a year. The profile learns it again within a few weeks; until then windows are a little too long or too short.

use crate::week_weights::{HOURS, WeekWeights, hours_of};
use crate::window::Window;

/// What answers have taught about each hour of the week. Without answers every hour counts the same.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WeekProfile {
    /// One entry per hour of the week, from Monday 00:00 UTC; empty before the first answer.
    hours: Vec<HourRecord>,
}

/// The record of one hour of the week.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct HourRecord {
    /// The rows seen, in units of the mean rows per hour at that time: a stream that grows keeps its profile.
    rows: f32,
    /// The observed time, in hours.
    hours: f32,
}

/// The observed time from which older observations of an hour lose weight: after six weeks.
const MOST_HOURS: f32 = 6.0;
/// How many rows the mean of all hours is worth, against those of one hour of the day: hours differ a lot.
const PRIOR_OF_HOUR: f64 = 1.0;
/// How many rows the mean is worth against those of one weekday.
const PRIOR_OF_WEEKDAY: f64 = 40.0;
/// How many rows the product of hour and weekday is worth, against those of one hour of one weekday.
const PRIOR_OF_RECORD: f64 = 100.0;
/// The most rows of one lesson, as a multiple of the expected ones, and some more because few rows are expected of a short
/// window. A burst says nothing about the same hour of other weeks.
const MOST_RATIO: f64 = 4.0;
const MOST_EXTRA: f64 = 5.0;
/// The rows of an average day below which a stream counts as having so many. The first row after months without any would
/// otherwise be a million times the mean.
const LEAST_ROWS_PER_DAY: f64 = 1.0;
/// The least weight of an hour, as a share of the mean. An hour without rows so far may have some later.
const LEAST: f64 = 0.02;

impl WeekProfile {
    /// Learns that `window` holds `rows` rows, spread evenly, while the stream has `rows_per_day` rows on an average day.
    pub fn learn(&mut self, window: Window, rows: u64, rows_per_day: f64) {
        if rows_per_day <= 0.0 || !rows_per_day.is_finite() {
            return;
        }
        let (rows, mean) = (as_float(rows), rows_per_day.max(LEAST_ROWS_PER_DAY) / 24.0);
        self.hours.resize(HOURS, HourRecord::default());
        let total = window.span().as_seconds_f64() / 3600.0;
        let rows = rows.min(mean * total * MOST_RATIO + MOST_EXTRA);
        for (hour, hours) in hours_of(window) {
            let Some(record) = self.hours.get_mut(hour) else { continue };
            let sum = HourRecord {
                rows: record.rows + as_single(rows * hours / total / mean),
                hours: record.hours + as_single(hours),
            };
            let kept = (MOST_HOURS / sum.hours).min(1.0);
            *record = HourRecord { rows: sum.rows * kept, hours: sum.hours * kept };
        }
    }

    /// The weight of each hour of the week. An hour with few observations takes after the same hour of other days and
    /// after its weekday. The more `rows_per_day` an average day has, the fewer observations suffice.
    #[must_use]
    pub fn weights(&self, rows_per_day: f64) -> WeekWeights {
        let all = sum(self.hours.iter());
        if all.hours <= 0.0 || all.rows <= 0.0 {
            return WeekWeights::default();
        }
        let mean = f64::from(all.rows) / f64::from(all.hours);
        let rows_per_hour = (rows_per_day / 24.0).max(1e-3);
        let toward = |record: HourRecord, guess: f64, prior: f64| {
            let prior = prior / rows_per_hour;
            (f64::from(record.rows) + prior * guess) / (f64::from(record.hours) + prior)
        };
        let of_day = |hour: usize| toward(sum(self.hours.iter().skip(hour).step_by(24)), mean, PRIOR_OF_HOUR) / mean;
        let by_hour: Vec<f64> = (0..24).map(of_day).collect();
        let of_weekday = |records: &[HourRecord]| {
            let seen = sum(records.iter());
            let expected: f64 =
                records.iter().zip(&by_hour).map(|(record, hour)| f64::from(record.hours) * hour * mean).sum();
            let prior = PRIOR_OF_WEEKDAY / rows_per_hour * mean;
            (f64::from(seen.rows) + prior) / (expected + prior)
        };
        let by_weekday: Vec<f64> = self.hours.chunks(24).map(of_weekday).collect();
        let guesses = by_weekday.iter().flat_map(|day| by_hour.iter().map(move |hour| day * hour * mean));
        let weights = self.hours.iter().zip(guesses);
        WeekWeights::new(weights.map(|(record, guess)| toward(*record, guess, PRIOR_OF_RECORD).max(LEAST * mean)))
    }

    /// The profile as it is stored: two 32-bit numbers per hour of the week, rows and hours; `None` before the first answer.
    #[must_use]
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        let numbers = self.hours.iter().flat_map(|record| [record.rows, record.hours]);
        (!self.hours.is_empty()).then(|| numbers.flat_map(f32::to_le_bytes).collect())
    }

    /// Reads a stored profile. Bytes of another length or with impossible numbers give an empty profile, which only
    /// costs requests.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let (numbers, rest) = bytes.as_chunks::<4>();
        let numbers: Vec<f32> = numbers.iter().map(|number| f32::from_le_bytes(*number)).collect();
        let is_valid = |number: &f32| number.is_finite() && *number >= 0.0;
        if numbers.len() != HOURS * 2 || !rest.is_empty() || !numbers.iter().all(is_valid) {
            return Self::default();
        }
        Self {
            hours: numbers
                .as_chunks::<2>()
                .0
                .iter()
                .map(|[rows, hours]| HourRecord { rows: *rows, hours: *hours })
                .collect(),
        }
    }
}

fn sum<'a>(records: impl Iterator<Item = &'a HourRecord>) -> HourRecord {
    records.fold(HourRecord::default(), |sum, record| HourRecord {
        rows: sum.rows + record.rows,
        hours: sum.hours + record.hours,
    })
}

#[expect(clippy::cast_precision_loss, reason = "row counts stay far below 2^53")]
fn as_float(rows: u64) -> f64 {
    rows as f64
}

#[expect(clippy::cast_possible_truncation, reason = "an estimate needs no more digits")]
fn as_single(number: f64) -> f32 {
    number.min(f64::from(f32::MAX)) as f32
}
