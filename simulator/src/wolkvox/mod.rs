//! Wolkvox: one report, `chat_8`, by time range. What it does is told in the crate's README.

mod answer;
mod chat;
mod config;
mod control;
mod faults;
mod record;
mod routes;
mod row;
mod rules;
mod sheet;
mod truth;

pub use chat::Chat;
pub use config::{Code, Config, Empty};
pub use faults::Faults;
pub use record::{Breach, Kind, Seen};

use axum::Router;
use chrono::{DateTime, Utc};
use domain::clock::Clock;
use domain::window::Window;
use record::Record;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio_util::task::TaskTracker;
use truth::{Moment, Truth};

/// A simulated Wolkvox. A clone is the same one.
#[derive(Clone)]
pub struct Wolkvox {
    inside: Arc<Inside>,
}

struct Inside {
    clock: Arc<dyn Clock>,
    config: Mutex<Config>,
    truth: Arc<Truth>,
    record: Arc<Record>,
    frozen_at: Mutex<Option<DateTime<Utc>>>,
    tasks: TaskTracker,
}

impl Wolkvox {
    /// One that lives by `clock`. Live chats begin now.
    #[must_use]
    pub fn new(config: Config, clock: Arc<dyn Clock>) -> Self {
        let truth = Arc::new(Truth::new(&config, clock.now()));
        let tasks = TaskTracker::new();
        let inside = Inside {
            clock,
            config: Mutex::new(config),
            truth,
            record: Arc::default(),
            frozen_at: Mutex::default(),
            tasks,
        };
        Self { inside: Arc::new(inside) }
    }

    /// `GET /api/v2/reports_manager.php`, and the control routes below `/simulator/`.
    pub fn router(&self) -> Router {
        routes::router(self.clone())
    }

    /// The rows as the vendor holds them now whose chat starts in `window`: one per chat, oldest first.
    #[must_use]
    pub fn truth(&self, window: Window) -> Vec<Chat> {
        let moment = self.moment(self.inside.clock.now());
        let truth = &self.inside.truth;
        truth.started(window, moment).map(|key| truth.row(key, moment)).collect()
    }

    /// How many rows [`Wolkvox::truth`] would give; quick also for years.
    #[must_use]
    pub fn count(&self, window: Window) -> usize {
        self.inside.truth.started(window, self.moment(self.inside.clock.now())).count()
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

    /// The most requests ever under way at once on one token.
    #[must_use]
    pub fn most_in_flight(&self) -> u32 {
        self.inside.record.most_in_flight()
    }

    /// Stops truth at this instant: no chat starts any more, and all that are open close. A second call changes
    /// nothing.
    pub fn freeze(&self) {
        self.frozen_at().get_or_insert_with(|| self.inside.clock.now());
    }

    /// Waits until the vendor works on nothing, also not for callers who have hung up.
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

    /// Changes how long the vendor works, in all and for each thousand rows, from the next request on.
    pub fn set_latency(&self, latency: Duration, per_1000_rows: Duration) {
        let mut config = self.edit();
        config.latency = latency;
        config.latency_per_1000_rows = per_1000_rows;
    }

    /// Changes the daily quota from the next request on.
    pub fn set_daily_quota(&self, daily_quota: Option<u32>) {
        self.edit().daily_quota = daily_quota;
    }

    /// Changes which tokens are good from the next request on. A token is known by its place.
    pub fn set_tokens(&self, tokens: Vec<String>) {
        self.edit().tokens = tokens;
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

    fn moment(&self, now: DateTime<Utc>) -> Moment {
        let frozen_at = *self.frozen_at();
        Moment { at: frozen_at.unwrap_or(now), frozen: frozen_at.is_some() }
    }
}
