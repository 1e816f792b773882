//! Wolkvox: the report `chat_8` by time range. The crate's README lists its rules and switches.

mod chat;
mod config;
mod dataset;
mod lifecycle;
mod quota;
mod report;
mod row_stream;
mod rules;
mod token_info;

pub use chat::Chat;
pub use config::{CodeStyle, Config, EmptyAnswer, WolkvoxFaults};
pub use rules::{OVER_QUOTA, UNKNOWN_REPORT};

use crate::catalog::{VendorEntry, VendorOptions};
use crate::gateway::{Faults, Gateway, RowNumber, Switches, control_routes};
use crate::vendor::SimulatedVendor;
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use chrono::TimeDelta;
use dataset::{ChatKey, Dataset};
use domain::clock::Clock;
use domain::window::Window;
use futures::{StreamExt, stream};
use quota::DailyCounters;
use row_stream::{ChatRows, RowKey};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;

/// A simulated Wolkvox. Clones share one state.
#[derive(Clone)]
pub struct Wolkvox {
    inner: Arc<Inner>,
}

struct Inner {
    gateway: Gateway,
    config: Switches<Config>,
    dataset: Arc<Dataset>,
    counters: DailyCounters,
}

/// The entry in [`crate::VENDORS`].
pub(crate) const ENTRY: VendorEntry = VendorEntry {
    name: "wolkvox",
    title: "Wolkvox",
    summary: "Report of chats",
    posts_webhooks: false,
    create: |options, clock| Ok(Box::new(Wolkvox::new(configure(options, &*clock), clock))),
};

fn configure(options: &VendorOptions, clock: &dyn Clock) -> Config {
    let default = Config::default();
    Config {
        seed: options.seed,
        tokens: vec![options.token.clone()],
        chats_per_day: options.items_per_day.unwrap_or(400.0),
        history_from: clock.now() - TimeDelta::days(options.history_days),
        live_every: options.live_every,
        row_cap: options.row_cap.unwrap_or(default.row_cap),
        latency: options.latency.unwrap_or(default.latency),
        faults: options.faults.clone(),
        ..default
    }
}

impl Wolkvox {
    /// A vendor that reads the time from `clock`. Live chats begin now.
    #[must_use]
    pub fn new(config: Config, clock: Arc<dyn Clock>) -> Self {
        let started = clock.now();
        let gateway = Gateway::new(config.seed, clock);
        let dataset = Arc::new(Dataset::new(&config, started, Arc::clone(gateway.deletions())));
        let counters = DailyCounters::default();
        Self { inner: Arc::new(Inner { gateway, config: Switches::new(config), dataset, counters }) }
    }

    /// The rows of the chats that start in `window`, as the vendor holds them now: one per chat, oldest first.
    #[must_use]
    pub fn dataset(&self, window: Window) -> Vec<Chat> {
        let as_of = self.inner.gateway.as_of(self.inner.gateway.now());
        let dataset = &self.inner.dataset;
        dataset.started(window, as_of).map(|key| dataset.chat(key, as_of)).collect()
    }

    /// The rows of the chats that start in `window` and that users have deleted, oldest first.
    #[must_use]
    pub fn deleted(&self, window: Window) -> Vec<Chat> {
        let as_of = self.inner.gateway.as_of(self.inner.gateway.now());
        let dataset = &self.inner.dataset;
        dataset.deleted(window, as_of).map(|key| dataset.chat(key, as_of)).collect()
    }

    /// The number of rows in [`Wolkvox::dataset`]; fast for years as well.
    #[must_use]
    pub fn count(&self, window: Window) -> usize {
        let as_of = self.inner.gateway.as_of(self.inner.gateway.now());
        self.inner.dataset.started(window, as_of).count()
    }

    /// Replaces the faults that only Wolkvox has, from the next request on.
    pub fn set_wolkvox_faults(&self, faults: WolkvoxFaults) {
        self.inner.config.edit().wolkvox_faults = faults;
    }

    /// Changes the row cap from the next request on.
    pub fn set_row_cap(&self, row_cap: usize) {
        self.inner.config.edit().row_cap = row_cap;
    }

    /// Changes the latency of a request and of each thousand rows, from the next request on.
    pub fn set_latency(&self, latency: Duration, per_1000_rows: Duration) {
        let mut config = self.inner.config.edit();
        config.latency = latency;
        config.latency_per_1000_rows = per_1000_rows;
    }

    /// Changes the daily quota from the next request on.
    pub fn set_daily_quota(&self, daily_quota: Option<u32>) {
        self.inner.config.edit().daily_quota = daily_quota;
    }

    /// Changes the accepted tokens from the next request on. A token is identified by its place in the list.
    pub fn set_tokens(&self, tokens: Vec<String>) {
        self.inner.config.edit().tokens = tokens;
    }
}

impl SimulatedVendor for Wolkvox {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn gateway(&self) -> &Gateway {
        &self.inner.gateway
    }

    /// `GET /api/v2/reports_manager.php`, `GET /api/v2/information.php` and the control routes.
    fn router(&self) -> Router {
        let calls = Router::new()
            .route("/api/v2/reports_manager.php", get(report::report))
            .route("/api/v2/information.php", get(token_info::token_info))
            .with_state(self.clone());
        calls.merge(control_routes(self.clone()))
    }

    fn account_settings(&self, base: &str) -> String {
        let token = self.inner.config.edit().tokens.first().cloned().unwrap_or_default();
        format!("source = \"wolkvox\"\nbase_url = \"{base}\"\ntoken = \"{token}\"")
    }

    fn set_faults(&self, faults: Faults) {
        self.inner.config.edit().faults = faults;
    }

    fn dataset_json(&self, _bot: &str, window: Window) -> Body {
        let as_of = self.inner.gateway.as_of(self.inner.gateway.now());
        let keys = self.inner.dataset.started(window, as_of).map(RowKey::current).collect();
        let rows = ChatRows::new(Arc::clone(&self.inner.dataset), as_of, "[".to_owned(), keys, "]");
        Body::from_stream(stream::iter(rows).map(|chunk| chunk.map(|chunk| chunk.bytes)))
    }

    fn deletable(&self, _bot: &str, window: Window) -> Option<Vec<RowNumber>> {
        let as_of = self.inner.gateway.as_of(self.inner.gateway.now());
        Some(self.inner.dataset.started(window, as_of).map(ChatKey::row).collect())
    }

    fn totals(&self) -> Map<String, Value> {
        let Inner { gateway, dataset, counters, .. } = &*self.inner;
        let as_of = gateway.as_of(gateway.now());
        let chats = dataset.history(as_of).map_or(0, |all| dataset.started(all, as_of).count());
        let totals = [("chats", json!(chats)), ("calls_today", json!(counters.calls_today()))];
        totals.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}
