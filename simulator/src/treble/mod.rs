//! Treble: polls, their sessions, the histories of sessions, and webhooks. The crate's README lists its rules and
//! switches.

mod config;
mod dataset;
mod lifecycle;
mod requests;
mod session;
mod session_list;
mod sessions_csv;
mod variants;
mod webhook;

pub use config::{Config, Order, TimeFormat};
pub use session::{Message, Poll, Session, Snapshot};

use crate::calendar::just_after;
use crate::catalog::{VendorEntry, VendorOptions};
use crate::gateway::{Faults, Gateway, Limits, Rule, Switches, Violation, control_routes};
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
use webhook::SessionEvent;

/// A simulated Treble. Clones share one state.
#[derive(Clone)]
pub struct Treble {
    inner: Arc<Inner>,
}

struct Inner {
    gateway: Gateway,
    config: Switches<Config>,
    dataset: Dataset,
    outbox: WebhookOutbox<SessionEvent>,
}

/// The entry in [`crate::VENDORS`].
pub(crate) const ENTRY: VendorEntry = VendorEntry {
    name: "treble",
    title: "Treble",
    summary: "Polls and sessions, also by webhook",
    posts_webhooks: true,
    create: |options, clock| Ok(Box::new(Treble::new(configure(options, &*clock)?, clock))),
};

fn configure(options: &VendorOptions, clock: &dyn Clock) -> Result<Config, String> {
    let webhook_secret = match &options.webhook_url {
        Some(url) => secret_of(url)?.to_owned(),
        None => options.webhook_secret.clone(),
    };
    let default = Config::default();
    let polls = f64::from(u32::try_from(default.polls).unwrap_or(1));
    let limits = Limits { latency: options.latency.unwrap_or(default.limits.latency), ..default.limits.clone() };
    Ok(Config {
        seed: options.seed,
        keys: vec![options.token.clone()],
        sessions_per_day: options.items_per_day.unwrap_or(40.0 / polls),
        history_from: clock.now() - TimeDelta::days(options.history_days),
        live_every: options.live_every,
        lasts_for: options.ends_after,
        limits,
        faults: options.faults.clone(),
        webhook_faults: options.webhook_faults.clone(),
        webhook_secret,
        ..default
    })
}

/// The secret at the end of the address of an account's webhooks: `…/hooks/treble/{account}/{secret}`.
fn secret_of(url: &str) -> Result<&str, String> {
    let account_and_secret = url.split_once("/hooks/treble/").and_then(|(_, rest)| rest.split_once('/'));
    let secret = account_and_secret.map(|(_, secret)| secret);
    secret.filter(|secret| !secret.is_empty() && !secret.contains(['/', '?', '#'])).ok_or_else(|| {
        "the address of Treble's webhooks must end in the account's webhook_secret; write \
         http://127.0.0.1:8080/hooks/treble/simulated/simulated-secret"
            .to_owned()
    })
}

impl Treble {
    /// A vendor that reads the time from `clock`. Live sessions and webhooks begin now.
    #[must_use]
    pub fn new(config: Config, clock: Arc<dyn Clock>) -> Self {
        let dataset = Dataset::new(&config, clock.now());
        let gateway = Gateway::new(config.seed, clock);
        let outbox = WebhookOutbox::new(config.seed);
        Self { inner: Arc::new(Inner { gateway, config: Switches::new(config), dataset, outbox }) }
    }

    /// All polls, in the order that [`Config::failing_polls`] counts.
    #[must_use]
    pub fn polls(&self) -> Vec<Poll> {
        self.inner.dataset.polls.clone()
    }

    /// The sessions created in `window`, their messages, and all polls, in their current state.
    #[must_use]
    pub fn dataset(&self, window: Window) -> Snapshot {
        let now = self.visible_until();
        let dataset = &self.inner.dataset;
        let mut snapshot = Snapshot { polls: dataset.polls.clone(), ..Snapshot::default() };
        for key in dataset.of_all_polls(window, now) {
            let lifecycle = dataset.lifecycle(key);
            snapshot.sessions.push(lifecycle.session_at(now));
            snapshot.messages.extend(lifecycle.messages_at(now));
        }
        snapshot
    }

    /// The number of sessions in [`Treble::dataset`].
    #[must_use]
    pub fn count(&self, window: Window) -> usize {
        self.inner.dataset.of_all_polls(window, self.visible_until()).len()
    }

