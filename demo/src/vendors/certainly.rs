//! Certainly: its message report, also by mail.

use super::{DAYS, DemoSetup, DemoVendor, SHORT_WAITS, TOKEN, since};
use crate::compare::{Comparison, certainly};
use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::UTC;
use domain::window::midnight;
use simulator::SimulatedVendor;
use simulator::certainly::{Certainly, Config, Mail};
use simulator::gateway::Faults;
use std::time::Duration;
use storage::DbErr;
use storage::database::Database;

/// A vendor of which two days in a row hold more than one answer does, so that the service asks for a mailed export.
struct CertainlyDemo {
    vendor: Certainly,
    bots: Vec<String>,
    days: [NaiveDate; 2],
}

/// Makes the vendor of the demo.
pub fn start(setup: &DemoSetup) -> Box<dyn DemoVendor> {
    let days = [setup.day(DAYS), setup.day(0)];
    let config = Config {
        seed: setup.seed,
        tokens: vec![TOKEN.to_owned()],
        history_from: midnight(days[0], UTC),
        messages_per_day: 60.0,
        days: [(setup.day(12), 700), (setup.day(11), 700)].into_iter().collect(),
        live_every: Some(Duration::from_secs(5)),
        latency: Duration::from_millis(20),
        export_takes: Duration::from_secs(1),
        mail: Mail::Maildir(setup.mailbox.clone()),
        ..Config::default()
    };
    let bots = config.bots.clone();
    Box::new(CertainlyDemo { vendor: Certainly::new(config, setup.clock.clone()), bots, days })
}

#[async_trait]
impl DemoVendor for CertainlyDemo {
    fn simulated(&self) -> &dyn SimulatedVendor {
        &self.vendor
    }

    fn remark(&self) -> Option<&'static str> {
        Some("Two days at Certainly hold more rows than one answer can; they come by mail.")
    }

    fn settings(&self) -> String {
        format!("interval = \"5s\"\nrefresh = \"10s\"\nmailbox_interval = \"1s\"\nbusy_retry = \"2s\"\n{SHORT_WAITS}")
    }

    fn days(&self) -> [NaiveDate; 2] {
        self.days
    }

    fn faults(&self) -> Faults {
        let retry_after = Duration::from_secs(2);
        Faults { throttle_429: 0.3, retry_after, server_500: 0.3, ..Faults::default() }
    }

    fn last_poll(&self) -> Option<TimeDelta> {
        Some(TimeDelta::hours(1))
    }

    async fn compare(
        &self,
        db: &Database,
        account: &str,
        now: DateTime<Utc>,
    ) -> Result<Vec<(&'static str, Comparison)>, DbErr> {
        let Some(window) = since(self.days[0], UTC, now) else { return Ok(Vec::new()) };
        let mut sum = Comparison::default();
        for bot in &self.bots {
            sum = sum.and(certainly(db, account, &self.vendor, bot, window).await?);
        }
        Ok(vec![("certainly_messages", sum)])
    }
}
