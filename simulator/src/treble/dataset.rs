//! The dataset: which polls and sessions there are, by seed, and when each session is created.

use super::config::Config;
use super::session::Poll;
use crate::calendar::{DayCache, LiveSchedule, daily_count, day_number, just_after, numbered_day, utc_midnight};
use crate::random::generator;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::window::Window;
use rand::Rng;
use std::sync::Arc;

/// All sessions, generated on demand.
pub(super) struct Dataset {
    pub(super) seed: u64,
    pub(super) polls: Vec<Poll>,
    pub(super) lasts_for: Option<TimeDelta>,
    pub(super) never_close: f64,
    pub(super) no_external_id: f64,
    pub(super) late_receipts: f64,
    pub(super) flow_hooks: bool,
    history_from: DateTime<Utc>,
    sessions_per_day: f64,
    live: Option<LiveSchedule>,
    days: DayCache<(usize, NaiveDate), SessionKey>,
}

/// A session, by its creation, number and poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SessionKey {
    /// In whole seconds.
    pub(super) at: DateTime<Utc>,
    /// Unique over all polls; its `id`.
    pub(super) number: u64,
    /// The poll, by its place.
    pub(super) poll: usize,
}

/// The first number of a poll in a day is its place times this.
const NUMBERS_PER_POLL: u64 = 100_000;
/// The most polls: a day has no more numbers.
const MAX_POLLS: usize = 100;
/// The first number of a day is its day since 1970 times this.
const NUMBERS_PER_DAY: u64 = 10_000_000;
/// The number of the first live session, above the numbers of all days until the year 2216.
const FIRST_LIVE: u64 = 900_000_000_000;
/// Days over all polls.
const CACHED_DAYS: usize = 1024;
const SALT_DAY: u64 = 0xDA15;
const SALT_POLL: u64 = 0x9011;
const NAMES: [&str; 5] = ["Bienvenida", "Encuesta NPS", "Cobranza ñ", "Promo \"Julio\"", "Recordatorio de cita"];

impl Dataset {
    pub(super) fn new(config: &Config, started: DateTime<Utc>) -> Self {
        let first: u64 = generator(config.seed ^ SALT_POLL, 0).random_range(10_000..90_000);
        let names = NAMES.into_iter().cycle().zip(0u64..).take(config.polls.min(MAX_POLLS));
        Self {
            seed: config.seed,
            polls: names.map(|(name, place)| Poll { id: first + place * 7, name: format!("{name} {place}") }).collect(),
            lasts_for: config.lasts_for.and_then(|longest| TimeDelta::from_std(longest).ok()),
            never_close: config.never_close,
            no_external_id: config.no_external_id,
            late_receipts: config.late_receipts,
            flow_hooks: config.flow_hooks,
            history_from: config.history_from,
            sessions_per_day: config.sessions_per_day,
            live: LiveSchedule::new(started, config.live_every),
            days: DayCache::new(CACHED_DAYS),
        }
    }

    /// The place of the poll with that id.
    pub(super) fn poll(&self, id: u64) -> Option<usize> {
        self.polls.iter().position(|poll| poll.id == id)
    }

    /// The window that contains all sessions up to `now`; `None` where history begins later.
    pub(super) fn history(&self, now: DateTime<Utc>) -> Option<Window> {
        Window::new(self.history_from, just_after(now))
    }

    /// The sessions of a poll created in `window` and not after `now`, oldest first.
    pub(super) fn begun(&self, poll: usize, window: Window, now: DateTime<Utc>) -> Vec<SessionKey> {
        let Some(visible) = self.history(now).and_then(|history| history.intersect(&window)) else { return Vec::new() };
        let mut keys = Vec::new();
        for day in visible.days(chrono_tz::UTC) {
            keys.extend(self.of_day(poll, day).iter().filter(|key| visible.contains(key.at) && key.at <= now));
        }
        let live = self.live.iter().flat_map(|live| self.live_sessions(live, visible));
        keys.extend(live.filter(|key| key.poll == poll && key.at <= now));
        keys.sort_unstable();
        keys
    }

    /// The sessions of all polls created in `window` and not after `now`, oldest first.
    pub(super) fn of_all_polls(&self, window: Window, now: DateTime<Utc>) -> Vec<SessionKey> {
        let mut keys: Vec<SessionKey> = (0..self.polls.len()).flat_map(|poll| self.begun(poll, window, now)).collect();
        keys.sort_unstable();
        keys
    }

    /// The session with that id, if it was created by `now`.
    pub(super) fn find(&self, number: u64, now: DateTime<Utc>) -> Option<SessionKey> {
        let key = if let Some(index) = number.checked_sub(FIRST_LIVE) {
            self.live_session(self.live.as_ref()?, index)
        } else {
            let day = numbered_day(number / NUMBERS_PER_DAY)?;
            let poll = usize::try_from(number % NUMBERS_PER_DAY / NUMBERS_PER_POLL).ok()?;
            self.of_day(poll, day).iter().find(|key| key.number == number).copied()
        };
        key.filter(|key| key.at <= now)
    }

    fn of_day(&self, poll: usize, day: NaiveDate) -> Arc<Vec<SessionKey>> {
        self.days.get((poll, day), || self.generate(poll, day))
    }

    fn generate(&self, poll: usize, day: NaiveDate) -> Vec<SessionKey> {
        if poll >= self.polls.len() {
            return Vec::new();
        }
        let first = day_number(day) * NUMBERS_PER_DAY + u64::try_from(poll).unwrap_or_default() * NUMBERS_PER_POLL;
        let mut random = generator(self.seed ^ SALT_DAY, first);
        let count = daily_count(self.sessions_per_day, &mut random).min(NUMBERS_PER_POLL - 1);
        let midnight = utc_midnight(day);
        let starts = (0..count).map(|_| midnight + TimeDelta::seconds(random.random_range(0..86_400)));
        let mut starts: Vec<_> = starts.collect();
        starts.sort_unstable();
        let keys = starts.into_iter().zip(first..).map(|(at, number)| SessionKey { at, number, poll });
        keys.filter(|key| key.at >= self.history_from).collect()
    }

    fn live_sessions(&self, live: &LiveSchedule, window: Window) -> impl Iterator<Item = SessionKey> {
        // A creation is rounded up to its second.
        let indices = live.indices(window, TimeDelta::seconds(1));
        indices.filter_map(|index| self.live_session(live, index)).filter(move |key| window.contains(key.at))
    }

    fn live_session(&self, live: &LiveSchedule, index: u64) -> Option<SessionKey> {
        let (at, _) = live.item(self.seed, index)?;
        // Up, so that no session is created before the start of the simulator, where it would belong to history.
        let below = i64::from(at.timestamp_subsec_nanos());
        let at = if below == 0 { at } else { at + TimeDelta::nanoseconds(1_000_000_000 - below) };
        let poll = index.checked_rem(u64::try_from(self.polls.len()).ok()?)?;
        Some(SessionKey { at, number: FIRST_LIVE + index, poll: usize::try_from(poll).ok()? })
    }
}
