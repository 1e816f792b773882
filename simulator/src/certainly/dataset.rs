//! The dataset: which messages there are, by seed, and when each was sent.

use super::config::Config;
use crate::calendar::{AsOf, DayCache, LiveSchedule, daily_count, day_number, just_after, utc_midnight};
use crate::gateway::{Deletions, RowNumber};
use crate::random::{generator, happens};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::window::Window;
use rand::Rng;
use rand::rngs::SmallRng;
use std::collections::BTreeMap;
use std::sync::Arc;

/// All messages, generated on demand.
pub(super) struct Dataset {
    pub(super) seed: u64,
    bots: Vec<String>,
    history_from: DateTime<Utc>,
    messages_per_day: f64,
    exact_days: BTreeMap<NaiveDate, usize>,
    late: f64,
    late_for: TimeDelta,
    live: Option<LiveSchedule>,
    days: DayCache<(usize, NaiveDate), MessageKey>,
    deletions: Arc<Deletions>,
}

/// A message of a bot, by its time and number, with its position in its conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct MessageKey {
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

impl MessageKey {
    /// The message as a row that users of `bot` can delete.
    pub(super) fn row(&self, bot: usize) -> RowNumber {
        RowNumber { bot, number: self.number }
    }
}

/// The first number of a day is its day since 1970 times this.
const NUMBERS_PER_DAY: u64 = 1_000_000;
/// The number of the first live message: eleven digits, above the numbers of all days until the year 2216.
const FIRST_LIVE: u64 = 90_000_000_000;
/// Live messages make conversations of so many.
const LIVE_CONVERSATION: u64 = 4;
/// Days kept once made.
const CACHED_DAYS: usize = 64;
/// The longest that a conversation goes on without a message, in microseconds.
const LONGEST_GAP: i64 = 90_000_000;
const MICROSECONDS_PER_DAY: i64 = 86_400_000_000;
const SALT_DAY: u64 = 0xDA15;
const SALT_BOT: u64 = 0x0B07;
const SALT_LATE: u64 = 0x1A7E;

impl Dataset {
    pub(super) fn new(config: &Config, started: DateTime<Utc>, deletions: Arc<Deletions>) -> Self {
        Self {
            seed: config.seed,
            bots: config.bots.clone(),
            history_from: config.history_from,
            messages_per_day: config.messages_per_day,
            exact_days: config.days.clone(),
            late: config.late,
            late_for: TimeDelta::from_std(config.late_for).unwrap_or(TimeDelta::MAX),
            live: LiveSchedule::new(started, config.live_every),
            days: DayCache::new(CACHED_DAYS),
            deletions,
        }
    }

    /// The place of `bot`, in capitals or small letters.
    pub(super) fn bot(&self, bot: &str) -> Option<usize> {
        self.bots.iter().position(|known| known.eq_ignore_ascii_case(bot))
    }

    /// The number of bots.
    pub(super) fn bots(&self) -> usize {
        self.bots.len()
    }

    /// The UUID of the bot at that place.
    pub(super) fn uuid(&self, bot: usize) -> &str {
        self.bots.get(bot).map_or("", String::as_str)
    }

    /// The seed of the bot's draws.
    pub(super) fn seed_of(&self, bot: usize) -> u64 {
        generator(self.seed ^ SALT_BOT, u64::try_from(bot).unwrap_or_default()).random()
    }

    /// The messages of `bot` in `window` that reports show as of `as_of`, oldest first.
    pub(super) fn visible(&self, bot: usize, window: Window, as_of: AsOf) -> Vec<MessageKey> {
        let mut keys = self.ever_visible(bot, window, as_of);
        keys.retain(|key| !self.deletions.contains(key.row(bot)));
        keys
    }

    /// The messages of `bot` in `window` that reports would show as of `as_of`, had users not deleted them; oldest first.
    pub(super) fn deleted(&self, bot: usize, window: Window, as_of: AsOf) -> Vec<MessageKey> {
        let mut keys = self.ever_visible(bot, window, as_of);
        keys.retain(|key| self.deletions.contains(key.row(bot)));
        keys
    }

