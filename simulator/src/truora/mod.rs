//! Truora: processes by id, the list of processes, and webhooks. The crate's README lists its rules and switches.

mod config;
mod dataset;
mod history_csv;
mod jwt;
mod lifecycle;
mod process;
mod process_list;
mod requests;
mod variants;
mod webhook;

pub use config::Config;
pub use history_csv::Language;
pub use process::{Process, UserResponse, Validation};

use crate::catalog::{VendorEntry, VendorOptions};
use crate::gateway::{Faults, Gateway, RequestRecord, Switches, control_routes};
use crate::vendor::SimulatedVendor;
use crate::webhook_outbox::{
    Delivery, EventSource, Origin, WebhookBody, WebhookFaults, WebhookOutbox, WebhookReply, WebhookVendor,
};
use axum::Router;
use axum::body::Body;
use chrono::{DateTime, TimeDelta, Utc};
use dataset::Dataset;
use domain::clock::Clock;
use domain::window::Window;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;
use webhook::{ProcessEvent, WebhookWriter, max_batch};

/// The outcome in the request log of a result whose process has ended.
const ENDED: &str = "ended";

/// A simulated Truora. Clones share one state.
#[derive(Clone)]
pub struct Truora {
    inner: Arc<Inner>,
}

struct Inner {
    gateway: Gateway,
    config: Switches<Config>,
    dataset: Dataset,
    outbox: WebhookOutbox<ProcessEvent>,
}

/// The entry in [`crate::VENDORS`].
pub(crate) const ENTRY: VendorEntry = VendorEntry {
    name: "truora",
    title: "Truora",
    summary: "Processes, also by webhook",
    posts_webhooks: true,
    create: |options, clock| Ok(Box::new(Truora::new(configure(options, &*clock), clock))),
};

fn configure(options: &VendorOptions, clock: &dyn Clock) -> Config {
    let default = Config::default();
    let mut limits = default.limits.clone();
    limits.latency = options.latency.unwrap_or(limits.latency);
    Config {
        seed: options.seed,
        keys: vec![options.token.clone()],
        processes_per_day: options.items_per_day.unwrap_or(40.0),
        history_from: clock.now() - TimeDelta::days(options.history_days),
        live_every: options.live_every,
        pending_for: options.ends_after,
        limits,
        faults: options.faults.clone(),
        webhook_faults: options.webhook_faults.clone(),
        webhook_secret: options.webhook_secret.clone(),
        ..default
    }
}

impl Truora {
    /// A vendor that reads the time from `clock`. Live processes and webhooks begin now.
    #[must_use]
    pub fn new(config: Config, clock: Arc<dyn Clock>) -> Self {
        let dataset = Dataset::new(&config, clock.now());
        let gateway = Gateway::new(config.seed, clock);
        let outbox = WebhookOutbox::new(config.seed);
        Self { inner: Arc::new(Inner { gateway, config: Switches::new(config), dataset, outbox }) }
    }

    /// The processes that begin in `window`, in their current state, oldest first.
    #[must_use]
    pub fn dataset(&self, window: Window) -> Vec<Process> {
        let now = self.visible_until();
        let dataset = &self.inner.dataset;
        dataset.begun(window, now).into_iter().map(|key| dataset.process(key, now)).collect()
    }

    /// The number of processes in [`Truora::dataset`].
    #[must_use]
    pub fn count(&self, window: Window) -> usize {
        self.inner.dataset.begun(window, self.visible_until()).len()
    }

    /// The dashboard's Chatbot History of `window` as a CSV file. The style seed changes the notation, not the meaning.
    /// The vendor writes at most two months; the simulator has no limit.
    #[must_use]
    pub fn history_csv(&self, window: Window, language: Language, style_seed: u64) -> Vec<u8> {
        history_csv::write(&self.dataset(window), language, style_seed)
    }

    /// How often the vendor sent the complete result of `id` after the process had ended in success or failure. A
    /// status that no document names does not count: a caller cannot know that it is an end.
    #[must_use]
    pub fn results_sent_after_end(&self, id: &str) -> usize {
        let path = format!("/v1/processes/{id}/result");
        let is_result = |request: &RequestRecord| {
            request.outcome == ENDED && request.facts.path.split('?').next() == Some(path.as_str())
        };
        self.requests().iter().filter(|request| is_result(request)).count()
    }

