//! The dataset: which processes there are, by seed, and when each begins.

use super::config::Config;
use crate::calendar::{DayCache, LiveSchedule, daily_count, day_number, just_after, numbered_day, utc_midnight};
use crate::random::generator;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::window::Window;
use rand::Rng;
use std::sync::Arc;

/// All processes, generated on demand.
pub(super) struct Dataset {
    pub(super) seed: u64,
    pub(super) flows: Vec<String>,
    pub(super) pending_for: Option<TimeDelta>,
    pub(super) overridden: f64,
    pub(super) override_after: TimeDelta,
    pub(super) odd_words: f64,
    history_from: DateTime<Utc>,
    processes_per_day: f64,
    live: Option<LiveSchedule>,
    mask: u64,
    days: DayCache<NaiveDate, ProcessKey>,
}

/// A process, by its begin and number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ProcessKey {
    /// With the digits that the vendor writes.
    pub(super) at: DateTime<Utc>,
    /// Unique.
    pub(super) number: u64,
}

/// The first number of a day is its day since 1970 times this.
const NUMBERS_PER_DAY: u64 = 1_000_000;
/// The number of the first live process, above the numbers of all days until the year 2216.
const FIRST_LIVE: u64 = 90_000_000_000;
const CACHED_DAYS: usize = 64;
const NANOSECONDS_PER_DAY: i64 = 86_400_000_000_000;
const SALT_DAY: u64 = 0xDA15;
const SALT_ID: u64 = 0x01D5;

impl Dataset {
    pub(super) fn new(config: &Config, started: DateTime<Utc>) -> Self {
        Self {
            seed: config.seed,
            flows: config.flows.clone(),
            pending_for: config.pending_for.and_then(|longest| TimeDelta::from_std(longest).ok()),
            overridden: config.overridden,
            override_after: TimeDelta::from_std(config.override_after).unwrap_or_default(),
            odd_words: config.odd_words,
            history_from: config.history_from,
            processes_per_day: config.processes_per_day,
            live: LiveSchedule::new(started, config.live_every),
            mask: generator(config.seed ^ SALT_ID, 0).random(),
            days: DayCache::new(CACHED_DAYS),
        }
    }

    /// The window that contains all processes up to `now`; `None` where history begins later.
    pub(super) fn history(&self, now: DateTime<Utc>) -> Option<Window> {
        Window::new(self.history_from, just_after(now))
    }

    /// The processes that begin in `window` and have begun by `now`, oldest first.
    pub(super) fn begun(&self, window: Window, now: DateTime<Utc>) -> Vec<ProcessKey> {
        let Some(visible) = self.history(now).and_then(|history| history.intersect(&window)) else { return Vec::new() };
        let mut keys = Vec::new();
        for day in days(visible) {
            keys.extend(self.of_day(day).iter().filter(|key| visible.contains(key.at) && key.at <= now));
        }
        keys.extend(self.live.iter().flat_map(|live| self.live_processes(live, visible)).filter(|key| key.at <= now));
        keys.sort_unstable();
        keys
    }

    /// The newest `most` processes that begin in `window`, not after `now` and before `before`; newest first. Reads day by
    /// day and only as far back as necessary, so that a window of years costs nothing.
    pub(super) fn newest(
        &self,
        window: Window,
        now: DateTime<Utc>,
        before: Option<ProcessKey>,
        most: usize,
    ) -> Vec<ProcessKey> {
        let Some(visible) = self.history(now).and_then(|history| history.intersect(&window)) else { return Vec::new() };
        let last = before.map_or(visible.to(), |key| visible.to().min(just_after(key.at)));
        let Some(visible) = Window::new(visible.from(), last) else { return Vec::new() };
        let mut page = Vec::new();
        for day in days(visible).into_iter().rev() {
            let of_day = Window::of_day(day, chrono_tz::UTC).and_then(|day| day.intersect(&visible));
            let keys = of_day.map(|day| self.begun(day, now)).unwrap_or_default();
            page.extend(keys.into_iter().rev().filter(|key| before.is_none_or(|before| *key < before)));
            if page.len() >= most {
                break;
            }
        }
        page.truncate(most);
        page
    }

