//! What the vendor holds: which polls and sessions there are, by seed, and when each session is made.

use super::config::Config;
use super::session::Poll;
use crate::draw::{generator, whole};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::window::Window;
use rand::Rng;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// All sessions there ever are, made as they are asked for.
pub(super) struct Truth {
    pub(super) seed: u64,
    pub(super) polls: Vec<Poll>,
    pub(super) talks_for: Option<TimeDelta>,
    pub(super) never_close: f64,
    pub(super) nameless: f64,
    pub(super) late_receipts: f64,
    pub(super) flow_hooks: bool,
    history_from: DateTime<Utc>,
    sessions_per_day: f64,
    live: Option<Live>,
    days: Mutex<Days>,
}

/// The sessions of a poll's days.
type Days = HashMap<(usize, NaiveDate), Arc<Vec<Key>>>;

/// Which session, when it is made, and of which poll, by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    /// In whole seconds.
    pub(super) at: DateTime<Utc>,
    /// Unique over all polls; its `id`.
    pub(super) number: u64,
    pub(super) poll: usize,
}

struct Live {
    from: DateTime<Utc>,
    /// In milliseconds.
    every: i64,
}

/// A poll's sessions of a day are numbered from its place times this.
const A_POLLS_NUMBERS: u64 = 100_000;
/// Polls whose numbers a day has room for.
const MOST_POLLS: usize = 100;
/// A day's sessions are numbered from its day since 1970 times this.
const A_DAYS_NUMBERS: u64 = 10_000_000;
/// The number of the first live session, above every day's until the year 2216.
const FIRST_LIVE: u64 = 900_000_000_000;
/// Days of a poll kept once made.
const DAYS_KEPT: usize = 1024;
/// Keep the draws of days, live ones and polls apart.
const SALT_DAY: u64 = 0xDA15;
const SALT_LIVE: u64 = 0x11FE;
const SALT_POLL: u64 = 0x9011;
const NAMES: [&str; 5] = ["Bienvenida", "Encuesta NPS", "Cobranza ñ", "Promo \"Julio\"", "Recordatorio de cita"];

impl Truth {
    pub(super) fn new(config: &Config, started: DateTime<Utc>) -> Self {
        let every =
            config.live_every.and_then(|every| i64::try_from(every.as_millis()).ok()).filter(|every| *every > 0);
        let first: u64 = generator(config.seed ^ SALT_POLL, 0).random_range(10_000..90_000);
        let names = NAMES.into_iter().cycle().zip(0u64..).take(config.polls.min(MOST_POLLS));
        Self {
            seed: config.seed,
            polls: names.map(|(name, place)| Poll { id: first + place * 7, name: format!("{name} {place}") }).collect(),
            talks_for: config.talks_for.and_then(|longest| TimeDelta::from_std(longest).ok()),
            never_close: config.never_close,
            nameless: config.nameless,
            late_receipts: config.late_receipts,
            flow_hooks: config.flow_hooks,
            history_from: config.history_from,
            sessions_per_day: config.sessions_per_day,
            live: every.map(|every| Live { from: started, every }),
            days: Mutex::default(),
        }
    }

    /// The place of the poll with that id.
    pub(super) fn poll(&self, id: u64) -> Option<usize> {
        self.polls.iter().position(|poll| poll.id == id)
    }

    /// From the first session that there may be up to `now`; `None` where there is none yet.
    pub(super) fn history(&self, now: DateTime<Utc>) -> Option<Window> {
        Window::new(self.history_from, now + TimeDelta::milliseconds(1))
    }

    /// The sessions of a poll that are made in `window` and by `now`, oldest first.
    pub(super) fn begun(&self, poll: usize, window: Window, now: DateTime<Utc>) -> Vec<Key> {
        let Some(seen) = self.history(now).and_then(|history| history.intersect(&window)) else { return Vec::new() };
        let mut keys = Vec::new();
        for day in seen.days(chrono_tz::UTC) {
            keys.extend(self.of_day(poll, day).iter().filter(|key| seen.contains(key.at) && key.at <= now));
        }
        let live = self.live.iter().flat_map(|live| live.begun((self.seed, self.polls.len()), seen));
        keys.extend(live.filter(|key| key.poll == poll && key.at <= now));
        keys.sort_unstable();
        keys
    }

