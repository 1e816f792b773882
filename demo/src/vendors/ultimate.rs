//! Ultimate (Zendesk AI agents): its day files.

use super::{DAYS, DemoSetup, DemoVendor, SHORT_WAITS, TOKEN, since};
use crate::compare::{Comparison, ultimate};
use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::UTC;
use domain::window::midnight;
use simulator::SimulatedVendor;
use simulator::ultimate::{Config, Ultimate, Variants, Version};
use std::time::Duration;
use storage::DbErr;
use storage::database::Database;

/// How long after midnight a day's file is there.
const READY_AFTER: Duration = Duration::from_hours(1);

/// A vendor whose files have every variant of this vendor's format, and whose conversations may be taken up again days
/// later.
struct UltimateDemo {
    vendor: Ultimate,
    bots: Vec<String>,
    days: [NaiveDate; 2],
}

/// Makes the vendor of the demo.
pub fn start(setup: &DemoSetup) -> Box<dyn DemoVendor> {
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
    Box::new(UltimateDemo {
        bots: config.bots.clone(),
        // The vendor keeps 30 days, and deletes the oldest of them next.
        days: [setup.day(DAYS - 1), setup.day(1)],
        vendor: Ultimate::new(config, setup.clock.clone()),
    })
}

#[async_trait]
impl DemoVendor for UltimateDemo {
    fn simulated(&self) -> &dyn SimulatedVendor {
        &self.vendor
    }

    fn settings(&self) -> String {
        SHORT_WAITS.to_owned()
    }

    fn days(&self) -> [NaiveDate; 2] {
        self.days
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
