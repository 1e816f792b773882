//! What the vendor holds: which chats there are, by seed, and when each starts.

use super::config::Config;
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use domain::window::Window;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// All chats there ever are, made as they are asked for.
pub(super) struct Truth {
    pub(super) seed: u64,
    pub(super) zone: Tz,
    pub(super) closes_after: Duration,
    pub(super) blank_ids: f64,
    pub(super) canary_phone: Option<String>,
    /// Customers to choose from; comfortably more than a day has chats.
    pub(super) customers: u64,
    history_from: DateTime<Utc>,
    chats_per_day: f64,
    live: Option<Live>,
    days: Mutex<HashMap<NaiveDate, Arc<Vec<DateTime<Utc>>>>>,
}

/// Which chat, and when it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    /// In whole seconds, as fine as the vendor writes it.
    pub(super) start: DateTime<Utc>,
    /// Unique over all chats; also its `conn_id`.
    pub(super) number: u64,
}

/// The moment as of which the vendor is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) at: DateTime<Utc>,
    /// Whether truth stopped there, with every chat closed.
    pub(super) frozen: bool,
}

struct Live {
    from: DateTime<Utc>,
    every: i64,
}

/// A day's chats are numbered from its day since 1970 times this.
pub(super) const A_DAYS_NUMBERS: u64 = 1_000_000;
/// The number of the first live chat: eleven digits as well, above every day's until the year 2216.
pub(super) const FIRST_LIVE: u64 = 90_000_000_000;
/// Days kept once made. At 20,000 chats a day they take some 16 MB.
const DAYS_KEPT: usize = 64;
/// Hour by hour from midnight, how busy a day is.
const HOURS: [u32; 24] = [3, 2, 1, 1, 1, 2, 6, 20, 55, 80, 90, 85, 70, 68, 82, 85, 80, 70, 52, 40, 30, 20, 10, 5];
/// How busy a day is from Monday to Sunday, in percent of the mean.
const WEEKDAYS: [f64; 7] = [125.0, 115.0, 110.0, 110.0, 115.0, 75.0, 50.0];
/// Keeps the draws of days apart from those of chats.
const SALT_DAY: u64 = 0xDA15;
const SALT_LIVE: u64 = 0x11FE;

impl Truth {
    pub(super) fn new(config: &Config, started: DateTime<Utc>) -> Self {
        let every =
            config.live_every.and_then(|every| i64::try_from(every.as_millis()).ok()).filter(|every| *every > 0);
        Self {
            seed: config.seed,
            zone: config.zone,
            closes_after: config.closes_after,
            blank_ids: config.blank_ids,
            canary_phone: config.canary_phone.clone(),
            customers: whole(config.chats_per_day * 3.0).max(50),
            history_from: config.history_from,
            chats_per_day: config.chats_per_day,
            live: every.map(|every| Live { from: started, every }),
            days: Mutex::default(),
        }
    }

    /// All that has started by `moment`, as a window; `None` where history begins later.
    pub(super) fn history(&self, moment: Moment) -> Option<Window> {
        Window::new(self.history_from, just_after(moment.at))
    }

    /// The chats that start in `window` and have started by `moment`, oldest first.
    pub(super) fn started(&self, window: Window, moment: Moment) -> impl Iterator<Item = Key> {
        let seen = self.history(moment).and_then(|history| history.intersect(&window));
        let days = seen.map(|seen| seen.days(self.zone)).unwrap_or_default();
        days.into_iter().flat_map(move |day| seen.map(|seen| self.of_day(day, seen)).unwrap_or_default())
    }

    /// The chats whose start, as the vendor's wall clock shows it, lies in `[first, last]`: compared as the
    /// text a naive vendor would compare, so an hour that clocks repeat is found twice.
    pub(super) fn on_wall_clock(
        &self,
        first: NaiveDateTime,
        last: NaiveDateTime,
        moment: Moment,
    ) -> impl Iterator<Item = Key> {
        // Wide enough for any change of clocks; the wall clock then decides.
        let margin = TimeDelta::hours(3);
        let low = self.zone.from_local_datetime(&first).earliest().map(|local| local.to_utc() - margin);
        let high = self.zone.from_local_datetime(&last).latest().map(|local| local.to_utc() + margin);
        let low = low.unwrap_or_else(|| first.and_utc() - TimeDelta::hours(15));
        let high = high.unwrap_or_else(|| last.and_utc() + TimeDelta::hours(15));
        let asked = Window::new(low, high).into_iter().flat_map(move |window| self.started(window, moment));
        asked.filter(move |key| (first..=last).contains(&self.wall_clock(key.start)))
    }