    /// The id of process `number`.
    pub(super) fn id(&self, number: u64) -> String {
        let check: u64 = generator(self.seed ^ SALT_ID, number).random();
        format!("IDP{:016x}{check:016x}", number ^ self.mask)
    }

    /// The process with that id, if it has begun by `now`.
    pub(super) fn find(&self, id: &str, now: DateTime<Utc>) -> Option<ProcessKey> {
        let number = u64::from_str_radix(id.strip_prefix("IDP")?.get(..16)?, 16).ok()? ^ self.mask;
        if self.id(number) != id {
            return None;
        }
        let key = if let Some(index) = number.checked_sub(FIRST_LIVE) {
            self.live_process(self.live.as_ref()?, index)
        } else {
            self.of_day(numbered_day(number / NUMBERS_PER_DAY)?).iter().find(|key| key.number == number).copied()
        };
        key.filter(|key| key.at <= now)
    }

    fn of_day(&self, day: NaiveDate) -> Arc<Vec<ProcessKey>> {
        self.days.get(day, || self.generate(day))
    }

    fn generate(&self, day: NaiveDate) -> Vec<ProcessKey> {
        let mut random = generator(self.seed ^ SALT_DAY, day_number(day));
        let count = daily_count(self.processes_per_day, &mut random).min(NUMBERS_PER_DAY - 1);
        let midnight = utc_midnight(day);
        let starts = (0..count).map(|_| {
            let at = midnight + TimeDelta::nanoseconds(random.random_range(0..NANOSECONDS_PER_DAY));
            round_down(at, random.random_range(0..=9))
        });
        let mut starts: Vec<_> = starts.collect();
        starts.sort_unstable();
        let numbers = day_number(day) * NUMBERS_PER_DAY..;
        let keys = starts.into_iter().zip(numbers).map(|(at, number)| ProcessKey { at, number });
        keys.filter(|key| key.at >= self.history_from).collect()
    }

    fn live_processes(&self, live: &LiveSchedule, window: Window) -> impl Iterator<Item = ProcessKey> {
        // A begin is rounded down to the digits that the vendor writes, by at most a second.
        let indices = live.indices(window, TimeDelta::seconds(1));
        indices.filter_map(|index| self.live_process(live, index)).filter(move |key| window.contains(key.at))
    }

    fn live_process(&self, live: &LiveSchedule, index: u64) -> Option<ProcessKey> {
        let (at, mut random) = live.item(self.seed, index)?;
        let at = at + TimeDelta::nanoseconds(random.random_range(0..1_000_000));
        // Never before the start of the simulator, where it would belong to history.
        let at = round_down(at, random.random_range(0..=9)).max(live.from());
        Some(ProcessKey { at, number: FIRST_LIVE + index })
    }
}

/// The days that `window` touches. [`Window::days`] ignores the last fraction of a millisecond, in which a process may
/// begin.
fn days(window: Window) -> Vec<NaiveDate> {
    let last = window.to().date_naive();
    window.from().date_naive().iter_days().take_while(|day| *day <= last).collect()
}

/// `at` with that many fractional digits, rounded down.
fn round_down(at: DateTime<Utc>, digits: u32) -> DateTime<Utc> {
    let step = 10i64.pow(9 - digits.min(9));
    at - TimeDelta::nanoseconds(i64::from(at.timestamp_subsec_nanos()) % step)
}

/// `at` with that many fractional digits, rounded up.
pub(super) fn round_up(at: DateTime<Utc>, digits: u32) -> DateTime<Utc> {
    let step = 10i64.pow(9 - digits.min(9));
    let over = i64::from(at.timestamp_subsec_nanos()) % step;
    if over == 0 { at } else { at + TimeDelta::nanoseconds(step - over) }
}
