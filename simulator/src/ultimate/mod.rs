//! Ultimate (Zendesk AI agents): the data export, by bot and day. The crate's README lists its rules and switches.

mod answers;
mod config;
mod conversation;
mod dataset;
mod day_file;
mod day_file_stream;
mod download;
mod file_row;
mod lifecycle;
mod list;
mod rules;
mod signed_url;
mod variants;

pub use config::{AuthScheme, Config, EmptyAnswer, FileFaults, NotReadyAnswer, TooOldAnswer};
pub use conversation::{Conversation, Version};
pub use rules::{BAD_LINK, KEY_SENT_TO_FILE_HOST, MALFORMED, OTHER_ORGANIZATION, TOO_OLD};
pub use variants::{
    Booleans, ColumnCase, ColumnNames, Compression, Counts, Layout, ListKey, Nested, TimeFormat, Variants,
};

use crate::catalog::{VendorEntry, VendorOptions};
use crate::gateway::{Faults, Gateway, Switches, control_routes};
use crate::vendor::SimulatedVendor;
use axum::Router;
use axum::body::Body;
use axum::routing::{get, post};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use dataset::{Dataset, StateKey};
use domain::clock::Clock;
use domain::window::Window;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A simulated Ultimate. Clones share one state.
#[derive(Clone)]
pub struct Ultimate {
    inner: Arc<Inner>,
}

struct Inner {
    gateway: Gateway,
    config: Switches<Config>,
    dataset: Arc<Dataset>,
    settled: AtomicBool,
    /// Complete answers to list calls, by bot and day.
    lists_sent: Mutex<HashMap<(usize, NaiveDate), u32>>,
}

/// The entry in [`crate::VENDORS`].
pub(crate) const ENTRY: VendorEntry = VendorEntry {
    name: "ultimate",
    title: "Ultimate",
    summary: "Zendesk AI agents: files of whole days",
    posts_webhooks: false,
    create: |options, clock| Ok(Box::new(Ultimate::new(configure(options, &*clock), clock))),
};

fn configure(options: &VendorOptions, clock: &dyn Clock) -> Config {
    let default = Config::default();
    Config {
        seed: options.seed,
        tokens: vec![options.token.clone()],
        conversations_per_day: options.items_per_day.unwrap_or(400.0),
        history_from: (clock.now() - TimeDelta::days(options.history_days)).date_naive(),
        latency: options.latency.unwrap_or(default.latency),
        variants: Variants::mixed(),
        faults: options.faults.clone(),
        ..default
    }
}

impl Ultimate {
    /// A vendor that reads the time from `clock`.
    #[must_use]
    pub fn new(config: Config, clock: Arc<dyn Clock>) -> Self {
        let dataset = Arc::new(Dataset::new(&config));
        let gateway = Gateway::new(config.seed, clock);
        let (settled, lists_sent) = (AtomicBool::default(), Mutex::default());
        Self { inner: Arc::new(Inner { gateway, config: Switches::new(config), dataset, settled, lists_sent }) }
    }

    /// The conversations of `bot` that end in `window`, as the complete files say that are published by now: each id
    /// once, at its latest end, with the columns of both versions, by end. Days before the retention are included; days
    /// without a published file are not.
    #[must_use]
    pub fn dataset(&self, bot: &str, window: Window) -> Vec<Conversation> {
        let dataset = &self.inner.dataset;
        let mut conversations: Vec<_> =
            self.latest_states(bot, window).map(|state| dataset.conversation(state)).collect();
        conversations.sort_by(|left, right| {
            let key = |it: &Conversation| it.conversation_end_time;
            key(left).cmp(&key(right)).then_with(|| left.conversation_id.cmp(&right.conversation_id))
        });
        conversations
    }

    /// The number of rows in [`Ultimate::dataset`]; fast for years as well.
    #[must_use]
    pub fn count(&self, bot: &str, window: Window) -> usize {
        self.latest_states(bot, window).count()
    }

    /// Replaces the faults of files, from the next request on.
    pub fn set_file_faults(&self, faults: FileFaults) {
        self.inner.config.edit().file_faults = faults;
    }

    /// Changes the notation of lists and files from the next request on.
    pub fn set_variants(&self, variants: Variants) {
        self.inner.config.edit().variants = variants;
    }

    /// Changes the accepted keys from the next list call on. URLs that were listed before stay valid.
    pub fn set_tokens(&self, tokens: Vec<String>) {
        self.inner.config.edit().tokens = tokens;
    }

    fn latest_states(&self, bot: &str, window: Window) -> impl Iterator<Item = StateKey> {
        let newest = self.newest_file(self.inner.gateway.now());
        let dataset = &self.inner.dataset;
        dataset.bot(bot).into_iter().flat_map(move |bot| dataset.latest_states(bot, window, newest))
    }

    /// The newest day with a published file at `now`: the file appears some time after the midnight that ends the day.
    fn newest_file(&self, now: DateTime<Utc>) -> NaiveDate {
        let delay = TimeDelta::from_std(self.inner.config.edit().ready_after).unwrap_or_default();
        (self.inner.gateway.as_of(now).at - delay - TimeDelta::days(1)).date_naive()
    }

    fn is_settled(&self) -> bool {
        self.inner.settled.load(Ordering::SeqCst)
    }

    /// Counts a complete answer to a list call; returns how many came before.
    fn count_list(&self, bot: usize, day: NaiveDate) -> u32 {
        let mut lists = self.inner.lists_sent.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = lists.entry((bot, day)).or_default();
        *sent += 1;
        *sent - 1
    }
}

impl SimulatedVendor for Ultimate {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn gateway(&self) -> &Gateway {
        &self.inner.gateway
    }

    /// `POST /data-export/v2/get-signed-urls` and `v3`, the files that they list, and the control routes.
    fn router(&self) -> Router {
        let routes = Router::new()
            .route("/data-export/{version}/get-signed-urls", post(list::list))
            .route(signed_url::ROUTE, get(download::download));
        routes.with_state(self.clone()).merge(control_routes(self.clone()))
    }

    fn account_settings(&self, base: &str) -> String {
        let Config { tokens, organization, bots, .. } = self.inner.config.get();
        let token = tokens.first().cloned().unwrap_or_default();
        format!(
            "source = \"ultimate\"\nbase_url = \"{base}\"\ntoken = \"{token}\"\norganization_id = \"{organization}\"\n\
             bot_ids = {bots:?}"
        )
    }

    fn set_faults(&self, faults: Faults) {
        self.inner.config.edit().faults = faults;
    }

    fn dataset_json(&self, bot: &str, window: Window) -> Body {
        Body::from(json!(self.dataset(bot, window)).to_string())
    }

    fn totals(&self) -> Map<String, Value> {
        let bots: Vec<&str> = self.inner.dataset.bots.iter().map(|bot| bot.id.as_str()).collect();
        let newest = self.newest_file(self.inner.gateway.now());
        Map::from_iter([(String::from("bots"), json!(bots)), (String::from("newest_file"), json!(newest))])
    }

    /// Completes all files, also those whose URLs were listed before.
    fn settle(&self) {
        self.inner.settled.store(true, Ordering::SeqCst);
    }
}
