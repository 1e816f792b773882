//! Certainly: its message report, also by mail.

use super::{DAYS, DemoSetup, DemoVendor, ROWS_PER_DAY, SHORT_WAITS, Simulation, TOKEN, VendorEntry, since};
use crate::compare::{Comparison, certainly};
use crate::error::DemoError;
use crate::options::SimulateOptions;
use async_trait::async_trait;
use axum::Router;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::UTC;
use domain::clock::Clock;
use domain::window::midnight;
use simulator::SimulatedVendor;
use simulator::certainly::{Certainly, Config, Mail, make_maildir};
use simulator::gateway::Faults;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use storage::DbErr;
use storage::database::Database;

/// The address of a Maildir, in quotes.
fn mailbox(folder: &Path) -> toml::Value {
    toml::Value::from(format!("maildir:{}", folder.display()))
}

/// The entry in the list of vendors.
#[derive(Debug)]
pub struct Entry;

impl VendorEntry for Entry {
    fn name(&self) -> &'static str {
        "certainly"
    }

    fn title(&self) -> &'static str {
        "Certainly"
    }

    fn summary(&self) -> &'static str {
        "Report of messages, also by mail"
    }

    fn simulate(&self, options: &SimulateOptions, clock: Arc<dyn Clock>) -> Result<Simulation, DemoError> {
        let share = options.faults;
        let config = Config {
            seed: options.seed,
            tokens: vec![options.token.clone()],
            messages_per_day: options.chats_per_day.unwrap_or(ROWS_PER_DAY),
            history_from: clock.now() - TimeDelta::days(options.days),
            row_cap: options.row_cap.unwrap_or(500),
            mail: options.maildir.clone().map_or(Mail::Held, Mail::Maildir),
            faults: Faults { throttle_429: share, server_500: share, cut_body: share, ..Faults::default() },
            ..Config::default()
        };
        let mut settings = format!(
            "source = \"certainly\"\nbase_url = \"BASE/api\"\ntoken = \"{}\"\nbot_ids = {:?}",
            options.token, config.bots
        );
        if let Some(folder) = &options.maildir {
            let folder = std::path::absolute(folder)?;
            make_maildir(&folder)?;
            settings = format!("{settings}\nmailbox = {}", mailbox(&folder));
        }
        Ok(Simulation { router: Certainly::new(config, clock).router(), settings, webhooks: None })
    }

    fn start(&self, setup: &DemoSetup) -> Result<Box<dyn DemoVendor>, DemoError> {
        make_maildir(&setup.mailbox)?;
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
        let (bots, mailbox) = (config.bots.clone(), mailbox(&setup.mailbox));
        Ok(Box::new(CertainlyDemo { vendor: Certainly::new(config, setup.clock.clone()), bots, mailbox, days }))
    }
}

/// A vendor of which two days in a row hold more than one answer does, so that the service asks for a mailed export.
struct CertainlyDemo {
    vendor: Certainly,
    bots: Vec<String>,
    mailbox: toml::Value,
    days: [NaiveDate; 2],
}

#[async_trait]
impl DemoVendor for CertainlyDemo {
    fn remark(&self) -> Option<&'static str> {
        Some("Two days at Certainly hold more rows than one answer can; they come by mail.")
    }

    fn router(&self) -> Router {
        self.vendor.router()
    }

    fn settings(&self, base: &str) -> String {
        format!(
            "source = \"certainly\"\nbase_url = \"{base}/api\"\ntoken = \"{TOKEN}\"\nbot_ids = {:?}\n\
             interval = \"5s\"\nrefresh = \"10s\"\ntimeout = \"20s\"\nmailbox = {}\nmailbox_interval = \"1s\"\n\
             busy_retry = \"2s\"\n{SHORT_WAITS}",
            self.bots, self.mailbox
        )
    }

    fn days(&self) -> [NaiveDate; 2] {
        self.days
    }

    fn requests(&self) -> usize {
        self.vendor.requests().len()
    }

    fn set_faulty(&self, is_faulty: bool) {
        let share = if is_faulty { 0.3 } else { 0.0 };
        let retry_after = Duration::from_secs(2);
        self.vendor.set_faults(Faults { throttle_429: share, retry_after, server_500: share, ..Faults::default() });
    }

    fn freeze(&self) {
        self.vendor.freeze();
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
