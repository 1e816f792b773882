//! Certainly: one report, its messages, by bot and days; by GET up to a cap, by POST as a mail. What it does is told
//! in the crate's README.

mod answer;
mod config;
mod control;
mod exports;
mod faults;
mod fewest;
mod letter;
mod maildir;
mod message;
mod record;
mod routes;
mod rules;
mod sheet;
mod spelling;
mod style;
mod talk;
mod token;
mod truth;

pub use config::{Busy, Config, Ids, Mail, Order, OverCap, TooWide, Wrapper};
pub use exports::{Export, State};
pub use faults::Faults;
pub use maildir::make_maildir;
pub use message::{BotModule, BotUser, BotUserMeta, Bubble, Connection, Kpi, Message, Web};
pub use record::{Breach, Kind, Method, Seen};

use axum::Router;
use chrono::{DateTime, NaiveDate, Utc};
use domain::clock::Clock;
use domain::window::Window;
use exports::Exports;
use record::Record;
use sheet::Sheet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use style::Style;
use tokio_util::task::TaskTracker;
use truth::{Moment, Truth};

/// A simulated Certainly. A clone is the same one.
#[derive(Clone)]
pub struct Certainly {
    inside: Arc<Inside>,
}

struct Inside {
    clock: Arc<dyn Clock>,
    config: Mutex<Config>,
    truth: Truth,
    record: Arc<Record>,
    exports: Exports,
    frozen_at: Mutex<Option<DateTime<Utc>>>,
    tasks: TaskTracker,
}

impl Certainly {
    /// One that lives by `clock`. Live messages begin now.
    #[must_use]
    pub fn new(mut config: Config, clock: Arc<dyn Clock>) -> Self {
        if config.tokens.is_empty() {
            config.tokens = vec![config.token()];
        }
        let truth = Truth::new(&config, clock.now());
        let inside = Inside {
            clock,
            config: Mutex::new(config),
            truth,
            record: Arc::default(),
            exports: Exports::default(),
            frozen_at: Mutex::default(),
            tasks: TaskTracker::new(),
        };
        Self { inside: Arc::new(inside) }
    }

    /// `GET` and `POST` of `/api/frontend/reports/messages/` and `/api/reports/messages/`, and the control routes
    /// below `/simulator/`.
    pub fn router(&self) -> Router {
        routes::router(self.clone())
    }

    /// The messages of `bot` in `window` that reports show now, oldest first; none for an unknown bot.
    #[must_use]
    pub fn truth(&self, bot: &str, window: Window) -> Vec<Message> {
        self.inside.truth.bot(bot).map(|bot| self.shown(bot, window)).unwrap_or_default()
    }

    /// How many messages [`Certainly::truth`] would give; quick also for years.
    #[must_use]
    pub fn count(&self, bot: &str, window: Window) -> usize {
        let truth = &self.inside.truth;
        let moment = self.moment(self.now());
        truth.bot(bot).map_or(0, |bot| truth.shown(bot, window, moment).len())
    }

    /// The messages of [`Certainly::truth`] as a CSV file, in the style of `style_seed`: no two styles mean another
    /// thing.
    #[must_use]
    pub fn csv(&self, bot: &str, window: Window, style_seed: u64) -> Vec<u8> {
        Sheet::new(&self.truth(bot, window), &Style::drawn(style_seed), self.config().ragged).whole()
    }

    /// The least number of GETs, each of at most `longest_days` calendar days and under `row_cap` rows, that someone
    /// who knew each day's count would need for the days from `first_day` to `last_day`, both included, that are under
    /// the cap. Days at or over the cap are left to the export. Empty days count: they have to be asked for too.
    #[must_use]
    pub fn fewest_gets(&self, bot: &str, first_day: NaiveDate, last_day: NaiveDate) -> usize {
        let config = self.config();
        // Where `toDate` is left out, the widest question holds a day less.
        let longest = config.longest_days.saturating_sub(u32::from(config.exclusive_to));
        let days = first_day.iter_days().take_while(|day| *day <= last_day);
        let counts = days.map(|day| Window::of_day(day, chrono_tz::UTC).map_or(0, |day| self.count(bot, day)));
        fewest::spans(counts, usize::try_from(longest).unwrap_or(usize::MAX), config.row_cap)
    }

