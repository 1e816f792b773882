//! Truora: its processes, also by webhook.

use super::{
    DAYS, DemoSetup, DemoVendor, ITEM_LASTS, ITEMS_PER_DAY, NEW_ITEM_EVERY, SECRET, Simulation, TOKEN, VendorEntry,
    Webhooks, demo_faults, demo_items, faults, shares, since,
};
use crate::compare::{Comparison, truora};
use crate::error::DemoError;
use crate::options::SimulateOptions;
use async_trait::async_trait;
use axum::Router;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::UTC;
use domain::clock::Clock;
use domain::window::midnight;
use simulator::truora::{Config, Truora};
use simulator::webhook_outbox::Event;
use simulator::{SimulatedVendor, WebhookSender, WebhookVendor};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use storage::DbErr;
use storage::database::Database;
use tokio_util::sync::CancellationToken;

/// The entry in the list of vendors.
#[derive(Debug)]
pub struct Entry;

impl VendorEntry for Entry {
    fn name(&self) -> &'static str {
        "truora"
    }

    fn title(&self) -> &'static str {
        "Truora"
    }

    fn summary(&self) -> &'static str {
        "Processes, also by webhook"
    }

    fn simulate(&self, options: &SimulateOptions, clock: Arc<dyn Clock>) -> Result<Simulation, DemoError> {
        let has_webhooks = options.webhooks.is_some();
        let config = Config {
            seed: options.seed,
            keys: vec![options.token.clone()],
            processes_per_day: options.chats_per_day.unwrap_or(ITEMS_PER_DAY),
            history_from: clock.now() - TimeDelta::days(options.days),
            live_every: has_webhooks.then_some(NEW_ITEM_EVERY),
            pending_for: has_webhooks.then_some(ITEM_LASTS),
            faults: faults(options),
            webhook_faults: shares(options),
            webhook_secret: SECRET.to_owned(),
            ..Config::default()
        };
        let settings = format!(
            "source = \"truora\"\nbase_url = \"BASE\"\ntoken = \"{}\"\nwebhook_secret = \"{SECRET}\"",
            options.token
        );
        let vendor = Truora::new(config, clock);
        let router = vendor.router();
        Ok(Simulation { router, settings, webhooks: Some(Box::new(move |url, stop| vendor.send_webhooks(url, stop))) })
    }

    fn start(&self, setup: &DemoSetup) -> Result<Box<dyn DemoVendor>, DemoError> {
        let days = [setup.day(DAYS), setup.day(0)];
        let config = Config {
            seed: setup.seed,
            keys: vec![TOKEN.to_owned()],
            history_from: midnight(days[0], UTC),
            processes_per_day: 4.0,
            live_every: Some(demo_items::NEW_EVERY),
            pending_for: Some(demo_items::LASTS),
            overridden: 0.1,
            override_after: demo_items::LASTS,
            webhook_secret: SECRET.to_owned(),
            limits: demo_items::limits(),
            webhook_faults: demo_items::shares(),
            ..Config::default()
        };
        Ok(Box::new(TruoraDemo { vendor: Truora::new(config, setup.clock.clone()), days }))
    }
}

/// A vendor whose results are sometimes overridden afterwards.
struct TruoraDemo {
    vendor: Truora,
    days: [NaiveDate; 2],
}

#[async_trait]
impl DemoVendor for TruoraDemo {
    fn remark(&self) -> Option<&'static str> {
        Some("Truora lists its processes and sends webhooks about them; some webhooks get lost.")
    }

    fn router(&self) -> Router {
        self.vendor.router()
    }

    fn settings(&self, base: &str) -> String {
        let shared = demo_items::settings();
        format!("source = \"truora\"\nbase_url = \"{base}\"\npending_interval = \"2s\"\n{shared}")
    }

    fn days(&self) -> [NaiveDate; 2] {
        self.days
    }

    fn requests(&self) -> usize {
        self.vendor.requests().len()
    }

    fn set_faulty(&self, is_faulty: bool) {
        self.vendor.set_faults(demo_faults(is_faulty));
    }

    fn freeze(&self) {
        self.vendor.freeze();
    }

    fn webhooks(&self) -> Option<&dyn Webhooks> {
        Some(self)
    }

    async fn compare(
        &self,
        db: &Database,
        account: &str,
        now: DateTime<Utc>,
    ) -> Result<Vec<(&'static str, Comparison)>, DbErr> {
        let Some(window) = since(self.days[0], UTC, now) else { return Ok(Vec::new()) };
        Ok(vec![("truora_processes", truora(db, account, &self.vendor, window).await?)])
    }
}

impl Webhooks for TruoraDemo {
    fn send(&self, server: SocketAddr, account: &str, stop: CancellationToken) -> io::Result<WebhookSender> {
        self.vendor.send_webhooks(&format!("http://{server}/hooks/truora/{account}"), stop)
    }

    fn unsent(&self) -> usize {
        self.vendor.pending_deliveries()
    }

    fn events(&self) -> Vec<Event> {
        self.vendor.events()
    }
}