    /// The messages of both.
    fn ever_visible(&self, bot: usize, window: Window, as_of: AsOf) -> Vec<MessageKey> {
        let Some(visible) = self.history(as_of).and_then(|history| history.intersect(&window)) else {
            return Vec::new();
        };
        let mut keys = Vec::new();
        for day in visible.days(chrono_tz::UTC) {
            let of_day = self.of_day(bot, day);
            keys.extend(of_day.iter().filter(|key| visible.contains(key.at)));
        }
        keys.extend(self.live.iter().flat_map(|live| live_messages(*live, self.seed_of(bot), visible)));
        let seed = self.seed_of(bot) ^ SALT_LATE;
        keys.retain(|key| key.at <= as_of.at && (as_of.frozen || !self.is_hidden(key, seed, as_of)));
        keys.sort_unstable();
        keys
    }

    /// The window that contains all messages as of `as_of`; `None` where history begins later.
    pub(super) fn history(&self, as_of: AsOf) -> Option<Window> {
        let first =
            self.exact_days.keys().next().map_or(self.history_from, |day| utc_midnight(*day).min(self.history_from));
        Window::new(first, just_after(as_of.at))
    }

    fn of_day(&self, bot: usize, day: NaiveDate) -> Arc<Vec<MessageKey>> {
        self.days.get((bot, day), || self.generate(bot, day))
    }

    fn generate(&self, bot: usize, day: NaiveDate) -> Vec<MessageKey> {
        let mut random = generator(self.seed_of(bot) ^ SALT_DAY, day_number(day));
        let drawn = daily_count(self.messages_per_day, &mut random);
        let exactly = self.exact_days.get(&day).map(|count| u64::try_from(*count).unwrap_or(u64::MAX));
        let count = exactly.unwrap_or(drawn).min(NUMBERS_PER_DAY - 1);
        let mut keys = Vec::new();
        let mut left = count;
        let mut conversation = day_number(day) * NUMBERS_PER_DAY;
        while left > 0 {
            let size = conversation_size(left, &mut random);
            keys.extend(conversation_messages(utc_midnight(day), conversation, size, &mut random));
            conversation += 1;
            left -= size;
        }
        keys.sort_unstable();
        for (key, number) in keys.iter_mut().zip(day_number(day) * NUMBERS_PER_DAY..) {
            key.number = number;
        }
        if exactly.is_none() {
            keys.retain(|key| key.at >= self.history_from);
        }
        keys
    }

    /// Whether reports do not show the message yet, because it is late.
    fn is_hidden(&self, key: &MessageKey, seed: u64, as_of: AsOf) -> bool {
        let has_arrived = key.at.checked_add_signed(self.late_for).is_some_and(|arrives| arrives <= as_of.at);
        !has_arrived && happens(self.late, &mut generator(seed, key.number))
    }
}

/// The live messages of the bot with that seed, in conversations of equal length.
fn live_messages(live: LiveSchedule, seed: u64, window: Window) -> impl Iterator<Item = MessageKey> {
    let keys = live.indices(window, TimeDelta::zero()).filter_map(move |index| {
        let at = |index: u64| live.item(seed, index).map(|(at, _)| at);
        let position = index % LIVE_CONVERSATION;
        Some(MessageKey {
            at: at(index)?,
            number: FIRST_LIVE + index,
            conversation: FIRST_LIVE + index / LIVE_CONVERSATION,
            position: u32::try_from(position).unwrap_or_default(),
            began: at(index - position)?,
        })
    });
    keys.filter(move |key| window.contains(key.at))
}

/// The messages of one conversation on the day that begins at `midnight`; it ends before the day does.
fn conversation_messages(
    midnight: DateTime<Utc>,
    conversation: u64,
    size: u64,
    random: &mut SmallRng,
) -> Vec<MessageKey> {
    let gaps: Vec<i64> = (1..size).map(|_| random.random_range(1_000_000..LONGEST_GAP)).collect();
    let began =
        midnight + TimeDelta::microseconds(random.random_range(0..MICROSECONDS_PER_DAY - gaps.iter().sum::<i64>()));
    let first = MessageKey { at: began, number: 0, conversation, position: 0, began };
    let mut keys = vec![first];
    for (gap, position) in gaps.into_iter().zip(1u32..) {
        let at = keys.last().map_or(began, |key| key.at) + TimeDelta::microseconds(gap);
        keys.push(MessageKey { at, position, ..first });
    }
    keys
}

/// The size of a conversation: 2 to 8 of the `left` messages, and never all but one of them.
fn conversation_size(left: u64, random: &mut SmallRng) -> u64 {
    match random.random_range(2..=8u64) {
        drawn if drawn >= left => left,
        drawn if drawn + 1 == left && drawn == 2 => 3,
        drawn if drawn + 1 == left => drawn - 1,
        drawn => drawn,
    }
}
