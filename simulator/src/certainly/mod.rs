//! Certainly: the message report by bot and days, by GET up to a cap and by POST as a mail. The crate's README lists its
//! rules and switches.

mod config;
mod csv_report;
mod csv_style;
mod dataset;
mod dialogue;
mod email;
mod exports;
mod fewest_requests;
mod maildir;
mod message;
mod report;
mod rules;
mod token;
mod variants;

pub use config::{BusyAnswer, Config, IdStyle, Mail, MailFaults, Order, OverCapAnswer, TooWideAnswer, Wrapper};
pub use email::AUTHSERV_ID;
pub use exports::{Export, ExportState};
pub use maildir::make_maildir;
pub use message::{BotModule, BotUser, BotUserMeta, Bubble, Connection, Kpi, Message, Web};
pub use rules::{EXPIRED_TOKEN, NO_SLASH};

use crate::catalog::{VendorEntry, VendorOptions};
use crate::gateway::{ControlQuery, Faults, Gateway, QueryError, RowNumber, Switches, control_routes};
use crate::vendor::SimulatedVendor;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response};
use axum::routing::get;
use axum::{Json, Router};
use chrono::{NaiveDate, TimeDelta};
use csv_report::CsvReport;
use csv_style::CsvStyle;
use dataset::Dataset;
use domain::clock::Clock;
use domain::window::Window;
use exports::Exports;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A simulated Certainly. Clones share one state.
#[derive(Clone)]
pub struct Certainly {
    inner: Arc<Inner>,
}

struct Inner {
    gateway: Gateway,
    config: Switches<Config>,
    dataset: Dataset,
    exports: Exports,
}

/// The outcome in the request log of a POST while another export is running.
const BUSY: &str = "busy";
const CSV: &str = "text/csv; charset=utf-8";

/// The entry in [`crate::VENDORS`].
pub(crate) const ENTRY: VendorEntry = VendorEntry {
    name: "certainly",
    title: "Certainly",
    summary: "Report of messages, also by mail",
    posts_webhooks: false,
    create: |options, clock| {
        if let Some(folder) = &options.maildir {
            make_maildir(folder).map_err(|error| format!("cannot make the Maildir {}: {error}", folder.display()))?;
        }
        Ok(Box::new(Certainly::new(configure(options, &*clock), clock)))
    },
};

fn configure(options: &VendorOptions, clock: &dyn Clock) -> Config {
    let default = Config::default();
    let latency = options.latency.unwrap_or(default.latency);
    Config {
        seed: options.seed,
        tokens: vec![options.token.clone()],
        messages_per_day: options.items_per_day.unwrap_or(400.0),
        history_from: clock.now() - TimeDelta::days(options.history_days),
        live_every: options.live_every,
        row_cap: options.row_cap.unwrap_or(default.row_cap),
        latency,
        post_latency: latency,
        mail: options.maildir.clone().map_or(Mail::Held, Mail::Maildir),
        faults: options.faults.clone(),
        ..default
    }
}

impl Certainly {
    /// A vendor that reads the time from `clock`. Live messages begin now.
    #[must_use]
    pub fn new(mut config: Config, clock: Arc<dyn Clock>) -> Self {
        if config.tokens.is_empty() {
            config.tokens = vec![config.token()];
        }
        let started = clock.now();
        let gateway = Gateway::new(config.seed, clock);
        let dataset = Dataset::new(&config, started, Arc::clone(gateway.deletions()));
        let exports = Exports::default();
        Self { inner: Arc::new(Inner { gateway, config: Switches::new(config), dataset, exports }) }
    }

    /// The messages of `bot` in `window` that reports show now, oldest first; none for an unknown bot.
    #[must_use]
    pub fn dataset(&self, bot: &str, window: Window) -> Vec<Message> {
        self.inner.dataset.bot(bot).map(|bot| self.visible_messages(bot, window)).unwrap_or_default()
    }

    /// The messages of `bot` in `window` that users have deleted, oldest first.
    #[must_use]
    pub fn deleted(&self, bot: &str, window: Window) -> Vec<Message> {
        let Inner { gateway, dataset, .. } = &*self.inner;
        let Some(bot) = dataset.bot(bot) else { return Vec::new() };
        let keys = dataset.deleted(bot, window, gateway.as_of(gateway.now()));
        keys.into_iter().map(|key| dataset.message(bot, key)).collect()
    }

    /// The number of messages in [`Certainly::dataset`]; fast for years as well.
    #[must_use]
    pub fn count(&self, bot: &str, window: Window) -> usize {
        let Inner { gateway, dataset, .. } = &*self.inner;
        let as_of = gateway.as_of(gateway.now());
        dataset.bot(bot).map_or(0, |bot| dataset.visible(bot, window, as_of).len())
    }

    /// The messages of [`Certainly::dataset`] as a CSV file. The style seed changes the notation, not the meaning.
    #[must_use]
    pub fn csv(&self, bot: &str, window: Window, style_seed: u64) -> Vec<u8> {
        let ragged = self.inner.config.edit().ragged;
        CsvReport::new(&self.dataset(bot, window), &CsvStyle::draw(style_seed), ragged).complete()
    }