    /// Each rule broken, in order.
    #[must_use]
    pub fn breaches(&self) -> Vec<Breach> {
        self.inside.record.breaches()
    }

    /// Each request for a report, in order of arrival.
    #[must_use]
    pub fn requests(&self) -> Vec<Seen> {
        self.inside.record.seen()
    }

    /// Each export that was accepted, in order.
    #[must_use]
    pub fn exports(&self) -> Vec<Export> {
        self.inside.exports.all()
    }

    /// POSTs that came while an export of their token was under way. No breach: after a crash a caller may not know.
    #[must_use]
    pub fn busy_count(&self) -> usize {
        self.inside.record.busy_count()
    }

    /// The mails delivered since they were last taken, where [`Mail::Held`] keeps them.
    #[must_use]
    pub fn take_mail(&self) -> Vec<Vec<u8>> {
        self.inside.exports.take_mail()
    }

    /// The most requests ever under way at once on one token.
    #[must_use]
    pub fn most_in_flight(&self) -> u32 {
        self.inside.record.most_in_flight()
    }

    /// Stops truth at this instant: no message is sent any more, and none is missing from reports. A second call
    /// changes nothing.
    pub fn freeze(&self) {
        self.frozen_at().get_or_insert_with(|| self.inside.clock.now());
    }

    /// Waits until the vendor works on nothing, also not for callers who have hung up: every export is made, and every
    /// mail that comes has come, the late ones too.
    pub async fn idle(&self) {
        self.inside.tasks.close();
        self.inside.tasks.wait().await;
        self.inside.tasks.reopen();
    }

    /// Changes what goes wrong from the next request on.
    pub fn set_faults(&self, faults: Faults) {
        self.edit().faults = faults;
    }

    /// Changes the row cap from the next request on.
    pub fn set_row_cap(&self, row_cap: usize) {
        self.edit().row_cap = row_cap;
    }

    /// Changes how long the vendor works on a request and on an export, from the next request on.
    pub fn set_latency(&self, latency: Duration, export_takes: Duration) {
        let mut config = self.edit();
        (config.latency, config.post_latency) = (latency, latency);
        config.export_takes = export_takes;
    }

    /// Changes how long the vendor works on a question for an export, from the next one on.
    pub fn set_post_latency(&self, latency: Duration) {
        self.edit().post_latency = latency;
    }

    /// Changes which tokens are good from the next request on. A token is known by its place.
    pub fn set_tokens(&self, tokens: Vec<String>) {
        self.edit().tokens = tokens;
    }

    /// The tokens that are good.
    #[must_use]
    pub fn tokens(&self) -> Vec<String> {
        self.config().tokens
    }

    fn shown(&self, bot: usize, window: Window) -> Vec<Message> {
        let truth = &self.inside.truth;
        let keys = truth.shown(bot, window, self.moment(self.now()));
        keys.into_iter().map(|key| truth.message(bot, key)).collect()
    }

    fn config(&self) -> Config {
        self.edit().clone()
    }

    fn edit(&self) -> MutexGuard<'_, Config> {
        self.inside.config.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn frozen_at(&self) -> MutexGuard<'_, Option<DateTime<Utc>>> {
        self.inside.frozen_at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> DateTime<Utc> {
        self.inside.clock.now()
    }

    fn moment(&self, now: DateTime<Utc>) -> Moment {
        let frozen_at = *self.frozen_at();
        Moment { at: frozen_at.unwrap_or(now), frozen: frozen_at.is_some() }
    }
}
