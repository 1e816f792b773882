//! Ultimate (Zendesk AI agents): its day files.

use super::{DAYS, DemoSetup, DemoVendor, ROWS_PER_DAY, SHORT_WAITS, Simulation, TOKEN, VendorEntry, since};
use crate::compare::{Comparison, ultimate};
use crate::error::DemoError;
use crate::options::SimulateOptions;
use async_trait::async_trait;
use axum::Router;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::UTC;
use domain::clock::Clock;
use domain::window::midnight;
use simulator::SimulatedVendor;
use simulator::gateway::Faults;
use simulator::ultimate::{Config, Ultimate, Variants, Version};
use std::sync::Arc;
use std::time::Duration;
use storage::DbErr;
use storage::database::Database;

/// How long after midnight a day's file is there.
const READY_AFTER: Duration = Duration::from_hours(1);

/// The entry in the list of vendors.
#[derive(Debug)]
pub struct Entry;

impl VendorEntry for Entry {
    fn name(&self) -> &'static str {
        "ultimate"
    }

    fn title(&self) -> &'static str {
        "Ultimate"
    }

    fn summary(&self) -> &'static str {
        "Zendesk AI agents: files of whole days"
    }

    fn simulate(&self, options: &SimulateOptions, clock: Arc<dyn Clock>) -> Result<Simulation, DemoError> {
        let share = options.faults;
        let config = Config {
            seed: options.seed,
            tokens: vec![options.token.clone()],
            conversations_per_day: options.chats_per_day.unwrap_or(ROWS_PER_DAY),
            history_from: (clock.now() - TimeDelta::days(options.days)).date_naive(),
            variants: Variants::mixed(),
            faults: Faults { throttle_429: share, server_500: share, cut_body: share, ..Faults::default() },
            ..Config::default()
        };
        let settings = format!(
            "source = \"ultimate\"\nbase_url = \"BASE\"\ntoken = \"{}\"\norganization_id = \"{}\"\nbot_ids = {:?}",
            options.token, config.organization, config.bots
        );
        Ok(Simulation { router: Ultimate::new(config, clock).router(), settings, webhooks: None })
    }

    fn start(&self, setup: &DemoSetup) -> Result<Box<dyn DemoVendor>, DemoError> {
        let config = Config {
            seed: setup.seed,
            tokens: vec![TOKEN.to_owned()],
            history_from: setup.day(DAYS + 5),
            conversations_per_day: 120.0,
            resumed: 0.03,
            duplicates: 0.02,
            odd_data: 0.02,
            files_per_day: 3,
            ready_after: READY_AFTER,
            variants: Variants::mixed(),
            latency: Duration::from_millis(20),
            ..Config::default()
        };
        Ok(Box::new(UltimateDemo {
            organization: config.organization.clone(),
            bots: config.bots.clone(),
            // The vendor keeps 30 days, and deletes the oldest of them next.
            days: [setup.day(DAYS - 1), setup.day(1)],
            vendor: Ultimate::new(config, setup.clock.clone()),
        }))
    }
}

/// A vendor whose files have every variant of this vendor's format, and whose conversations may be taken up again days
/// later.
struct UltimateDemo {
    vendor: Ultimate,
    organization: String,
    bots: Vec<String>,
    days: [NaiveDate; 2],
}

#[async_trait]
impl DemoVendor for UltimateDemo {
    fn router(&self) -> Router {
        self.vendor.router()
    }

    fn settings(&self, base: &str) -> String {
        format!(
            "source = \"ultimate\"\nbase_url = \"{base}\"\ntoken = \"{TOKEN}\"\norganization_id = \"{}\"\n\
             bot_ids = {:?}\n{SHORT_WAITS}",
            self.organization, self.bots
        )
    }

    fn days(&self) -> [NaiveDate; 2] {
        self.days
    }

    fn requests(&self) -> usize {
        self.vendor.requests().len()
    }

    fn freeze(&self) {
        self.vendor.freeze();
    }

    async fn compare(
        &self,
        db: &Database,
        account: &str,
        now: DateTime<Utc>,
    ) -> Result<Vec<(&'static str, Comparison)>, DbErr> {
        // The service cannot hold a day whose file the vendor has not made yet.
        let last_file = now - READY_AFTER;
        let Some(window) = since(self.days[0], UTC, midnight(last_file.date_naive(), UTC)) else {
            return Ok(Vec::new());
        };
        let mut sum = Comparison::default();
        for bot in &self.bots {
            sum = sum.and(ultimate(db, account, (&self.vendor, Version::V2), bot, window).await?);
        }
        Ok(vec![("ultimate_conversations", sum)])
    }
}
