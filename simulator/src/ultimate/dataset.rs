//! The dataset: which conversations there are, by seed, and when each begins and ends.

use super::config::Config;
use crate::calendar::{day_number, utc_midnight, weekday_count};
use crate::random::{generator, happens, hash, whole};
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use domain::window::Window;
use rand::Rng;
use std::sync::Arc;

/// All conversations, generated on demand and never kept.
pub(super) struct Dataset {
    pub(super) seed: u64,
    pub(super) bots: Vec<Bot>,
    pub(super) odd_data: f64,
    pub(super) wide: bool,
    pub(super) canary_phone: Option<String>,
    pub(super) duplicates: f64,
    history_from: NaiveDate,
    conversations_per_day: f64,
    even_days: bool,
    empty_days: f64,
    over_midnight: f64,
    resumed: f64,
    files_per_day: u32,
}

/// A bot, with the salt of its draws.
pub(super) struct Bot {
    pub(super) id: String,
    pub(super) salt: u64,
}

/// A conversation: number `index` of those of `bot`, by its place, that first end on `day`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ConversationKey {
    pub(super) bot: usize,
    pub(super) day: NaiveDate,
    pub(super) index: u64,
}

/// A conversation in one of its states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StateKey {
    pub(super) key: ConversationKey,
    /// Whether after it resumed, and not at its first end.
    pub(super) resumed: bool,
    /// Whether a little earlier, on the day of that end.
    pub(super) older: bool,
}

/// The first number of a day is its day since 1970 times this.
const NUMBERS_PER_DAY: u64 = 10_000_000;
/// The most days after which a conversation ends again.
const MAX_RESUME_DAYS: u64 = 3;
/// No conversation ends in the first ten minutes of a day, so that an older state fits on the same day.
const FIRST_END: i64 = 10 * 60_000;
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const SALT_DAY: u64 = 0xDA15;
const SALT_TIMES: u64 = 0x71E5;
const SALT_RESUME: u64 = 0xA6A1;

impl Dataset {
    pub(super) fn new(config: &Config) -> Self {
        let bots = config.bots.iter().map(|id| Bot { id: id.clone(), salt: hash(id) }).collect();
        Self {
            seed: config.seed,
            bots,
            odd_data: config.odd_data,
            wide: config.wide,
            canary_phone: config.canary_phone.clone(),
            duplicates: config.duplicates,
            history_from: config.history_from,
            conversations_per_day: config.conversations_per_day,
            even_days: config.even_days,
            empty_days: config.empty_days,
            over_midnight: config.over_midnight,
            resumed: config.resumed,
            files_per_day: config.files_per_day.max(1),
        }
    }

    /// The bot's place.
    pub(super) fn bot(&self, id: &str) -> Option<usize> {
        self.bots.iter().position(|bot| bot.id == id)
    }

    /// The number of files of `day`.
    pub(super) fn file_count(&self, bot: usize, day: NaiveDate) -> u32 {
        let mut random = generator(self.salted(bot, SALT_DAY), day_number(day) + NUMBERS_PER_DAY);
        random.random_range(1..=self.files_per_day)
    }

    /// The conversations that end on `day`, each once: first ends, then ends after a resumption.
    pub(super) fn ending_on(
        self: &Arc<Self>,
        bot: usize,
        day: NaiveDate,
    ) -> impl Iterator<Item = StateKey> + Send + use<> {
        let first = (0..self.count(bot, day)).map(move |index| StateKey {
            key: ConversationKey { bot, day, index },
            resumed: false,
            older: false,
        });
        let before = if self.resumed > 0.0 { MAX_RESUME_DAYS } else { 0 };
        let dataset = Arc::clone(self);
        let resumed =
            (1..=before).filter_map(move |back| day.checked_sub_days(Days::new(back))).flat_map(move |born| {
                let dataset = Arc::clone(&dataset);
                let keys = (0..dataset.count(bot, born)).map(move |index| ConversationKey { bot, day: born, index });
                let ending =
                    keys.filter(move |key| dataset.second_end(*key).is_some_and(|end| end.date_naive() == day));
                ending.map(|key| StateKey { key, resumed: true, older: false })
            });
        first.chain(resumed)
    }