    /// What the vendor's wall clock shows at `at`.
    pub(super) fn wall_clock(&self, at: DateTime<Utc>) -> NaiveDateTime {
        at.with_timezone(&self.zone).naive_local()
    }

    fn of_day(&self, day: NaiveDate, seen: Window) -> Vec<Key> {
        let Some(window) = Window::of_day(day, self.zone).and_then(|whole| whole.intersect(&seen)) else {
            return Vec::new();
        };
        let starts = self.starts(day);
        let numbers = day_number(day) * A_DAYS_NUMBERS..;
        let skipped = starts.partition_point(|start| *start < window.from());
        let planned = starts.iter().zip(numbers).skip(skipped);
        let planned = planned.map(|(start, number)| Key { start: *start, number });
        let mut keys: Vec<Key> = planned.take_while(|key| key.start < window.to()).collect();
        keys.extend(self.live.iter().flat_map(|live| live.started(self.seed, window)));
        keys.sort_unstable();
        keys
    }

    /// When the chats of `day` start, oldest first.
    fn starts(&self, day: NaiveDate) -> Arc<Vec<DateTime<Utc>>> {
        let mut days = self.days.lock().unwrap_or_else(PoisonError::into_inner);
        if days.len() >= DAYS_KEPT && !days.contains_key(&day) {
            days.clear();
        }
        let made = days.entry(day).or_insert_with(|| Arc::new(self.make(day)));
        Arc::clone(made)
    }

    fn make(&self, day: NaiveDate) -> Vec<DateTime<Utc>> {
        let Some(window) = Window::of_day(day, self.zone) else { return Vec::new() };
        let mut random = generator(self.seed ^ SALT_DAY, day_number(day));
        let weekday = WEEKDAYS.get(day.weekday().num_days_from_monday() as usize).unwrap_or(&100.0);
        let mean = self.chats_per_day * weekday / 100.0 * random.random_range(0.85..1.15);
        // A whole number whose mean is `mean`, so that a day of 0.3 chats has one three days out of ten.
        let count = whole(mean + random.random::<f64>()).min(A_DAYS_NUMBERS - 1);
        let length = window.span().to_std().unwrap_or_default();
        let starts = (0..count).map(|_| {
            // As a part of the day and not as an hour of it: days have 23 or 25 hours where clocks change.
            let into = length.mul_f64((f64::from(busy_hour(&mut random)) + random.random::<f64>()) / 24.0);
            window.from() + TimeDelta::seconds(i64::try_from(into.as_secs()).unwrap_or_default())
        });
        let mut starts: Vec<_> = starts.filter(|start| *start < window.to()).collect();
        starts.sort_unstable();
        starts
    }
}

impl Live {
    fn started(&self, seed: u64, window: Window) -> impl Iterator<Item = Key> {
        let first = ((window.from() - self.from).num_milliseconds() / self.every - 1).max(0);
        // A start is cut to its second, so the chat of just after the window may belong to it.
        let last = (window.to() - self.from + TimeDelta::seconds(1)).num_milliseconds() / self.every;
        let keys = (first..=last).filter_map(move |index| {
            let index_of = u64::try_from(index).ok()?;
            let late = generator(seed ^ SALT_LIVE, index_of).random_range(0..self.every);
            let start = self.from + TimeDelta::milliseconds(index * self.every + late);
            let start = start - TimeDelta::nanoseconds(i64::from(start.timestamp_subsec_nanos()));
            Some(Key { start, number: FIRST_LIVE + index_of })
        });
        keys.filter(move |key| window.contains(key.start))
    }
}

/// A generator for the `number`th thing drawn from `seed`, unlike that of its neighbours.
pub(super) fn generator(seed: u64, number: u64) -> SmallRng {
    SmallRng::seed_from_u64(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ number.wrapping_mul(0xBF58_476D_1CE4_E5B9))
}

/// The whole part of `number`; zero where it has none. By way of seconds, which converts without a cast.
fn whole(number: f64) -> u64 {
    Duration::try_from_secs_f64(number).map_or(0, |seconds| seconds.as_secs())
}

fn busy_hour(random: &mut SmallRng) -> u32 {
    let mut left = random.random_range(0..HOURS.iter().sum());
    let hour = (0u32..).zip(HOURS).find(|(_, busy)| {
        let here = left < *busy;
        left = left.saturating_sub(*busy);
        here
    });
    hour.map_or(12, |(hour, _)| hour)
}

fn day_number(day: NaiveDate) -> u64 {
    u64::try_from(day.signed_duration_since(NaiveDate::default()).num_days()).unwrap_or_default()
}

/// The end of a window that still holds `at`. A millisecond, as windows count days by it.
fn just_after(at: DateTime<Utc>) -> DateTime<Utc> {
    at + TimeDelta::milliseconds(1)
}