    /// Changes the accepted keys from the next request on. A key is identified by its place in the list.
    pub fn set_keys(&self, keys: Vec<String>) {
        self.inner.config.edit().keys = keys;
    }

    /// The instant up to which the dataset is visible: now, or the freeze.
    fn visible_until(&self) -> DateTime<Utc> {
        self.inner.gateway.as_of(self.inner.gateway.now()).at
    }
}

impl SimulatedVendor for Truora {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn gateway(&self) -> &Gateway {
        &self.inner.gateway
    }

    /// `GET /v1/processes`, `/v1/processes/{id}`, `/v1/processes/{id}/result` and the control routes.
    fn router(&self) -> Router {
        control_routes(self.clone()).merge(requests::router(self.clone()))
    }

    fn account_settings(&self, base: &str) -> String {
        let Config { keys, webhook_secret, .. } = self.inner.config.get();
        let token = keys.first().cloned().unwrap_or_default();
        format!(
            "source = \"truora\"\nbase_url = \"{base}\"\ntoken = \"{token}\"\nwebhook_secret = \"{webhook_secret}\""
        )
    }

    fn set_faults(&self, faults: Faults) {
        self.inner.config.edit().faults = faults;
    }

    fn dataset_json(&self, _bot: &str, window: Window) -> Body {
        Body::from(json!(self.dataset(window)).to_string())
    }

    fn totals(&self) -> Map<String, Value> {
        let history = self.inner.dataset.history(self.visible_until());
        let processes = history.map_or(0, |all| self.count(all));
        Map::from_iter([(String::from("processes"), json!(processes))])
    }

    fn webhooks(&self) -> Option<&dyn WebhookVendor> {
        Some(self)
    }
}

impl EventSource for Truora {
    type Event = ProcessEvent;

    fn outbox(&self) -> &WebhookOutbox<ProcessEvent> {
        &self.inner.outbox
    }

    fn webhook_faults(&self) -> WebhookFaults {
        self.inner.config.edit().webhook_faults.clone()
    }

    fn replace_webhook_faults(&self, faults: WebhookFaults) {
        self.inner.config.edit().webhook_faults = faults;
    }

    fn path(&self, account: &str) -> String {
        format!("/hooks/truora/{account}")
    }

    fn reply_timeout(&self) -> Duration {
        self.inner.config.edit().reply_timeout
    }

    fn events_of_items(&self, window: Window) -> Vec<ProcessEvent> {
        let dataset = &self.inner.dataset;
        dataset.begun(window, window.to()).into_iter().flat_map(|key| dataset.events(key)).collect()
    }

    fn longest_lifecycle(&self) -> TimeDelta {
        self.inner.dataset.longest_lifecycle()
    }

    /// About the newest processes; several about one process where there are too few.
    fn burst_events(&self, count: usize, burst: u64) -> Vec<ProcessEvent> {
        let dataset = &self.inner.dataset;
        let now = self.visible_until();
        let keys = dataset.history(now).map(|all| dataset.newest(all, now, None, count)).unwrap_or_default();
        let chosen = keys.iter().cycle().take(if keys.is_empty() { 0 } else { count }).zip(0u64..);
        let events = chosen.map(|(key, index)| ProcessEvent {
            id: dataset.event_id(&format!("burst{burst}.{index}")),
            at: key.at,
            key: *key,
            process_id: dataset.id(key.number),
            action: "created",
        });
        events.collect()
    }

    fn max_batch(&self, delivery: u64) -> usize {
        max_batch(self.inner.dataset.seed, delivery)
    }

    fn write(&self, delivery: u64, events: &[ProcessEvent], origin: Origin) -> WebhookBody {
        let config = self.inner.config.get();
        let now = self.inner.gateway.now();
        WebhookWriter { dataset: &self.inner.dataset, config: &config, now }.write(delivery, events, origin)
    }

    fn accepts(&self, _delivery: &Delivery, reply: &WebhookReply) -> bool {
        reply.is_success()
    }
}
