//! The dataset: which chats there are, by seed, and when each starts.

use super::config::Config;
use crate::calendar::{AsOf, DayCache, LiveSchedule, day_number, just_after, weekday_count};
use crate::gateway::{Deletions, RowNumber};
use crate::random::{generator, whole};
use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use domain::window::Window;
use rand::Rng;
use rand::rngs::SmallRng;
use std::sync::Arc;
use std::time::Duration;

/// All chats, generated on demand.
pub(super) struct Dataset {
    pub(super) seed: u64,
    pub(super) zone: Tz,
    pub(super) closes_after: Duration,
    pub(super) blank_ids: f64,
    pub(super) canary_phone: Option<String>,
    /// Customers to choose from; comfortably more than a day has chats.
    pub(super) customers: u64,
    history_from: DateTime<Utc>,
    chats_per_day: f64,
    even_days: bool,
    live: Option<LiveSchedule>,
    days: DayCache<NaiveDate, DateTime<Utc>>,
    deletions: Arc<Deletions>,
}

/// A chat, by its start and number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ChatKey {
    /// In whole seconds, as the vendor writes it.
    pub(super) start: DateTime<Utc>,
    /// Unique over all chats; also its `conn_id`.
    pub(super) number: u64,
}

impl ChatKey {
    /// The chat as a row that users can delete.
    pub(super) fn row(self) -> RowNumber {
        RowNumber { bot: 0, number: self.number }
    }
}

/// The first number of a day is its day since 1970 times this.
pub(super) const NUMBERS_PER_DAY: u64 = 1_000_000;
/// The number of the first live chat: eleven digits as well, above the numbers of all days until the year 2216.
pub(super) const FIRST_LIVE: u64 = 90_000_000_000;
/// At 20,000 chats a day the cached days take some 16 MB.
const CACHED_DAYS: usize = 64;
/// How busy each hour of a day is, from midnight.
const HOURS: [u32; 24] = [3, 2, 1, 1, 1, 2, 6, 20, 55, 80, 90, 85, 70, 68, 82, 85, 80, 70, 52, 40, 30, 20, 10, 5];
const SALT_DAY: u64 = 0xDA15;

impl Dataset {
    pub(super) fn new(config: &Config, started: DateTime<Utc>, deletions: Arc<Deletions>) -> Self {
        Self {
            seed: config.seed,
            zone: config.zone,
            closes_after: config.closes_after,
            blank_ids: config.blank_ids,
            canary_phone: config.canary_phone.clone(),
            customers: whole(config.chats_per_day * 3.0).max(50),
            history_from: config.history_from,
            chats_per_day: config.chats_per_day,
            even_days: config.even_days,
            live: LiveSchedule::new(started, config.live_every),
            days: DayCache::new(CACHED_DAYS),
            deletions,
        }
    }

    /// The window that contains all chats as of `as_of`; `None` where history begins later.
    pub(super) fn history(&self, as_of: AsOf) -> Option<Window> {
        Window::new(self.history_from, just_after(as_of.at))
    }

    /// The chats that start in `window` and not after `as_of`, without the deleted ones, oldest first.
    pub(super) fn started(&self, window: Window, as_of: AsOf) -> impl Iterator<Item = ChatKey> {
        self.ever_started(window, as_of).filter(move |key| !self.deletions.contains(key.row()))
    }

    /// The deleted chats that start in `window` and not after `as_of`, oldest first.
    pub(super) fn deleted(&self, window: Window, as_of: AsOf) -> impl Iterator<Item = ChatKey> {
        self.ever_started(window, as_of).filter(move |key| self.deletions.contains(key.row()))
    }

    /// The chats of both.
    fn ever_started(&self, window: Window, as_of: AsOf) -> impl Iterator<Item = ChatKey> {
        let visible = self.history(as_of).and_then(|history| history.intersect(&window));
        let days = visible.map(|visible| visible.days(self.zone)).unwrap_or_default();
        days.into_iter().flat_map(move |day| visible.map(|visible| self.of_day(day, visible)).unwrap_or_default())
    }

