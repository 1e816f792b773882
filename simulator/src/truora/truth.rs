//! What the vendor holds: which processes there are, by seed, and when each begins.

use super::config::Config;
use crate::draw::{generator, whole};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::window::Window;
use rand::Rng;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// All processes there ever are, made as they are asked for.
pub(super) struct Truth {
    pub(super) seed: u64,
    pub(super) flows: Vec<String>,
    pub(super) pending_for: Option<TimeDelta>,
    pub(super) overridden: f64,
    pub(super) override_after: TimeDelta,
    pub(super) odd_words: f64,
    history_from: DateTime<Utc>,
    processes_per_day: f64,
    live: Option<Live>,
    mask: u64,
    days: Mutex<HashMap<NaiveDate, Arc<Vec<Key>>>>,
}

/// Which process, and when it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    /// To the digit that the vendor writes.
    pub(super) at: DateTime<Utc>,
    /// Unique.
    pub(super) number: u64,
}

struct Live {
    from: DateTime<Utc>,
    /// In milliseconds.
    every: i64,
}

/// A day's processes are numbered from its day since 1970 times this.
const A_DAYS_NUMBERS: u64 = 1_000_000;
/// The number of the first live process, above every day's until the year 2216.
const FIRST_LIVE: u64 = 90_000_000_000;
/// Days kept once made.
const DAYS_KEPT: usize = 64;
const A_DAY: i64 = 86_400_000_000_000;
/// Keep the draws of days, live ones, ids and digits apart.
const SALT_DAY: u64 = 0xDA15;
const SALT_LIVE: u64 = 0x11FE;
const SALT_ID: u64 = 0x01D5;

impl Truth {
    pub(super) fn new(config: &Config, started: DateTime<Utc>) -> Self {
        let every =
            config.live_every.and_then(|every| i64::try_from(every.as_millis()).ok()).filter(|every| *every > 0);
        Self {
            seed: config.seed,
            flows: config.flows.clone(),
            pending_for: config.pending_for.and_then(|longest| TimeDelta::from_std(longest).ok()),
            overridden: config.overridden,
            override_after: TimeDelta::from_std(config.override_after).unwrap_or_default(),
            odd_words: config.odd_words,
            history_from: config.history_from,
            processes_per_day: config.processes_per_day,
            live: every.map(|every| Live { from: started, every }),
            mask: generator(config.seed ^ SALT_ID, 0).random(),
            days: Mutex::default(),
        }
    }

    /// From the first process that there may be up to `now`; `None` where there is none yet.
    pub(super) fn history(&self, now: DateTime<Utc>) -> Option<Window> {
        // A window counts days by the millisecond, and is to hold `now` still.
        Window::new(self.history_from, now + TimeDelta::milliseconds(1))
    }

    /// The processes that begin in `window` and have begun by `now`, oldest first.
    pub(super) fn begun(&self, window: Window, now: DateTime<Utc>) -> Vec<Key> {
        let Some(seen) = self.history(now).and_then(|history| history.intersect(&window)) else { return Vec::new() };
        let mut keys = Vec::new();
        for day in days(seen) {
            keys.extend(self.of_day(day).iter().filter(|key| seen.contains(key.at) && key.at <= now));
        }
        keys.extend(self.live.iter().flat_map(|live| live.begun(self.seed, seen)).filter(|key| key.at <= now));
        keys.sort_unstable();
        keys
    }

    /// The newest `most` of those that begin in `window`, have begun by `now` and are older than `before`; newest
    /// first. Years cost nothing: it goes back day by day, only as far as it has to.
    pub(super) fn newest(&self, window: Window, now: DateTime<Utc>, before: Option<Key>, most: usize) -> Vec<Key> {
        let Some(seen) = self.history(now).and_then(|history| history.intersect(&window)) else { return Vec::new() };
        let last = before.map_or(seen.to(), |key| seen.to().min(key.at + TimeDelta::milliseconds(1)));
        let Some(seen) = Window::new(seen.from(), last) else { return Vec::new() };
        let mut page = Vec::new();
        for day in days(seen).into_iter().rev() {
            let of_day = Window::of_day(day, chrono_tz::UTC).and_then(|day| day.intersect(&seen));
            let keys = of_day.map(|day| self.begun(day, now)).unwrap_or_default();
            page.extend(keys.into_iter().rev().filter(|key| before.is_none_or(|before| *key < before)));
            if page.len() >= most {
                break;
            }
        }
        page.truncate(most);
        page
    }

    /// What process `number` is called.
    pub(super) fn id(&self, number: u64) -> String {
        let check: u64 = generator(self.seed ^ SALT_ID, number).random();
        format!("IDP{:016x}{check:016x}", number ^ self.mask)
    }

