//! Wolkvox: its report of chats.

use super::{DAYS, DemoSetup, DemoVendor, SHORT_WAITS, TOKEN, since};
use crate::compare::{Comparison, wolkvox};
use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use domain::window::midnight;
use simulator::SimulatedVendor;
use simulator::gateway::Faults;
use simulator::wolkvox::{Config, Wolkvox};
use std::time::Duration;
use storage::DbErr;
use storage::database::Database;

struct WolkvoxDemo {
    vendor: Wolkvox,
    zone: Tz,
    days: [NaiveDate; 2],
}

/// Makes the vendor of the demo.
pub fn start(setup: &DemoSetup) -> Box<dyn DemoVendor> {
    let zone = Config::default().zone;
    let today = setup.clock.now().with_timezone(&zone).date_naive();
    let first = today - TimeDelta::days(DAYS);
    let config = Config {
        seed: setup.seed,
        tokens: vec![TOKEN.to_owned()],
        history_from: midnight(first, zone),
        chats_per_day: 400.0,
        live_every: Some(Duration::from_secs(3)),
        blank_ids: 0.01,
        duplicates: 0.01,
        odd_columns: true,
        latency: Duration::from_millis(150),
        ..Config::default()
    };
    Box::new(WolkvoxDemo { vendor: Wolkvox::new(config, setup.clock.clone()), zone, days: [first, today] })
}

#[async_trait]
impl DemoVendor for WolkvoxDemo {
    fn simulated(&self) -> &dyn SimulatedVendor {
        &self.vendor
    }

    fn settings(&self) -> String {
        format!("interval = \"3s\"\nrefresh = \"6s\"\nmaintenance_pause = \"3s\"\n{SHORT_WAITS}")
    }

    fn days(&self) -> [NaiveDate; 2] {
        self.days
    }

    fn faults(&self) -> Faults {
        let retry_after = Duration::from_secs(2);
        Faults { throttle_429: 0.4, retry_after, server_500: 0.3, html_200: 0.2, ..Faults::default() }
    }

    fn last_poll(&self) -> Option<TimeDelta> {
        Some(TimeDelta::hours(24))
    }

    async fn compare(
        &self,
        db: &Database,
        account: &str,
        now: DateTime<Utc>,
    ) -> Result<Vec<(&'static str, Comparison)>, DbErr> {
        let Some(window) = since(self.days[0], self.zone, now) else { return Ok(Vec::new()) };
        Ok(vec![("wolkvox_chats", wolkvox(db, account, &self.vendor, window).await?)])
    }
}