    /// The chats whose start, on the vendor's wall clock, lies in `[first, last]`. The vendor compares the text of the
    /// wall clock, so a range in an hour that the clocks repeat finds both hours.
    pub(super) fn on_wall_clock(
        &self,
        first: NaiveDateTime,
        last: NaiveDateTime,
        as_of: AsOf,
    ) -> impl Iterator<Item = ChatKey> {
        // Wide enough for any change of clocks; the wall clock then decides.
        let margin = TimeDelta::hours(3);
        let low = self.zone.from_local_datetime(&first).earliest().map(|local| local.to_utc() - margin);
        let high = self.zone.from_local_datetime(&last).latest().map(|local| local.to_utc() + margin);
        let low = low.unwrap_or_else(|| first.and_utc() - TimeDelta::hours(15));
        let high = high.unwrap_or_else(|| last.and_utc() + TimeDelta::hours(15));
        let candidates = Window::new(low, high).into_iter().flat_map(move |window| self.started(window, as_of));
        candidates.filter(move |key| (first..=last).contains(&self.wall_clock(key.start)))
    }

    /// The vendor's wall clock at `at`.
    pub(super) fn wall_clock(&self, at: DateTime<Utc>) -> NaiveDateTime {
        at.with_timezone(&self.zone).naive_local()
    }

    fn of_day(&self, day: NaiveDate, visible: Window) -> Vec<ChatKey> {
        let Some(window) = Window::of_day(day, self.zone).and_then(|day| day.intersect(&visible)) else {
            return Vec::new();
        };
        let starts = self.days.get(day, || self.generate(day));
        let numbers = day_number(day) * NUMBERS_PER_DAY..;
        let skipped = starts.partition_point(|start| *start < window.from());
        let planned = starts.iter().zip(numbers).skip(skipped);
        let planned = planned.map(|(start, number)| ChatKey { start: *start, number });
        let mut keys: Vec<ChatKey> = planned.take_while(|key| key.start < window.to()).collect();
        keys.extend(self.live.iter().flat_map(|live| self.live_chats(live, window)));
        keys.sort_unstable();
        keys
    }

    /// The starts of the chats of `day`, oldest first.
    fn generate(&self, day: NaiveDate) -> Vec<DateTime<Utc>> {
        let Some(window) = Window::of_day(day, self.zone) else { return Vec::new() };
        let mut random = generator(self.seed ^ SALT_DAY, day_number(day));
        let count = weekday_count(self.chats_per_day, day, self.even_days, &mut random).min(NUMBERS_PER_DAY - 1);
        let length = window.span().to_std().unwrap_or_default();
        let starts = (0..count).map(|_| {
            // As a share of the day and not as an hour of it: days have 23 or 25 hours where clocks change.
            let into = length.mul_f64((f64::from(busy_hour(&mut random)) + random.random::<f64>()) / 24.0);
            window.from() + TimeDelta::seconds(i64::try_from(into.as_secs()).unwrap_or_default())
        });
        let mut starts: Vec<_> = starts.filter(|start| *start < window.to()).collect();
        starts.sort_unstable();
        starts
    }

    fn live_chats(&self, live: &LiveSchedule, window: Window) -> impl Iterator<Item = ChatKey> {
        let (live, seed) = (*live, self.seed);
        // A start is rounded down to its second.
        let keys = live.indices(window, TimeDelta::seconds(1)).filter_map(move |index| {
            let (at, _) = live.item(seed, index)?;
            let start = at - TimeDelta::nanoseconds(i64::from(at.timestamp_subsec_nanos()));
            Some(ChatKey { start, number: FIRST_LIVE + index })
        });
        keys.filter(move |key| window.contains(key.start))
    }
}

fn busy_hour(random: &mut SmallRng) -> u32 {
    let mut left = random.random_range(0..HOURS.iter().sum());
    let hour = (0u32..).zip(HOURS).find(|(_, busy)| {
        let found = left < *busy;
        left = left.saturating_sub(*busy);
        found
    });
    hour.map_or(12, |(hour, _)| hour)
}