    /// The report of the sessions of `window` as a CSV file.
    #[must_use]
    pub fn sessions_csv(&self, window: Window) -> Vec<u8> {
        let now = self.visible_until();
        let dataset = &self.inner.dataset;
        let keys = dataset.of_all_polls(window, now);
        let lifecycles: Vec<_> = keys.into_iter().map(|key| dataset.lifecycle(key)).collect();
        sessions_csv::write(&lifecycles, now)
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

impl SimulatedVendor for Treble {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn gateway(&self) -> &Gateway {
        &self.inner.gateway
    }

    /// `GET /poll/api/all`, `/devapi/poll/{poll_id}/sessions`, `/devapi/session/{session_id}/history` and the control
    /// routes.
    fn router(&self) -> Router {
        control_routes(self.clone()).merge(requests::router(self.clone()))
    }

    fn account_settings(&self, base: &str) -> String {
        let Config { keys, webhook_secret, .. } = self.inner.config.get();
        let token = keys.first().cloned().unwrap_or_default();
        format!(
            "source = \"treble\"\nbase_url = \"{base}\"\ntoken = \"{token}\"\nwebhook_secret = \"{webhook_secret}\""
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
        let sessions = history.map_or(0, |all| self.count(all));
        Map::from_iter([(String::from("sessions"), json!(sessions))])
    }

    fn webhooks(&self) -> Option<&dyn WebhookVendor> {
        Some(self)
    }
}

impl EventSource for Treble {
    type Event = SessionEvent;

    fn outbox(&self) -> &WebhookOutbox<SessionEvent> {
        &self.inner.outbox
    }

    fn webhook_faults(&self) -> WebhookFaults {
        self.inner.config.edit().webhook_faults.clone()
    }

    fn replace_webhook_faults(&self, faults: WebhookFaults) {
        self.inner.config.edit().webhook_faults = faults;
    }

    fn path(&self, account: &str) -> String {
        format!("/hooks/treble/{account}/{}", self.inner.config.get().webhook_secret)
    }

    fn reply_timeout(&self) -> Duration {
        self.inner.config.edit().reply_timeout
    }

    fn events_of_items(&self, window: Window) -> Vec<SessionEvent> {
        let dataset = &self.inner.dataset;
        dataset.of_all_polls(window, window.to()).into_iter().flat_map(|key| dataset.events(key)).collect()
    }

    fn longest_lifecycle(&self) -> TimeDelta {
        self.inner.dataset.longest_lifecycle()
    }

    /// About recent sessions that have closed; several about one session where there are too few.
    fn burst_events(&self, count: usize, burst: u64) -> Vec<SessionEvent> {
        let dataset = &self.inner.dataset;
        let now = self.visible_until();
        let recent = Window::new(now - dataset.longest_lifecycle() * 2, just_after(now));
        let keys = recent.map(|recent| dataset.of_all_polls(recent, now)).unwrap_or_default();
        let closed = keys.into_iter().filter_map(|key| {
            let at = dataset.lifecycle(key).session.finished_at.filter(|at| *at <= now)?;
            Some((key, at))
        });
        let closed: Vec<_> = closed.collect();
        let chosen = closed.iter().cycle().take(if closed.is_empty() { 0 } else { count }).zip(0u64..);
        let events = chosen.map(|((key, at), index)| {
            let id = dataset.event_id(&format!("burst{burst}.{index}"));
            SessionEvent { id, at: *at, key: *key, action: "session.close" }
        });
        events.collect()
    }

    fn write(&self, delivery: u64, events: &[SessionEvent], origin: Origin) -> WebhookBody {
        self.inner.dataset.write(delivery, events, origin)
    }

    /// "Reply within 5 s with a valid JSON body", and with 200: any other reply breaks a rule, unless the delivery was
    /// forged. A receiver that does not answer at all breaks none.
    fn accepts(&self, delivery: &Delivery, reply: &WebhookReply) -> bool {
        let is_object = serde_json::from_slice::<Map<String, Value>>(&reply.body).is_ok();
        let in_time = reply.duration < self.reply_timeout();
        let accepted = reply.status == Some(200) && is_object && in_time;
        let is_reachable = reply.status.is_some() || !in_time;
        if !accepted && is_reachable && delivery.origin != Origin::Forged {
            let status = reply.status.map_or_else(|| String::from("no status"), |status| status.to_string());
            let detail = format!("{status} after {:?}, JSON object: {is_object}", reply.duration);
            self.inner.gateway.breach(delivery.number, &Violation::silent(Rule::BAD_REPLY, detail));
        }
        accepted
    }
}
