//! The simulated Certainly and the mailbox for its reports.

use super::AccountSettings;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use convosync::clock::SystemClock;
use demo::compare::{Comparison, certainly};
use domain::clock::Clock;
use domain::window::{Window, midnight};
use entities::requests::{Column, Entity};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use simulator::certainly::{Certainly, Config, Mail};
use simulator::{RequestRecord, Serving, SimulatedVendor, serve};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use storage::database::Database;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// A simulated Certainly on loopback.
pub struct CertainlyVendor {
    /// The simulator.
    pub certainly: Certainly,
    /// The base URL.
    pub base: String,
    /// The ids of its bots.
    pub bots: Vec<String>,
    clock: Arc<dyn Clock>,
    began: DateTime<Utc>,
    mails: TempDir,
    _serving: Serving,
}

/// The bot of a vendor with one bot.
pub const BOT: &str = "7c9e6679-7425-40de-944b-e07fc1f90ae7";

/// A vendor with one bot that answers at once. It has `per_day` messages a day; `days` sets another number for some days,
/// counted back from today.
pub fn messages(per_day: f64, days: &[(i64, usize)]) -> Config {
    let now = SystemClock::start().now();
    let day = |(ago, count): &(i64, usize)| ((now - TimeDelta::days(*ago)).date_naive(), *count);
    Config {
        bots: vec![BOT.to_owned()],
        messages_per_day: per_day,
        days: days.iter().map(day).collect::<BTreeMap<NaiveDate, usize>>(),
        latency: Duration::from_millis(5),
        export_takes: Duration::from_millis(300),
        ..Config::default()
    }
}

impl CertainlyVendor {
    /// Starts the vendor. It mails into its own Maildir unless `config` names another.
    pub async fn start(config: Config) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        let mails = TempDir::new().unwrap();
        for folder in ["tmp", "new", "cur"] {
            std::fs::create_dir(mails.path().join(folder)).unwrap();
        }
        let mail = match config.mail.clone() {
            Mail::Held => Mail::Maildir(mails.path().to_owned()),
            mail @ Mail::Maildir(_) => mail,
        };
        let bots = config.bots.clone();
        let certainly = Certainly::new(Config { mail, ..config }, clock.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let serving = serve(listener, certainly.router(), &CancellationToken::new()).unwrap();
        let (base, began) = (format!("{}/api", serving.base()), clock.now());
        Self { certainly, base, bots, clock, began, mails, _serving: serving }
    }

    /// An account with all bots and the vendor's mailbox.
    pub fn account(&self, name: &str) -> AccountSettings {
        let account = AccountSettings::of("certainly", name, &self.base, &self.certainly.tokens()[0]);
        account
            .with_list("bot_ids", &self.bots)
            .with("mailbox", &format!("maildir:{}", self.mails.path().display()))
            .with("mailbox_interval", "1s")
            .with("busy_retry", "1s")
            .with("export_patience", "1m")
    }

    /// The day `ago` days before the start of the vendor, in UTC. The start is fixed, because midnight may pass during a test.
    pub fn day(&self, ago: i64) -> NaiveDate {
        (self.began - TimeDelta::days(ago)).date_naive()
    }

    /// The window from the midnight `ago` days before the start until now.
    pub fn since(&self, ago: i64) -> Window {
        Window::new(midnight(self.day(ago), chrono_tz::UTC), self.now()).unwrap()
    }

    /// Freezes the vendor's dataset and waits until the service has fetched today once more for each bot.
    pub async fn freeze_and_catch_up(&self, database: &Database, account: &str) {
        self.certainly.freeze();
        let frozen = self.now();
        let today = midnight(frozen.date_naive(), chrono_tz::UTC);
        for bot in &self.bots {
            super::until("a read of today", async || {
                let read = Entity::find()
                    .filter(Column::Account.eq(account))
                    .filter(Column::Stream.eq(bot.as_str()))
                    .filter(Column::Verdict.eq("commit"))
                    .filter(Column::SentAt.gt(frozen + TimeDelta::seconds(1)))
                    .filter(Column::FromAt.lte(today))
                    .filter(Column::ToAt.gte(frozen));
                read.count(database.connection()).await.unwrap() > 0
            })
            .await;
        }
    }

    /// Compares the table with the vendor's dataset for all bots since `ago` days ago.
    pub async fn compare(&self, database: &Database, account: &str, ago: i64) -> Comparison {
        let window = self.since(ago);
        let mut all = Comparison::default();
        for bot in &self.bots {
            all = all.and(certainly(database, account, &self.certainly, bot, window).await.unwrap());
        }
        all
    }

    /// The POST requests.
    pub fn posts(&self) -> Vec<RequestRecord> {
        self.certainly.requests().into_iter().filter(|seen| seen.facts.method == "POST").collect()
    }

    /// The names of the mails in `new` or `cur`.
    pub fn mails(&self, folder: &str) -> Vec<String> {
        let folder = std::fs::read_dir(self.mails.path().join(folder)).unwrap();
        folder.map(|mail| mail.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// The Maildir of the vendor.
    pub fn maildir(&self) -> &Path {
        self.mails.path()
    }

    /// Writes the CSV report of the days `ago.0` to `ago.1` days ago, both included, as the vendor mails it.
    pub fn csv(&self, bot: &str, ago: (i64, i64), style: u64) -> PathBuf {
        let (from, to) = (midnight(self.day(ago.0), chrono_tz::UTC), midnight(self.day(ago.1 - 1), chrono_tz::UTC));
        let path = self.mails.path().join(format!("report_{style}.csv"));
        super::write_dated(&path, self.certainly.csv(bot, Window::new(from, to).unwrap(), style));
        path
    }

    /// Checks that the vendor recorded no breach and never two requests in flight on one token.
    pub fn assert_no_breach(&self) {
        assert_eq!(self.certainly.most_in_flight(), 1, "P1: requests in flight on one token");
        assert_eq!(self.certainly.breaches(), [], "the vendor's rules");
    }

    /// The current time.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }
}
