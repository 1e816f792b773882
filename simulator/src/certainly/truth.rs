//! What the vendor holds: which messages there are, by seed, and when each was sent.

use super::config::Config;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::window::Window;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// All messages there ever are, made as they are asked for.
pub(super) struct Truth {
    pub(super) seed: u64,
    bots: Vec<String>,
    history_from: DateTime<Utc>,
    messages_per_day: f64,
    exactly: BTreeMap<NaiveDate, usize>,
    late: f64,
    late_for: TimeDelta,
    live: Option<Live>,
    days: Mutex<Days>,
}

/// The messages of a bot's days.
type Days = HashMap<(usize, NaiveDate), Arc<Vec<Key>>>;

/// Which message of its bot, when it was sent, and where it stands in its conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    /// To the microsecond.
    pub(super) at: DateTime<Utc>,
    /// Unique in the bot; also its `id`.
    pub(super) number: u64,
    /// Unique in the bot.
    pub(super) conversation: u64,
    /// From 0.
    pub(super) position: u32,
    /// When its conversation began.
    pub(super) began: DateTime<Utc>,
}

/// The moment as of which the vendor is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) at: DateTime<Utc>,
    /// Whether truth stopped there, with nothing missing any more.
    pub(super) frozen: bool,
}

struct Live {
    from: DateTime<Utc>,
    /// In milliseconds.
    every: i64,
}

/// A day's messages are numbered from its day since 1970 times this.
const A_DAYS_NUMBERS: u64 = 1_000_000;
/// The number of the first live message: eleven digits, above every day's until the year 2216.
const FIRST_LIVE: u64 = 90_000_000_000;
/// Live messages make conversations of so many.
const A_LIVE_CONVERSATION: u64 = 4;
/// Days kept once made.
const DAYS_KEPT: usize = 64;
/// The longest that a conversation goes on without a message, in microseconds.
const LONGEST_GAP: i64 = 90_000_000;
const A_DAY: i64 = 86_400_000_000;
/// Keep the draws of days, bots, live and late messages apart.
const SALT_DAY: u64 = 0xDA15;
const SALT_BOT: u64 = 0x0B07;
const SALT_LIVE: u64 = 0x11FE;
const SALT_LATE: u64 = 0x1A7E;

impl Truth {
    pub(super) fn new(config: &Config, started: DateTime<Utc>) -> Self {
        let every =
            config.live_every.and_then(|every| i64::try_from(every.as_millis()).ok()).filter(|every| *every > 0);
        Self {
            seed: config.seed,
            bots: config.bots.clone(),
            history_from: config.history_from,
            messages_per_day: config.messages_per_day,
            exactly: config.days.clone(),
            late: config.late,
            late_for: TimeDelta::from_std(config.late_for).unwrap_or(TimeDelta::MAX),
            live: every.map(|every| Live { from: started, every }),
            days: Mutex::default(),
        }
    }

    /// The place of `bot`, however its letters are written.
    pub(super) fn bot(&self, bot: &str) -> Option<usize> {
        self.bots.iter().position(|known| known.eq_ignore_ascii_case(bot))
    }

    /// How many bots there are.
    pub(super) fn bots(&self) -> usize {
        self.bots.len()
    }

    /// What `bot` is called.
    pub(super) fn uuid(&self, bot: usize) -> &str {
        self.bots.get(bot).map_or("", String::as_str)
    }

    /// Decides what is drawn for `bot`.
    pub(super) fn seed_of(&self, bot: usize) -> u64 {
        generator(self.seed ^ SALT_BOT, u64::try_from(bot).unwrap_or_default()).random()
    }

    /// The messages of `bot` in `window` that reports show at `moment`, oldest first.
    pub(super) fn shown(&self, bot: usize, window: Window, moment: Moment) -> Vec<Key> {
        let Some(seen) = self.history(moment).and_then(|history| history.intersect(&window)) else { return Vec::new() };
        let mut keys = Vec::new();
        for day in seen.days(chrono_tz::UTC) {
            let of_day = self.of_day(bot, day);
            keys.extend(of_day.iter().filter(|key| seen.contains(key.at)));
        }
        keys.extend(self.live.iter().flat_map(|live| live.sent(self.seed_of(bot), seen)));
        let seed = self.seed_of(bot) ^ SALT_LATE;
        keys.retain(|key| moment.shows(key, || generator(seed, key.number).random::<f64>() < self.late, self.late_for));
        keys.sort_unstable();
        keys
    }

    /// From the first message that there may be up to `moment`; `None` where there is none yet.
    pub(super) fn history(&self, moment: Moment) -> Option<Window> {
        let first = self.exactly.keys().next().map_or(self.history_from, |day| midnight(*day).min(self.history_from));
        Window::new(first, just_after(moment.at))
    }

