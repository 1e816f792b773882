//! What the datasets share: how days are numbered, how busy each is, and when live items begin.

use crate::random::{generator, whole};
use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use domain::window::{Window, midnight};
use rand::Rng;
use rand::rngs::SmallRng;
use std::collections::HashMap;
use std::hash::Hash;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The instant as of which a dataset is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AsOf {
    pub(crate) at: DateTime<Utc>,
    /// Whether the vendor was frozen at that instant.
    pub(crate) frozen: bool,
}

/// Items that begin while the simulator runs, one about every `every` milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LiveSchedule {
    from: DateTime<Utc>,
    every: i64,
}

/// The items of days, kept once they are generated.
pub(crate) struct DayCache<K, V> {
    capacity: usize,
    days: Mutex<HashMap<K, Arc<Vec<V>>>>,
}

/// How busy a day is from Monday to Sunday, in percent of the mean.
const WEEKDAYS: [f64; 7] = [125.0, 115.0, 110.0, 110.0, 115.0, 75.0, 50.0];
const SALT_LIVE: u64 = 0x11FE;

impl LiveSchedule {
    /// A schedule that begins at `from`; `None` without an interval.
    pub(crate) fn new(from: DateTime<Utc>, every: Option<Duration>) -> Option<Self> {
        let every = every.and_then(|every| i64::try_from(every.as_millis()).ok()).filter(|every| *every > 0)?;
        Some(Self { from, every })
    }

    /// The first instant of the schedule.
    pub(crate) fn from(&self) -> DateTime<Utc> {
        self.from
    }

    /// The indices of all items that may begin in `window`, where rounding moves an instant by at most `margin`.
    pub(crate) fn indices(&self, window: Window, margin: TimeDelta) -> RangeInclusive<u64> {
        let index = |at: DateTime<Utc>| (at - self.from).num_milliseconds() / self.every;
        let (first, last) = (index(window.from() - margin) - 1, index(window.to() + margin));
        match u64::try_from(last) {
            Ok(last) => u64::try_from(first).unwrap_or_default()..=last,
            // The window ends before the schedule begins.
            Err(_) => RangeInclusive::new(1, 0),
        }
    }

    /// When item `index` begins, and the generator for the rest of its draws.
    pub(crate) fn item(&self, seed: u64, index: u64) -> Option<(DateTime<Utc>, SmallRng)> {
        let mut random = generator(seed ^ SALT_LIVE, index);
        let into =
            i64::try_from(index).ok()?.checked_mul(self.every)?.checked_add(random.random_range(0..self.every))?;
        Some((self.from.checked_add_signed(TimeDelta::try_milliseconds(into)?)?, random))
    }
}

impl<K: Eq + Hash, V> DayCache<K, V> {
    /// A cache of `capacity` days; a full cache is emptied.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, days: Mutex::default() }
    }

    /// The items of `day`, by `generate` where they are not in the cache.
    pub(crate) fn get(&self, day: K, generate: impl FnOnce() -> Vec<V>) -> Arc<Vec<V>> {
        let mut days = self.days.lock().unwrap_or_else(PoisonError::into_inner);
        if days.len() >= self.capacity && !days.contains_key(&day) {
            days.clear();
        }
        Arc::clone(days.entry(day).or_insert_with(|| Arc::new(generate())))
    }
}

/// Days since 1970; zero before.
pub(crate) fn day_number(day: NaiveDate) -> u64 {
    u64::try_from(day.signed_duration_since(NaiveDate::default()).num_days()).unwrap_or_default()
}

/// The day with that number.
pub(crate) fn numbered_day(number: u64) -> Option<NaiveDate> {
    NaiveDate::default().checked_add_signed(TimeDelta::try_days(i64::try_from(number).ok()?)?)
}

/// The first instant of `day` in UTC.
pub(crate) fn utc_midnight(day: NaiveDate) -> DateTime<Utc> {
    midnight(day, chrono_tz::UTC)
}

/// The shortest end of a window that still contains `at`: a millisecond later, because windows count days by it.
pub(crate) fn just_after(at: DateTime<Utc>) -> DateTime<Utc> {
    at + TimeDelta::milliseconds(1)
}

/// How many items `day` has where a mean day has `mean`: busier on weekdays and varying by 15 %, or the same each day
/// where `even`.
pub(crate) fn weekday_count(mean: f64, day: NaiveDate, even: bool, random: &mut SmallRng) -> u64 {
    let weekday = WEEKDAYS.get(day.weekday().num_days_from_monday() as usize).unwrap_or(&100.0);
    let factor = weekday / 100.0 * random.random_range(0.85..1.15);
    count(if even { mean } else { mean * factor }, random)
}

/// How many items a day has where a mean day has `mean`: varying by 30 %.
pub(crate) fn daily_count(mean: f64, random: &mut SmallRng) -> u64 {
    let varied = mean * random.random_range(0.7..1.3);
    count(varied, random)
}

/// `whole` by `share` (0 to 1).
pub(crate) fn fraction(whole: TimeDelta, share: f64) -> TimeDelta {
    TimeDelta::from_std(whole.to_std().unwrap_or_default().mul_f64(share)).unwrap_or_default()
}

/// A whole number whose mean is `mean`: a mean of 0.3 gives one item on three days out of ten.
fn count(mean: f64, random: &mut SmallRng) -> u64 {
    whole(mean + random.random::<f64>())
}