    /// The conversations whose latest end, by the files up to `newest`, is in `window`.
    pub(super) fn latest_states(
        self: &Arc<Self>,
        bot: usize,
        window: Window,
        newest: NaiveDate,
    ) -> impl Iterator<Item = StateKey> {
        let days = window.days(Tz::UTC).into_iter().filter(move |day| *day <= newest);
        days.flat_map(move |day| self.ending_on(bot, day)).filter(move |state| {
            let is_outdated =
                !state.resumed && self.second_end(state.key).is_some_and(|end| end.date_naive() <= newest);
            !is_outdated && window.contains(self.end(*state))
        })
    }

    /// The number of conversations that first end on `day`.
    pub(super) fn count(&self, bot: usize, day: NaiveDate) -> u64 {
        let mut random = generator(self.salted(bot, SALT_DAY), day_number(day));
        if day < self.history_from || happens(self.empty_days, &mut random) {
            return 0;
        }
        weekday_count(self.conversations_per_day, day, self.even_days, &mut random).min(NUMBERS_PER_DAY - 1)
    }

    /// When it begins.
    pub(super) fn start(&self, key: ConversationKey) -> DateTime<Utc> {
        self.times(key).0
    }

    /// When it ends in this state.
    pub(super) fn end(&self, state: StateKey) -> DateTime<Utc> {
        let (start, first) = self.times(state.key);
        let end = if state.resumed { self.second_end(state.key).unwrap_or(first) } else { first };
        let since = start.max(utc_midnight(end.date_naive()));
        if state.older { since + TimeDelta::milliseconds((end - since).num_milliseconds() / 2) } else { end }
    }

    /// A number that is unique in its bot.
    pub(super) fn number(key: ConversationKey) -> u64 {
        day_number(key.day) * NUMBERS_PER_DAY + key.index
    }

    /// The seed of the bot's draws under `salt`.
    pub(super) fn salted(&self, bot: usize, salt: u64) -> u64 {
        self.seed ^ salt ^ self.bots.get(bot).map_or(0, |bot| bot.salt)
    }

    /// Its end after it resumed, if it does.
    fn second_end(&self, key: ConversationKey) -> Option<DateTime<Utc>> {
        if self.resumed <= 0.0 {
            return None;
        }
        let mut random = generator(self.salted(key.bot, SALT_RESUME), Self::number(key));
        let resumes = happens(self.resumed, &mut random);
        let day = key.day.checked_add_days(Days::new(random.random_range(1..=MAX_RESUME_DAYS)));
        let end = utc_midnight(day?) + TimeDelta::milliseconds(random.random_range(FIRST_END..24 * HOUR));
        resumes.then_some(end)
    }

    /// When it begins and first ends, to the millisecond.
    fn times(&self, key: ConversationKey) -> (DateTime<Utc>, DateTime<Utc>) {
        let mut random = generator(self.salted(key.bot, SALT_TIMES), Self::number(key));
        let midnight = utc_midnight(key.day);
        if happens(self.over_midnight, &mut random) {
            let start = midnight - TimeDelta::milliseconds(random.random_range(MINUTE..2 * HOUR));
            return (start, midnight + TimeDelta::milliseconds(random.random_range(FIRST_END..3 * HOUR)));
        }
        let end = random.random_range(FIRST_END..24 * HOUR);
        // Most take minutes, a few take hours.
        let hours = i64::try_from(whole(6.0 * 3_600_000.0 * random.random::<f64>().powi(3))).unwrap_or_default();
        let length = (4 * MINUTE + hours).min(end - MINUTE);
        (midnight + TimeDelta::milliseconds(end - length), midnight + TimeDelta::milliseconds(end))
    }
}
