//! Wolkvox: its report of chats.

use super::{DAYS, DemoSetup, DemoVendor, ROWS_PER_DAY, SHORT_WAITS, Simulation, TOKEN, VendorEntry, since};
use crate::compare::{Comparison, wolkvox};
use crate::error::DemoError;
use crate::options::SimulateOptions;
use async_trait::async_trait;
use axum::Router;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use domain::clock::Clock;
use domain::window::midnight;
use simulator::SimulatedVendor;
use simulator::gateway::Faults;
use simulator::wolkvox::{Config, Wolkvox};
use std::sync::Arc;
use std::time::Duration;
use storage::DbErr;
use storage::database::Database;

/// The entry in the list of vendors.
#[derive(Debug)]
pub struct Entry;

impl VendorEntry for Entry {
    fn name(&self) -> &'static str {
        "wolkvox"
    }

    fn title(&self) -> &'static str {
        "Wolkvox"
    }

    fn summary(&self) -> &'static str {
        "Report of chats"
    }

    fn simulate(&self, options: &SimulateOptions, clock: Arc<dyn Clock>) -> Result<Simulation, DemoError> {
        let share = options.faults;
        let config = Config {
            seed: options.seed,
            tokens: vec![options.token.clone()],
            chats_per_day: options.chats_per_day.unwrap_or(ROWS_PER_DAY),
            history_from: clock.now() - TimeDelta::days(options.days),
            row_cap: options.row_cap.unwrap_or(60_000),
            faults: Faults { throttle_429: share, server_500: share, cut_body: share, ..Faults::default() },
            ..Config::default()
        };
        let settings = format!("source = \"wolkvox\"\nbase_url = \"BASE\"\ntoken = \"{}\"", options.token);
        Ok(Simulation { router: Wolkvox::new(config, clock).router(), settings, webhooks: None })
    }

    fn start(&self, setup: &DemoSetup) -> Result<Box<dyn DemoVendor>, DemoError> {
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
        Ok(Box::new(WolkvoxDemo { vendor: Wolkvox::new(config, setup.clock.clone()), zone, days: [first, today] }))
    }
}

struct WolkvoxDemo {
    vendor: Wolkvox,
    zone: Tz,
    days: [NaiveDate; 2],
}

#[async_trait]
impl DemoVendor for WolkvoxDemo {
    fn router(&self) -> Router {
        self.vendor.router()
    }

    fn settings(&self, base: &str) -> String {
        format!(
            "source = \"wolkvox\"\nbase_url = \"{base}\"\ntoken = \"{TOKEN}\"\ninterval = \"3s\"\nrefresh = \"6s\"\n\
             maintenance_pause = \"3s\"\ntimeout = \"20s\"\n{SHORT_WAITS}"
        )
    }

    fn days(&self) -> [NaiveDate; 2] {
        self.days
    }

    fn requests(&self) -> usize {
        self.vendor.requests().len()
    }

    fn set_faulty(&self, is_faulty: bool) {
        let share = |share: f64| if is_faulty { share } else { 0.0 };
        self.vendor.set_faults(Faults {
            throttle_429: share(0.4),
            retry_after: Duration::from_secs(2),
            server_500: share(0.3),
            html_200: share(0.2),
            ..Faults::default()
        });
    }

    fn freeze(&self) {
        self.vendor.freeze();
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