    fn of_day(&self, bot: usize, day: NaiveDate) -> Arc<Vec<Key>> {
        let mut days = self.days.lock().unwrap_or_else(PoisonError::into_inner);
        if days.len() >= DAYS_KEPT && !days.contains_key(&(bot, day)) {
            days.clear();
        }
        let made = days.entry((bot, day)).or_insert_with(|| Arc::new(self.make(bot, day)));
        Arc::clone(made)
    }

    fn make(&self, bot: usize, day: NaiveDate) -> Vec<Key> {
        let mut random = generator(self.seed_of(bot) ^ SALT_DAY, day_number(day));
        let drawn = self.messages_per_day * random.random_range(0.7..1.3) + random.random::<f64>();
        let exactly = self.exactly.get(&day).map(|count| u64::try_from(*count).unwrap_or(u64::MAX));
        let count = exactly.unwrap_or_else(|| whole(drawn)).min(A_DAYS_NUMBERS - 1);
        let mut keys = Vec::new();
        let mut left = count;
        let mut conversation = day_number(day) * A_DAYS_NUMBERS;
        while left > 0 {
            let size = size(left, &mut random);
            keys.extend(talk(midnight(day), conversation, size, &mut random));
            conversation += 1;
            left -= size;
        }
        keys.sort_unstable();
        for (key, number) in keys.iter_mut().zip(day_number(day) * A_DAYS_NUMBERS..) {
            key.number = number;
        }
        if exactly.is_none() {
            keys.retain(|key| key.at >= self.history_from);
        }
        keys
    }
}

impl Moment {
    fn shows(self, key: &Key, is_late: impl FnOnce() -> bool, late_for: TimeDelta) -> bool {
        let arrived = || key.at.checked_add_signed(late_for).is_some_and(|arrives| arrives <= self.at);
        key.at <= self.at && (self.frozen || arrived() || !is_late())
    }
}

impl Live {
    fn sent(&self, seed: u64, window: Window) -> impl Iterator<Item = Key> {
        let first = ((window.from() - self.from).num_milliseconds() / self.every - 1).max(0);
        let last = (window.to() - self.from).num_milliseconds() / self.every;
        let at = move |index: u64| {
            let start = i64::try_from(index).unwrap_or_default().saturating_mul(self.every);
            let late = generator(seed ^ SALT_LIVE, index).random_range(0..self.every);
            self.from + TimeDelta::milliseconds(start + late)
        };
        let keys = (first..=last).filter_map(move |index| {
            let index = u64::try_from(index).ok()?;
            let position = index % A_LIVE_CONVERSATION;
            Some(Key {
                at: at(index),
                number: FIRST_LIVE + index,
                conversation: FIRST_LIVE + index / A_LIVE_CONVERSATION,
                position: u32::try_from(position).unwrap_or_default(),
                began: at(index - position),
            })
        });
        keys.filter(move |key| window.contains(key.at))
    }
}

/// The messages of one conversation of the day that begins at `midnight`; it ends before the day does.
fn talk(midnight: DateTime<Utc>, conversation: u64, size: u64, random: &mut SmallRng) -> Vec<Key> {
    let gaps: Vec<i64> = (1..size).map(|_| random.random_range(1_000_000..LONGEST_GAP)).collect();
    let began = midnight + TimeDelta::microseconds(random.random_range(0..A_DAY - gaps.iter().sum::<i64>()));
    let first = Key { at: began, number: 0, conversation, position: 0, began };
    let mut keys = vec![first];
    for (gap, position) in gaps.into_iter().zip(1u32..) {
        let at = keys.last().map_or(began, |key| key.at) + TimeDelta::microseconds(gap);
        keys.push(Key { at, position, ..first });
    }
    keys
}

/// From 2 to 8 of those `left`, and never all but one of them.
fn size(left: u64, random: &mut SmallRng) -> u64 {
    match random.random_range(2..=8u64) {
        drawn if drawn >= left => left,
        drawn if drawn + 1 == left && drawn == 2 => 3,
        drawn if drawn + 1 == left => drawn - 1,
        drawn => drawn,
    }
}

/// A generator for the `number`th thing drawn from `seed`, unlike that of its neighbours.
pub(super) fn generator(seed: u64, number: u64) -> SmallRng {
    SmallRng::seed_from_u64(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ number.wrapping_mul(0xBF58_476D_1CE4_E5B9))
}

/// The first instant of `day`. The report's days are UTC's.
pub(super) fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(chrono::NaiveTime::MIN).and_utc()
}

/// The whole part of `number`; zero where it has none. By way of seconds, which converts without a cast.
fn whole(number: f64) -> u64 {
    Duration::try_from_secs_f64(number).map_or(0, |seconds| seconds.as_secs())
}

fn day_number(day: NaiveDate) -> u64 {
    u64::try_from(day.signed_duration_since(NaiveDate::default()).num_days()).unwrap_or_default()
}

/// The end of a window that still holds `at`. A millisecond, as windows count days by it.
fn just_after(at: DateTime<Utc>) -> DateTime<Utc> {
    at + TimeDelta::milliseconds(1)
}
