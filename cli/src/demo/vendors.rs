//! The simulated vendors that play in the demo.

use super::hooked::{Hooked, TREBLE, TRUORA};
use crate::compare::{Comparison, certainly, ultimate, wolkvox};
use crate::failure::Failure;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::clock::Clock;
use domain::window::{Window, midnight};
use entities::DbErr;
use entities::database::Database;
use simulator::certainly::Certainly;
use simulator::ultimate::{Ultimate, Version};
use simulator::wolkvox::Wolkvox;
use simulator::{Serving, certainly as certainlys, serve, ultimate as ultimates, wolkvox as wolkvoxes};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// All of them, on loopback.
pub struct Vendors {
    wolkvox: (Wolkvox, Serving),
    ultimate: (Ultimate, Serving),
    certainly: (Certainly, Serving),
    ultimate_bots: Vec<String>,
    organization: String,
    certainly_bots: Vec<String>,
    mailbox: String,
    /// Those that post webhooks.
    pub hooked: Hooked,
    /// The first day of each account's backfill, and the last, both included.
    pub days: [(&'static str, NaiveDate, NaiveDate); 5],
}

/// How many days they hold.
pub const DAYS: i64 = 30;
/// The account at Wolkvox.
pub const WOLKVOX: &str = "wolkvox_demo";
/// The account at Ultimate.
pub const ULTIMATE: &str = "ultimate_demo";
/// The account at Certainly.
pub const CERTAINLY: &str = "certainly_demo";
/// The token of each.
pub const TOKEN: &str = "simulated-token";

impl Vendors {
    /// Starts them. Certainly's mails go to the Maildir `mailbox`.
    pub async fn start(seed: u64, clock: Arc<dyn Clock>, mailbox: &Path) -> Result<Self, Failure> {
        let now = clock.now();
        certainlys::make_maildir(mailbox)?;
        let wolkvox = Wolkvox::new(wolkvox_config(seed, now), clock.clone());
        let ultimate_config = ultimate_config(seed, now);
        let (ultimate_bots, organization) = (ultimate_config.bots.clone(), ultimate_config.organization.clone());
        let ultimate = Ultimate::new(ultimate_config, clock.clone());
        let certainly_config = certainly_config(seed, now, mailbox);
        let certainly_bots = certainly_config.bots.clone();
        let certainly = Certainly::new(certainly_config, clock.clone());
        let hooked = Hooked::start(seed, &clock).await?;
        let first = |zone: chrono_tz::Tz, days| (now - TimeDelta::days(days)).with_timezone(&zone).date_naive();
        let bogota = wolkvoxes::Config::default().zone;
        Ok(Self {
            wolkvox: (wolkvox.clone(), serving(wolkvox.router()).await?),
            ultimate: (ultimate.clone(), serving(ultimate.router()).await?),
            certainly: (certainly.clone(), serving(certainly.router()).await?),
            ultimate_bots,
            organization,
            certainly_bots,
            mailbox: format!("maildir:{}", mailbox.display()),
            days: [
                (WOLKVOX, first(bogota, DAYS), first(bogota, 0)),
                // The vendor keeps 30 days, and the oldest of them is about to go.
                (ULTIMATE, first(chrono_tz::UTC, DAYS - 1), first(chrono_tz::UTC, 1)),
                (CERTAINLY, first(chrono_tz::UTC, DAYS), first(chrono_tz::UTC, 0)),
                (TRUORA, hooked.first(), first(chrono_tz::UTC, 0)),
                (TREBLE, hooked.first(), first(chrono_tz::UTC, 0)),
            ],
            hooked,
        })
    }

    /// The accounts as a user would write them.
    pub fn settings(&self) -> String {
        let soon = "spacing = \"50ms\"\nretry_min = \"1s\"";
        format!(
            "[accounts.{WOLKVOX}]\nsource = \"wolkvox\"\nbase_url = \"{}\"\ntoken = \"{TOKEN}\"\ninterval = \"3s\"\n\
             refresh = \"6s\"\nmaintenance_pause = \"3s\"\ntimeout = \"20s\"\n{soon}\n\
             [accounts.{ULTIMATE}]\nsource = \"ultimate\"\nbase_url = \"{}\"\ntoken = \"{TOKEN}\"\n\
             organization_id = \"{}\"\nbot_ids = {:?}\n{soon}\n\
             [accounts.{CERTAINLY}]\nsource = \"certainly\"\nbase_url = \"{}/api\"\ntoken = \"{TOKEN}\"\nbot_ids = {:?}\n\
             interval = \"5s\"\nrefresh = \"10s\"\ntimeout = \"20s\"\nmailbox = {}\nmailbox_interval = \"1s\"\n\
             busy_retry = \"2s\"\n{soon}\n{}",
            self.wolkvox.1.base(),
            self.ultimate.1.base(),
            self.organization,
            self.ultimate_bots,
            self.certainly.1.base(),
            self.certainly_bots,
            toml::Value::from(self.mailbox.as_str()),
            self.hooked.settings(),
        )
    }

    /// Where each answers, for people.
    pub fn addresses(&self) -> [(&'static str, String); 5] {
        let [truora, treble] = self.hooked.addresses();
        [
            ("Wolkvox", self.wolkvox.1.base()),
            ("Ultimate", self.ultimate.1.base()),
            ("Certainly", self.certainly.1.base()),
            truora,
            treble,
        ]
    }

    /// How many requests they have seen.
    pub fn requests(&self) -> usize {
        let by_time = self.wolkvox.0.requests().len() + self.ultimate.0.requests().len();
        by_time + self.certainly.0.requests().len() + self.hooked.requests()
    }

    /// Whether they throttle, break off and show web pages from now on.
    pub fn stumble(&self, does: bool) {
        let share = |share: f64| if does { share } else { 0.0 };
        let wait = Duration::from_secs(2);
        self.wolkvox.0.set_faults(wolkvoxes::Faults {
            throttle_429: share(0.4),
            retry_after: wait,
            server_500: share(0.3),
            html_200: share(0.2),
            ..wolkvoxes::Faults::default()
        });
        self.certainly.0.set_faults(certainlys::Faults {
            throttle_429: share(0.3),
            retry_after: wait,
            server_500: share(0.3),
            ..certainlys::Faults::default()
        });
        self.hooked.stumble(does);
    }

    /// Stops their truths.
    pub fn freeze(&self) {
        self.wolkvox.0.freeze();
        self.ultimate.0.freeze();
        self.certainly.0.freeze();
        self.hooked.freeze();
    }

    /// Their tables against their truths, as of `now`: what a vendor has not made a file of yet is nobody's to hold.
    pub async fn compare(&self, db: &Database, now: DateTime<Utc>) -> Result<Vec<(&'static str, Comparison)>, DbErr> {
        let [from_wolkvox, from_ultimate, from_certainly, ..] = self.days;
        let window = |from: NaiveDate, zone, to| Window::new(midnight(from, zone), to);
        let mut found = Vec::new();
        if let Some(window) = window(from_wolkvox.1, wolkvoxes::Config::default().zone, now) {
            found.push(("wolkvox_chats", wolkvox(db, WOLKVOX, &self.wolkvox.0, window).await?));
        }
        // A file is asked for an hour after its day.
        let files = midnight((now - TimeDelta::hours(1)).date_naive(), chrono_tz::UTC);
        if let Some(window) = window(from_ultimate.1, chrono_tz::UTC, files) {
            let mut sum = Comparison::default();
            for bot in &self.ultimate_bots {
                let vendor = (&self.ultimate.0, Version::V2);
                sum = sum.and(ultimate(db, ULTIMATE, vendor, bot, window).await?);
            }
            found.push(("ultimate_conversations", sum));
        }
        if let Some(window) = window(from_certainly.1, chrono_tz::UTC, now) {
            let mut sum = Comparison::default();
            for bot in &self.certainly_bots {
                sum = sum.and(certainly(db, CERTAINLY, &self.certainly.0, bot, window).await?);
            }
            found.push(("certainly_messages", sum));
        }
        found.extend(self.hooked.compare(db, now).await?);
        Ok(found)
    }
}

/// Serves a vendor on loopback.
pub async fn serving(router: axum::Router) -> Result<Serving, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    Ok(serve(listener, router, &CancellationToken::new())?)
}

fn wolkvox_config(seed: u64, now: DateTime<Utc>) -> wolkvoxes::Config {
    let config = wolkvoxes::Config { seed, tokens: vec![TOKEN.to_owned()], ..wolkvoxes::Config::default() };
    let today = now.with_timezone(&config.zone).date_naive();
    wolkvoxes::Config {
        history_from: midnight(today - TimeDelta::days(DAYS), config.zone),
        chats_per_day: 400.0,
        live_every: Some(Duration::from_secs(3)),
        blank_ids: 0.01,
        duplicates: 0.01,
        odd_columns: true,
        latency: Duration::from_millis(150),
        ..config
    }
}

/// Files in every spelling that was ever seen of this vendor, and conversations that are taken up again days later.
fn ultimate_config(seed: u64, now: DateTime<Utc>) -> ultimates::Config {
    ultimates::Config {
        seed,
        tokens: vec![TOKEN.to_owned()],
        history_from: (now - TimeDelta::days(DAYS + 5)).date_naive(),
        conversations_per_day: 120.0,
        resumed: 0.03,
        duplicates: 0.02,
        odd_data: 0.02,
        files_per_day: 3,
        // A file is asked for an hour after its day; what is out before is not yet anybody's to hold.
        ready_after: Duration::from_hours(1),
        shape: ultimates::Shape::mixed(),
        latency: Duration::from_millis(20),
        ..ultimates::Config::default()
    }
}

/// Two days in a row hold more than one answer does, so that a mailed export is asked for.
fn certainly_config(seed: u64, now: DateTime<Utc>, mailbox: &Path) -> certainlys::Config {
    let dense = |ago| ((now - TimeDelta::days(ago)).date_naive(), 700);
    certainlys::Config {
        seed,
        tokens: vec![TOKEN.to_owned()],
        history_from: midnight((now - TimeDelta::days(DAYS)).date_naive(), chrono_tz::UTC),
        messages_per_day: 60.0,
        days: [dense(12), dense(11)].into_iter().collect(),
        live_every: Some(Duration::from_secs(5)),
        latency: Duration::from_millis(20),
        export_takes: Duration::from_secs(1),
        mail: certainlys::Mail::Maildir(mailbox.to_owned()),
        ..certainlys::Config::default()
    }
}
