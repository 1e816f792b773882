//! Treble: its polls and sessions, also by webhook.

use super::{
    DAYS, DemoSetup, DemoVendor, ITEM_LASTS, ITEMS_PER_DAY, NEW_ITEM_EVERY, SECRET, Simulation, TOKEN, VendorEntry,
    Webhooks, demo_faults, demo_items, faults, shares, since,
};
use crate::compare::{Comparison, treble, treble_events};
use crate::error::DemoError;
use crate::options::SimulateOptions;
use async_trait::async_trait;
use axum::Router;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::UTC;
use domain::clock::Clock;
use domain::window::midnight;
use simulator::treble::{Config, Treble};
use simulator::webhook_outbox::Event;
use simulator::{SimulatedVendor, WebhookSender, WebhookVendor};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use storage::DbErr;
use storage::database::Database;
use tokio_util::sync::CancellationToken;

/// The secret at the end of the address of an account's webhooks: `…/hooks/treble/{account}/{secret}`.
fn secret_of(url: &str) -> Result<&str, DemoError> {
    let account_and_secret = url.split_once("/hooks/treble/").and_then(|(_, rest)| rest.split_once('/'));
    let secret = account_and_secret.map(|(_, secret)| secret);
    secret.filter(|secret| !secret.is_empty() && !secret.contains(['/', '?', '#'])).ok_or_else(|| {
        DemoError::Usage(format!(
            "--webhooks: Treble's address ends in the account's webhook_secret; write \
             http://127.0.0.1:8080/hooks/treble/simulated/{SECRET}"
        ))
    })
}

/// The entry in the list of vendors.
#[derive(Debug)]
pub struct Entry;

impl VendorEntry for Entry {
    fn name(&self) -> &'static str {
        "treble"
    }

    fn title(&self) -> &'static str {
        "Treble"
    }

    fn summary(&self) -> &'static str {
        "Polls and sessions, also by webhook"
    }

    fn simulate(&self, options: &SimulateOptions, clock: Arc<dyn Clock>) -> Result<Simulation, DemoError> {
        let has_webhooks = options.webhooks.is_some();
        let config = Config::default();
        let polls = f64::from(u32::try_from(config.polls).unwrap_or(1));
        let config = Config {
            seed: options.seed,
            keys: vec![options.token.clone()],
            sessions_per_day: options.chats_per_day.unwrap_or(ITEMS_PER_DAY / polls),
            history_from: clock.now() - TimeDelta::days(options.days),
            live_every: has_webhooks.then_some(NEW_ITEM_EVERY),
            lasts_for: has_webhooks.then_some(ITEM_LASTS),
            faults: faults(options),
            webhook_faults: shares(options),
            ..config
        };
        let secret = options.webhooks.as_deref().map_or(Ok(SECRET), secret_of)?;
        let settings = format!(
            "source = \"treble\"\nbase_url = \"BASE\"\ntoken = \"{}\"\nwebhook_secret = \"{secret}\"",
            options.token
        );
        let vendor = Treble::new(config, clock);
        let router = vendor.router();
        Ok(Simulation { router, settings, webhooks: Some(Box::new(move |url, stop| vendor.send_webhooks(url, stop))) })
    }

    fn start(&self, setup: &DemoSetup) -> Result<Box<dyn DemoVendor>, DemoError> {
        let days = [setup.day(DAYS), setup.day(0)];
        let config = Config {
            seed: setup.seed,
            keys: vec![TOKEN.to_owned()],
            polls: 3,
            history_from: midnight(days[0], UTC),
            sessions_per_day: 1.0,
            live_every: Some(demo_items::NEW_EVERY),
            lasts_for: Some(demo_items::LASTS),
            limits: demo_items::limits(),
            webhook_faults: demo_items::shares(),
            ..Config::default()
        };
        Ok(Box::new(TrebleDemo { vendor: Treble::new(config, setup.clock.clone()), days }))
    }
}

/// A vendor with three polls.
struct TrebleDemo {
    vendor: Treble,
    days: [NaiveDate; 2],
}

#[async_trait]
impl DemoVendor for TrebleDemo {
    fn remark(&self) -> Option<&'static str> {
        Some("Treble lists its sessions and sends webhooks about them; some webhooks get lost.")
    }

    fn router(&self) -> Router {
        self.vendor.router()
    }

    fn settings(&self, base: &str) -> String {
        format!("source = \"treble\"\nbase_url = \"{base}\"\n{}", demo_items::settings())
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
        let mut found = Vec::from(treble(db, account, &self.vendor, window).await?);
        found.push(("treble_events", treble_events(db, account, &self.vendor).await?));
        Ok(found)
    }
}

impl Webhooks for TrebleDemo {
    fn send(&self, server: SocketAddr, account: &str, stop: CancellationToken) -> io::Result<WebhookSender> {
        self.vendor.send_webhooks(&format!("http://{server}/hooks/treble/{account}/{SECRET}"), stop)
    }

    fn unsent(&self) -> usize {
        self.vendor.pending_deliveries()
    }

    fn events(&self) -> Vec<Event> {
        self.vendor.events()
    }

    fn has_slow_items(&self) -> bool {
        true
    }
}
