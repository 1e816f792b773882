//! What the vendor holds: which conversations there are, by seed, and when each begins and ends.

use super::config::Config;
use super::draw::{generator, hashed, whole};
use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use domain::window::Window;
use rand::Rng;
use std::sync::Arc;

/// All conversations there ever are, made as they are asked for; none is kept.
pub(super) struct Truth {
    pub(super) seed: u64,
    pub(super) bots: Vec<Bot>,
    pub(super) odd_data: f64,
    pub(super) wide: bool,
    pub(super) canary_phone: Option<String>,
    pub(super) duplicates: f64,
    history_from: NaiveDate,
    conversations_per_day: f64,
    empty_days: f64,
    over_midnight: f64,
    resumed: f64,
    files_per_day: u32,
}

/// A bot, and what tells its draws from another's.
pub(super) struct Bot {
    pub(super) id: String,
    pub(super) salt: u64,
}

/// Which conversation: the `index`th of those of `bot`, by its place, that first end on `day`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) bot: usize,
    pub(super) day: NaiveDate,
    pub(super) index: u64,
}

/// A conversation in one of its states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) key: Key,
    /// Whether as it came again, and not as it first ended.
    pub(super) again: bool,
    /// Whether as it was a little earlier on the day that it ended.
    pub(super) older: bool,
}

/// A day's conversations are numbered from its day since 1970 times this.
const A_DAYS_NUMBERS: u64 = 10_000_000;
/// The latest that a conversation comes again.
const LATEST: u64 = 3;
/// How busy a day is from Monday to Sunday, in percent of the mean.
const WEEKDAYS: [f64; 7] = [125.0, 115.0, 110.0, 110.0, 115.0, 75.0, 50.0];
/// Nothing ends in a day's first ten minutes, so that an older state has room on the same day.
const FIRST_END: i64 = 10 * 60_000;
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
/// Keeps the draws of days, of times and of comings again apart.
const SALT_DAY: u64 = 0xDA15;
const SALT_TIMES: u64 = 0x71E5;
const SALT_AGAIN: u64 = 0xA6A1;