    /// The same, of all polls.
    pub(super) fn of_all(&self, window: Window, now: DateTime<Utc>) -> Vec<Key> {
        let mut keys: Vec<Key> = (0..self.polls.len()).flat_map(|poll| self.begun(poll, window, now)).collect();
        keys.sort_unstable();
        keys
    }

    /// The session of that id, if there is one by `now`.
    pub(super) fn find(&self, number: u64, now: DateTime<Utc>) -> Option<Key> {
        let key = if let Some(index) = number.checked_sub(FIRST_LIVE) {
            self.live.as_ref()?.key((self.seed, self.polls.len()), index)
        } else {
            let days = i64::try_from(number / A_DAYS_NUMBERS).ok()?;
            let day = NaiveDate::default().checked_add_signed(TimeDelta::try_days(days)?)?;
            let poll = usize::try_from(number % A_DAYS_NUMBERS / A_POLLS_NUMBERS).ok()?;
            self.of_day(poll, day).iter().find(|key| key.number == number).copied()
        };
        key.filter(|key| key.at <= now)
    }

    fn of_day(&self, poll: usize, day: NaiveDate) -> Arc<Vec<Key>> {
        let mut days = self.days.lock().unwrap_or_else(PoisonError::into_inner);
        if days.len() >= DAYS_KEPT && !days.contains_key(&(poll, day)) {
            days.clear();
        }
        Arc::clone(days.entry((poll, day)).or_insert_with(|| Arc::new(self.make(poll, day))))
    }

    fn make(&self, poll: usize, day: NaiveDate) -> Vec<Key> {
        if poll >= self.polls.len() {
            return Vec::new();
        }
        let first = day_number(day) * A_DAYS_NUMBERS + u64::try_from(poll).unwrap_or_default() * A_POLLS_NUMBERS;
        let mut random = generator(self.seed ^ SALT_DAY, first);
        // A whole number whose mean is the configured one, so that a day of 0.3 has one three days out of ten.
        let mean = self.sessions_per_day * random.random_range(0.7..1.3) + random.random::<f64>();
        let midnight = day.and_time(chrono::NaiveTime::MIN).and_utc();
        let starts = (0..whole(mean).min(A_POLLS_NUMBERS - 1))
            .map(|_| midnight + TimeDelta::seconds(random.random_range(0..86_400)));
        let mut starts: Vec<_> = starts.collect();
        starts.sort_unstable();
        let keys = starts.into_iter().zip(first..).map(|(at, number)| Key { at, number, poll });
        keys.filter(|key| key.at >= self.history_from).collect()
    }
}

impl Live {
    fn begun(&self, truth: (u64, usize), window: Window) -> impl Iterator<Item = Key> {
        // A start is moved up to a whole second, so that of just before the window may belong to it.
        let first = (window.from() - self.from - TimeDelta::seconds(1)).num_milliseconds() / self.every - 1;
        let (first, last) = (first.max(0), (window.to() - self.from).num_milliseconds() / self.every);
        let keys = (first..=last).filter_map(move |index| self.key(truth, u64::try_from(index).ok()?));
        keys.filter(move |key| window.contains(key.at))
    }

    fn key(&self, (seed, polls): (u64, usize), index: u64) -> Option<Key> {
        let into = i64::try_from(index).ok()?.checked_mul(self.every)?;
        let late = generator(seed ^ SALT_LIVE, index).random_range(0..self.every);
        let at = self.from.checked_add_signed(TimeDelta::try_milliseconds(into + late)?)?;
        // Up to the next second: never before the simulator's start, where it would be history.
        let below = i64::from(at.timestamp_subsec_nanos());
        let at = if below == 0 { at } else { at + TimeDelta::nanoseconds(1_000_000_000 - below) };
        let poll = index.checked_rem(u64::try_from(polls).ok()?)?;
        Some(Key { at, number: FIRST_LIVE + index, poll: usize::try_from(poll).ok()? })
    }
}

fn day_number(day: NaiveDate) -> u64 {
    u64::try_from(day.signed_duration_since(NaiveDate::default()).num_days()).unwrap_or_default()
}