    /// The least number of GETs, each of at most `longest_days` calendar days and under `row_cap` rows, that cover the
    /// days from `first_day` to `last_day`, both included, that are under the cap. A caller would need to know each
    /// day's count to reach it. Days at or over the cap are left to the export; empty days count.
    #[must_use]
    pub fn fewest_gets(&self, bot: &str, first_day: NaiveDate, last_day: NaiveDate) -> usize {
        let config = self.inner.config.get();
        // Without `toDate` itself, the widest query covers a day less.
        let longest = config.longest_days.saturating_sub(u32::from(config.exclusive_to));
        let days = first_day.iter_days().take_while(|day| *day <= last_day);
        let counts = days.map(|day| Window::of_day(day, chrono_tz::UTC).map_or(0, |day| self.count(bot, day)));
        fewest_requests::spans(counts, usize::try_from(longest).unwrap_or(usize::MAX), config.row_cap)
    }

    /// The exports that were accepted, in order.
    #[must_use]
    pub fn exports(&self) -> Vec<Export> {
        self.inner.exports.all()
    }

    /// The number of POSTs that came while an export of their token was running. They are no breach: after a crash a
    /// caller may not know of its export.
    #[must_use]
    pub fn busy_count(&self) -> usize {
        self.requests().iter().filter(|request| request.outcome == BUSY).count()
    }

    /// Takes the mails since the last call, where [`Mail::Held`] keeps them.
    #[must_use]
    pub fn take_mail(&self) -> Vec<Vec<u8>> {
        self.inner.exports.take_mail()
    }

    /// Replaces the faults of mails, from the next export on.
    pub fn set_mail_faults(&self, faults: MailFaults) {
        self.inner.config.edit().mail_faults = faults;
    }

    /// Changes the row cap from the next request on.
    pub fn set_row_cap(&self, row_cap: usize) {
        self.inner.config.edit().row_cap = row_cap;
    }

    /// Changes the latency of requests and the duration of exports, from the next request on.
    pub fn set_latency(&self, latency: Duration, export_takes: Duration) {
        let mut config = self.inner.config.edit();
        (config.latency, config.post_latency) = (latency, latency);
        config.export_takes = export_takes;
    }

    /// Changes the latency of POSTs from the next request on.
    pub fn set_post_latency(&self, latency: Duration) {
        self.inner.config.edit().post_latency = latency;
    }

    /// Changes the accepted tokens from the next request on. A token is identified by its place in the list.
    pub fn set_tokens(&self, tokens: Vec<String>) {
        self.inner.config.edit().tokens = tokens;
    }

    /// The accepted tokens.
    #[must_use]
    pub fn tokens(&self) -> Vec<String> {
        self.inner.config.get().tokens
    }

    fn visible_messages(&self, bot: usize, window: Window) -> Vec<Message> {
        let Inner { gateway, dataset, .. } = &*self.inner;
        let keys = dataset.visible(bot, window, gateway.as_of(gateway.now()));
        keys.into_iter().map(|key| dataset.message(bot, key)).collect()
    }
}

impl SimulatedVendor for Certainly {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn gateway(&self) -> &Gateway {
        &self.inner.gateway
    }

    /// `GET` and `POST` of `/api/frontend/reports/messages/` and `/api/reports/messages/`, and the control routes.
    fn router(&self) -> Router {
        let own = Router::new().route("/simulator/csv", get(csv)).route("/simulator/exports", get(exports));
        control_routes(self.clone()).merge(own.with_state(self.clone())).merge(report::router(self.clone()))
    }

    fn account_settings(&self, base: &str) -> String {
        let Config { tokens, bots, mail, .. } = self.inner.config.get();
        let token = tokens.first().cloned().unwrap_or_default();
        let mailbox = match mail {
            Mail::Held => String::new(),
            // A folder's name may hold what TOML escapes.
            Mail::Maildir(folder) => format!("\nmailbox = {:?}", format!("maildir:{}", folder.display())),
        };
        format!("source = \"certainly\"\nbase_url = \"{base}/api\"\ntoken = \"{token}\"\nbot_ids = {bots:?}{mailbox}")
    }

    fn set_faults(&self, faults: Faults) {
        self.inner.config.edit().faults = faults;
    }

    fn dataset_json(&self, bot: &str, window: Window) -> Body {
        Body::from(json!(self.dataset(bot, window)).to_string())
    }

    fn deletable(&self, bot: &str, window: Window) -> Option<Vec<RowNumber>> {
        let Inner { gateway, dataset, .. } = &*self.inner;
        let Some(bot) = dataset.bot(bot) else { return Some(Vec::new()) };
        let keys = dataset.visible(bot, window, gateway.as_of(gateway.now()));
        Some(keys.iter().map(|key| key.row(bot)).collect())
    }

    fn totals(&self) -> Map<String, Value> {
        let Inner { gateway, dataset, .. } = &*self.inner;
        let as_of = gateway.as_of(gateway.now());
        let count = |bot| dataset.history(as_of).map_or(0, |all| dataset.visible(bot, all, as_of).len());
        let messages: BTreeMap<&str, usize> = (0..dataset.bots()).map(|bot| (dataset.uuid(bot), count(bot))).collect();
        let totals = [
            ("messages", json!(messages)),
            ("exports", json!(self.exports().len())),
            ("busy", json!(self.busy_count())),
        ];
        totals.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// `GET /simulator/csv`.
async fn csv(State(vendor): State<Certainly>, Query(query): Query<ControlQuery>) -> Result<Response<Body>, QueryError> {
    let mut response = Response::new(Body::from(vendor.csv(&query.bot, query.window()?, query.style)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(CSV));
    Ok(response)
}

/// `GET /simulator/exports`.
async fn exports(State(vendor): State<Certainly>) -> Json<Vec<Export>> {
    Json(vendor.exports())
}