impl Truth {
    pub(super) fn new(config: &Config) -> Self {
        let bots = config.bots.iter().map(|id| Bot { id: id.clone(), salt: hashed(id) }).collect();
        Self {
            seed: config.seed,
            bots,
            odd_data: config.odd_data,
            wide: config.wide,
            canary_phone: config.canary_phone.clone(),
            duplicates: config.duplicates,
            history_from: config.history_from,
            conversations_per_day: config.conversations_per_day,
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

    /// In how many files `day` comes.
    pub(super) fn files(&self, bot: usize, day: NaiveDate) -> u32 {
        let mut random = generator(self.salted(bot, SALT_DAY), day_number(day) + A_DAYS_NUMBERS);
        random.random_range(1..=self.files_per_day)
    }

    /// Each conversation that ends on `day`, once: those that first do, then those that come again.
    pub(super) fn ended(self: &Arc<Self>, bot: usize, day: NaiveDate) -> impl Iterator<Item = Row> + Send + use<> {
        let first = (0..self.count(bot, day)).map(move |index| Row {
            key: Key { bot, day, index },
            again: false,
            older: false,
        });
        let before = if self.resumed > 0.0 { LATEST } else { 0 };
        let truth = Arc::clone(self);
        let again =
            (1..=before).filter_map(move |back| day.checked_sub_days(chrono::Days::new(back))).flat_map(move |born| {
                let truth = Arc::clone(&truth);
                let keys = (0..truth.count(bot, born)).map(move |index| Key { bot, day: born, index });
                let back = keys.filter(move |key| truth.comes_again(*key).is_some_and(|end| end.date_naive() == day));
                back.map(|key| Row { key, again: true, older: false })
            });
        first.chain(again)
    }

    /// The conversations that end in `window`, each only at its latest end, as the files up to that of `newest` tell.
    pub(super) fn held(self: &Arc<Self>, bot: usize, window: Window, newest: NaiveDate) -> impl Iterator<Item = Row> {
        let days = window.days(Tz::UTC).into_iter().filter(move |day| *day <= newest);
        days.flat_map(move |day| self.ended(bot, day)).filter(move |row| {
            let left = !row.again && self.comes_again(row.key).is_some_and(|end| end.date_naive() <= newest);
            !left && window.contains(self.end(*row))
        })
    }

    /// How many first end on `day`.
    pub(super) fn count(&self, bot: usize, day: NaiveDate) -> u64 {
        let mut random = generator(self.salted(bot, SALT_DAY), day_number(day));
        if day < self.history_from || random.random::<f64>() < self.empty_days {
            return 0;
        }
        let weekday = WEEKDAYS.get(day.weekday().num_days_from_monday() as usize).unwrap_or(&100.0);
        let mean = self.conversations_per_day * weekday / 100.0 * random.random_range(0.85..1.15);
        // A whole number whose mean is `mean`, so that a day of 0.3 conversations has one three days out of ten.
        whole(mean + random.random::<f64>()).min(A_DAYS_NUMBERS - 1)
    }

    /// When it begins.
    pub(super) fn start(&self, key: Key) -> DateTime<Utc> {
        self.times(key).0
    }

    /// When it ends in this state.
    pub(super) fn end(&self, row: Row) -> DateTime<Utc> {
        let (start, first) = self.times(row.key);
        let end = if row.again { self.comes_again(row.key).unwrap_or(first) } else { first };
        let since = start.max(midnight(end.date_naive()));
        if row.older { since + TimeDelta::milliseconds((end - since).num_milliseconds() / 2) } else { end }
    }

    /// A number of its own among all of its bot.
    pub(super) fn number(key: Key) -> u64 {
        day_number(key.day) * A_DAYS_NUMBERS + key.index
    }

    /// The seed for the bot's draws of one kind.
    pub(super) fn salted(&self, bot: usize, salt: u64) -> u64 {
        self.seed ^ salt ^ self.bots.get(bot).map_or(0, |bot| bot.salt)
    }

    /// When it ends again, if it ever does.
    fn comes_again(&self, key: Key) -> Option<DateTime<Utc>> {
        if self.resumed <= 0.0 {
            return None;
        }
        let mut random = generator(self.salted(key.bot, SALT_AGAIN), Self::number(key));
        let again = random.random::<f64>() < self.resumed;
        let day = key.day.checked_add_days(chrono::Days::new(random.random_range(1..=LATEST)));
        let end = midnight(day?) + TimeDelta::milliseconds(random.random_range(FIRST_END..24 * HOUR));
        again.then_some(end)
    }

    /// When it begins and first ends. To the millisecond, as fine as the vendor writes.
    fn times(&self, key: Key) -> (DateTime<Utc>, DateTime<Utc>) {
        let mut random = generator(self.salted(key.bot, SALT_TIMES), Self::number(key));
        let midnight = midnight(key.day);
        if random.random::<f64>() < self.over_midnight {
            let start = midnight - TimeDelta::milliseconds(random.random_range(MINUTE..2 * HOUR));
            return (start, midnight + TimeDelta::milliseconds(random.random_range(FIRST_END..3 * HOUR)));
        }
        let end = random.random_range(FIRST_END..24 * HOUR);
        // Most take minutes, a few hours.
        let hours = i64::try_from(whole(6.0 * 3_600_000.0 * random.random::<f64>().powi(3))).unwrap_or_default();
        let length = (4 * MINUTE + hours).min(end - MINUTE);
        (midnight + TimeDelta::milliseconds(end - length), midnight + TimeDelta::milliseconds(end))
    }
}

/// The first instant of `day`.
pub(super) fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}

/// Days since 1970.
pub(super) fn day_number(day: NaiveDate) -> u64 {
    u64::try_from(day.signed_duration_since(NaiveDate::default()).num_days()).unwrap_or_default()
}
