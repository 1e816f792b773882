//! Truora: its processes, also by webhook.

use super::{DAYS, DemoSetup, DemoVendor, TOKEN, since, webhook_vendors};
use crate::compare::{Comparison, truora};
use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::UTC;
use domain::window::midnight;
use simulator::SimulatedVendor;
use simulator::gateway::Faults;
use simulator::truora::{Config, Truora};
use storage::DbErr;
use storage::database::Database;

/// A vendor whose results are sometimes overridden afterwards.
struct TruoraDemo {
    vendor: Truora,
    days: [NaiveDate; 2],
}

/// Makes the vendor of the demo.
pub fn start(setup: &DemoSetup) -> Box<dyn DemoVendor> {
    let days = [setup.day(DAYS), setup.day(0)];
    let config = Config {
        seed: setup.seed,
        keys: vec![TOKEN.to_owned()],
        history_from: midnight(days[0], UTC),
        processes_per_day: 4.0,
        live_every: Some(webhook_vendors::NEW_EVERY),
        pending_for: Some(webhook_vendors::LASTS),
        overridden: 0.1,
        override_after: webhook_vendors::LASTS,
        limits: webhook_vendors::limits(),
        webhook_faults: webhook_vendors::webhook_faults(),
        ..Config::default()
    };
    Box::new(TruoraDemo { vendor: Truora::new(config, setup.clock.clone()), days })
}

#[async_trait]
impl DemoVendor for TruoraDemo {
    fn simulated(&self) -> &dyn SimulatedVendor {
        &self.vendor
    }

    fn remark(&self) -> Option<&'static str> {
        Some("Truora lists its processes and sends webhooks about them; some webhooks get lost.")
    }

    fn settings(&self) -> String {
        format!("pending_interval = \"2s\"\n{}", webhook_vendors::SETTINGS)
    }

    fn days(&self) -> [NaiveDate; 2] {
        self.days
    }

    fn faults(&self) -> Faults {
        webhook_vendors::faults()
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
