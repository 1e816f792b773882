//! Treble: its polls and sessions, also by webhook.

use super::{DAYS, DemoSetup, DemoVendor, TOKEN, since, webhook_vendors};
use crate::compare::{Comparison, treble, treble_events};
use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::UTC;
use domain::window::midnight;
use simulator::SimulatedVendor;
use simulator::gateway::Faults;
use simulator::treble::{Config, Treble};
use storage::DbErr;
use storage::database::Database;

/// A vendor with three polls.
struct TrebleDemo {
    vendor: Treble,
    days: [NaiveDate; 2],
}

/// Makes the vendor of the demo.
pub fn start(setup: &DemoSetup) -> Box<dyn DemoVendor> {
    let days = [setup.day(DAYS), setup.day(0)];
    let config = Config {
        seed: setup.seed,
        keys: vec![TOKEN.to_owned()],
        polls: 3,
        history_from: midnight(days[0], UTC),
        sessions_per_day: 1.0,
        live_every: Some(webhook_vendors::NEW_EVERY),
        lasts_for: Some(webhook_vendors::LASTS),
        limits: webhook_vendors::limits(),
        webhook_faults: webhook_vendors::webhook_faults(),
        ..Config::default()
    };
    Box::new(TrebleDemo { vendor: Treble::new(config, setup.clock.clone()), days })
}

#[async_trait]
impl DemoVendor for TrebleDemo {
    fn simulated(&self) -> &dyn SimulatedVendor {
        &self.vendor
    }

    fn remark(&self) -> Option<&'static str> {
        Some("Treble lists its sessions and sends webhooks about them; some webhooks get lost.")
    }

    fn settings(&self) -> String {
        webhook_vendors::SETTINGS.to_owned()
    }

    fn days(&self) -> [NaiveDate; 2] {
        self.days
    }

    fn faults(&self) -> Faults {
        webhook_vendors::faults()
    }

    fn has_slow_items(&self) -> bool {
        true
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
