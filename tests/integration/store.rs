//! The database by itself: tables, rows, the ledger, lanes, commits and reports, on both engines alike.
//!
//! A test that bears a plain name runs on PostgreSQL; the same one with `_on_sqlite` behind it runs on a file.

mod commits;
mod data_docs;
mod doctor;
mod items;
mod lanes;
mod leases;
mod ledger;
mod migrations;
mod operator_actions;
mod pacing;
mod reports;
mod schedulers;
mod snapshots;
mod upserts;
mod views;

use crate::harness::{Engine, TestDatabase};
use chrono::{DateTime, TimeDelta, Utc};
use domain::job::{Job, Purpose};
use domain::ledger::Ledger;
use domain::slice::Slice;
use domain::window::Window;
use entities::{jobs, lane_slots, wolkvox_chats};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};
use std::time::Duration;
use storage::accounts::{Account, Accounts};
use storage::database::Database;
use storage::lanes::claim::Claim;
use storage::lanes::claim::claim;
use storage::lanes::dispatch::Dispatch;
use storage::lanes::dispatch::dispatch;
use storage::lanes::{LaneSpec, ensure};
use storage::ledger::{StreamId, load, lock, store};
use storage::snapshot::Snapshot;

/// A fresh database, and accounts whose vendor is never asked.
pub struct Store {
    pub made: TestDatabase,
    pub accounts: Accounts,
}

impl Store {
    /// With the account `a` alone.
    pub async fn fresh(engine: Engine) -> Self {
        Self::with(engine, &[("a", json!({}))]).await
    }

    /// With these accounts, and what each one's settings say beyond the usual.
    pub async fn with(engine: Engine, accounts: &[(&str, Value)]) -> Self {
        let made = TestDatabase::fresh(engine).await;
        let accounts = Accounts::new(accounts.iter().map(|(name, more)| account(name, more)).collect());
        let store = Self { made, accounts };
        for lane in store.accounts.lanes() {
            ensure(store.db(), lane).await.unwrap();
        }
        store
    }

    pub fn db(&self) -> &Database {
        &self.made.database
    }

    pub fn account(&self) -> &Account {
        self.accounts.account("a").unwrap()
    }

    pub fn lane(&self) -> &LaneSpec {
        self.accounts.lane("a").unwrap()
    }

    pub async fn snapshot(&self) -> Snapshot {
        self.db().snapshot().await.unwrap()
    }

    pub async fn now(&self) -> DateTime<Utc> {
        self.db().now(self.db().connection()).await.unwrap()
    }

    /// Changes the ledger of the stream of `account`, as scheduler and worker do.
    pub async fn change(&self, account: &str, change: impl FnOnce(&mut Ledger)) -> Ledger {
        let id = stream(account);
        let now = self.now().await;
        let tx = self.db().begin().await.unwrap();
        let before = lock(&tx, &id).await.unwrap();
        let mut after = before.clone();
        change(&mut after);
        store(&tx, &id, &before, &after, now).await.unwrap();
        tx.commit().await.unwrap();
        self.ledger(account).await
    }

    pub async fn ledger(&self, account: &str) -> Ledger {
        load(&self.snapshot().await, &stream(account)).await.unwrap()
    }

    /// One more job for a window ten days ago, due now; returns its id.
    pub async fn job(&self, account: &str, hour: i64) -> i64 {
        let now = self.now().await;
        let slice = Slice::Window(old_hour(now, hour));
        // It takes no time, so that it also fits in before a live slot that is near.
        let job = Job::new(Purpose::Settle, slice, now - TimeDelta::seconds(1), Duration::ZERO);
        let ledger = self.change(account, |ledger| ledger.jobs.push(job)).await;
        ledger.jobs.iter().map(|job| job.id).max().unwrap()
    }

    /// A job of `a`, handed out and claimed.
    pub async fn claimed(&self) -> Claim {
        self.job("a", 0).await;
        self.claim_next("first").await
    }

    /// The next ticket of the lane of `a`, claimed.
    pub async fn claim_next(&self, holder: &str) -> Claim {
        let Dispatch::Ticket(ticket) = dispatch(self.db(), self.lane()).await.unwrap() else {
            panic!("nothing was handed out")
        };
        claim(self.db(), self.lane(), ticket, holder).await.unwrap().expect("a free lane")
    }

    /// Puts the end of every lease and ticket into the past, as if their holders had died long ago.
    pub async fn expire(&self) {
        let past = self.now().await - TimeDelta::seconds(5);
        let slots = lane_slots::Entity::update_many()
            .col_expr(lane_slots::Column::UntilAt, Expr::value(past))
            .col_expr(lane_slots::Column::NotBefore, Expr::value(past));
        slots.exec(self.db().connection()).await.unwrap();
        let tickets = jobs::Entity::update_many()
            .col_expr(jobs::Column::UntilAt, Expr::value(Some(past)))
            .filter(jobs::Column::UntilAt.is_not_null());
        tickets.exec(self.db().connection()).await.unwrap();
    }

    /// The rows of a table.
    pub async fn count(&self, table: &str) -> i64 {
        self.made.number(&format!("SELECT COUNT(*) FROM {table}")).await
    }
}

/// An account at a Wolkvox that nobody calls; its days are UTC's.
pub fn account(name: &str, more: &Value) -> Account {
    let mut settings = json!({"source": "wolkvox", "server": "0042", "token": name, "timezone": "UTC"});
    for (key, value) in more.as_object().unwrap() {
        settings[key] = value.clone();
    }
    let opened = sources::open(name, settings.as_object().unwrap()).unwrap();
    Account { source: opened.source, since: opened.since }
}

/// The one stream of an account.
pub fn stream(account: &str) -> StreamId {
    StreamId { account: account.to_owned(), stream: "chat_8".to_owned(), source: "wolkvox".to_owned() }
}

/// An hour of a day long settled.
pub fn old_hour(now: DateTime<Utc>, hour: i64) -> Window {
    let day = now.date_naive().and_time(chrono::NaiveTime::MIN).and_utc() - TimeDelta::days(10);
    Window::new(day + TimeDelta::hours(hour), day + TimeDelta::hours(hour + 1)).unwrap()
}

/// A chat; `digest` stands for all that may change in it.
pub fn chat(account: &str, id: &str, start: Option<DateTime<Utc>>, digest: &str) -> wolkvox_chats::Model {
    let text = |text: &str| text.to_owned();
    wolkvox_chats::Model {
        account: text(account),
        conn_id: text(id),
        session_id: text("573000000000-1"),
        times_chatted: Some(7),
        start_date: start.map_or_else(String::new, |at| at.format("%Y-%m-%d %H:%M:%S").to_string()),
        end_date: String::new(),
        time_on_chatbot: text("00:01:00"),
        rp_id: text("7"),
        channel: text("whatsapp"),
        go_to_agent: text("yes"),
        customer_phone: text("573000000000"),
        customer_name: text("Zoë \u{1F600} \"quoted\""),
        agent_id: String::new(),
        agent_name: String::new(),
        time_with_agent: String::new(),
        total_time: text("00:01:00"),
        customer_chars: None,
        agent_chars: None,
        total_chars: Some(0),
        asa: String::new(),
        last_sender: text("customer"),
        customer_id: String::new(),
        customer_email: String::new(),
        start_at: start,
        end_at: None,
        time_on_chatbot_seconds: Some(60),
        time_with_agent_seconds: None,
        total_time_seconds: Some(60),
        asa_seconds: None,
        extra: json!({"odd": ["é", null]}),
        digest: text(digest),
        synced_at: DateTime::UNIX_EPOCH,
    }
}