    /// The process of that id, if there is one by `now`.
    pub(super) fn find(&self, id: &str, now: DateTime<Utc>) -> Option<Key> {
        let number = u64::from_str_radix(id.strip_prefix("IDP")?.get(..16)?, 16).ok()? ^ self.mask;
        if self.id(number) != id {
            return None;
        }
        let key = if let Some(index) = number.checked_sub(FIRST_LIVE) {
            self.live.as_ref()?.key(self.seed, index)
        } else {
            let days = i64::try_from(number / A_DAYS_NUMBERS).ok()?;
            let day = NaiveDate::default().checked_add_signed(TimeDelta::try_days(days)?)?;
            self.of_day(day).iter().find(|key| key.number == number).copied()
        };
        key.filter(|key| key.at <= now)
    }

    fn of_day(&self, day: NaiveDate) -> Arc<Vec<Key>> {
        let mut days = self.days.lock().unwrap_or_else(PoisonError::into_inner);
        if days.len() >= DAYS_KEPT && !days.contains_key(&day) {
            days.clear();
        }
        Arc::clone(days.entry(day).or_insert_with(|| Arc::new(self.make(day))))
    }

    fn make(&self, day: NaiveDate) -> Vec<Key> {
        let mut random = generator(self.seed ^ SALT_DAY, day_number(day));
        // A whole number whose mean is the configured one, so that a day of 0.3 has one three days out of ten.
        let mean = self.processes_per_day * random.random_range(0.7..1.3) + random.random::<f64>();
        let count = whole(mean).min(A_DAYS_NUMBERS - 1);
        let midnight = day.and_time(chrono::NaiveTime::MIN).and_utc();
        let starts = (0..count).map(|_| {
            let at = midnight + TimeDelta::nanoseconds(random.random_range(0..A_DAY));
            floor(at, random.random_range(0..=9))
        });
        let mut starts: Vec<_> = starts.collect();
        starts.sort_unstable();
        let numbers = day_number(day) * A_DAYS_NUMBERS..;
        let keys = starts.into_iter().zip(numbers).map(|(at, number)| Key { at, number });
        keys.filter(|key| key.at >= self.history_from).collect()
    }
}

impl Live {
    fn begun(&self, seed: u64, window: Window) -> impl Iterator<Item = Key> {
        let first = ((window.from() - self.from).num_milliseconds() / self.every - 1).max(0);
        // A start is cut to the digits that are written, so that of just after the window may belong to it.
        let last = (window.to() - self.from + TimeDelta::seconds(1)).num_milliseconds() / self.every;
        let keys = (first..=last).filter_map(move |index| self.key(seed, u64::try_from(index).ok()?));
        keys.filter(move |key| window.contains(key.at))
    }

    fn key(&self, seed: u64, index: u64) -> Option<Key> {
        let mut random = generator(seed ^ SALT_LIVE, index);
        let into = i64::try_from(index).ok()?.checked_mul(self.every)?;
        let late = TimeDelta::milliseconds(random.random_range(0..self.every));
        let noise = TimeDelta::nanoseconds(random.random_range(0..1_000_000));
        let at = self.from.checked_add_signed(TimeDelta::try_milliseconds(into)?)? + late + noise;
        // Never before the simulator's start, where it would be history.
        Some(Key { at: floor(at, random.random_range(0..=9)).max(self.from), number: FIRST_LIVE + index })
    }
}

/// The days that `window` touches. A process may begin in the last part of a millisecond, which [`Window::days`] leaves
/// out.
fn days(window: Window) -> Vec<NaiveDate> {
    let last = window.to().date_naive();
    window.from().date_naive().iter_days().take_while(|day| *day <= last).collect()
}

/// `at` with so many digits after its seconds, the others cut off.
pub(super) fn floor(at: DateTime<Utc>, digits: u32) -> DateTime<Utc> {
    let step = 10i64.pow(9 - digits.min(9));
    at - TimeDelta::nanoseconds(i64::from(at.timestamp_subsec_nanos()) % step)
}

/// The first instant from `at` on that has only so many digits after its seconds.
pub(super) fn ceiling(at: DateTime<Utc>, digits: u32) -> DateTime<Utc> {
    let step = 10i64.pow(9 - digits.min(9));
    let over = i64::from(at.timestamp_subsec_nanos()) % step;
    if over == 0 { at } else { at + TimeDelta::nanoseconds(step - over) }
}

fn day_number(day: NaiveDate) -> u64 {
    u64::try_from(day.signed_duration_since(NaiveDate::default()).num_days()).unwrap_or_default()
}
