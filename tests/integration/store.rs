//! Tests of `storage` on both engines: tables, rows, the ledger, lanes, commits and reports.
//!
//! A test without a suffix runs on PostgreSQL, one with the suffix `_on_sqlite` on an SQLite file.

mod backlog;
mod bad_rows;
mod clock_steps;
mod commits;
mod data_docs;
mod day_counts;
mod doctor;
mod gone_rows;
mod import_claims;
mod item_versions;
mod items;
mod known_columns;
mod lanes;
mod leases;
mod ledger;
mod lost_attempts;
mod mail_attempts;
mod mentions;
mod migrations;
mod operator_actions;
mod pacing;
mod processes;
mod rejects;
mod reopened_days;
mod reports;
mod retention;
mod schedulers;
mod sleep;
mod slices;
mod snapshots;
mod upserts;
mod views;
mod volume;
mod webhook_backlog;

use crate::harness::{Engine, TestDatabase};
use chrono::{DateTime, TimeDelta, Utc};
use domain::fault::Fault;
use domain::item_backlog::ItemBacklog;
use domain::job::{Job, Purpose};
use domain::judge::{Judgement, Verdict};
use domain::ledger::Ledger;
use domain::live_slot::slot_at;
use domain::process::ROLES;
use domain::slice::Slice;
use domain::source::ResponseSummary;
use domain::window::Window;
use entities::{jobs, lane_slots, wolkvox_chats};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, Set};
use serde_json::{Value, json};
use std::time::Duration;
use storage::accounts::{Account, Accounts};
use storage::database::Database;
use storage::installation::lane_secret;
use storage::lanes::claim::Claim;
use storage::lanes::claim::claim;
use storage::lanes::dispatch::Dispatch;
use storage::lanes::dispatch::dispatch;
use storage::lanes::{LaneSpec, ensure};
use storage::ledger::commit::ExchangeRecord;
use storage::ledger::{StreamId, item_jobs, load, lock, store};
use storage::processes::{ProcessIdentity, report};
use storage::reports::status::{Status, status};
use storage::snapshot::Snapshot;

/// A fresh database, and accounts that send no request to a vendor.
pub struct Store {
    pub made: TestDatabase,
    pub accounts: Accounts,
}

impl Store {
    /// Creates a store with the account `a`.
    pub async fn fresh(engine: Engine) -> Self {
        Self::with(engine, &[("a", json!({}))]).await
    }

    /// Creates a store with these accounts and their further settings.
    pub async fn with(engine: Engine, accounts: &[(&str, Value)]) -> Self {
        let made = TestDatabase::fresh(engine).await;
        let accounts = Accounts::new(accounts.iter().map(|(name, more)| account(name, more)).collect());
        // Commands that a test runs on the same database use the same lanes.
        let accounts = accounts.keyed(&lane_secret(&made.database).await.unwrap());
        let store = Self { made, accounts };
        for lane in store.accounts.lanes() {
            ensure(store.db(), lane).await.unwrap();
        }
        store.wait_past_live_slot().await;
        store
    }

    /// Waits until the next live slot is not near: shortly before it a lane dispatches no background job.
    async fn wait_past_live_slot(&self) {
        let Some(account) = self.accounts.all().first() else { return };
        let (now, rules) = (self.now().await, account.source.rules());
        let left = slot_at(now, rules) + rules.cadence() - now;
        if left < TimeDelta::seconds(10) {
            tokio::time::sleep(left.to_std().unwrap_or_default()).await;
        }
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

    /// The status while a process with all roles is at work.
    pub async fn status(&self) -> Status {
        self.report_process().await;
        status(&self.snapshot().await, &self.accounts).await.unwrap()
    }

    /// Reports a process with all roles.
    pub async fn report_process(&self) {
        let name = "host-1".to_owned();
        let process =
            ProcessIdentity { host: "host".to_owned(), version: "1.2.3".to_owned(), roles: ROLES.to_vec(), name };
        report(self.db(), &process).await.unwrap();
    }

    pub async fn now(&self) -> DateTime<Utc> {
        self.db().now(self.db().connection()).await.unwrap()
    }

    /// Changes the ledger of the stream of `account` in a transaction, as scheduler and worker do.
    pub async fn change(&self, account: &str, change: impl FnOnce(&mut Ledger)) -> Ledger {
        let id = stream(account);
        let now = self.now().await;
        let tx = self.db().begin().await.unwrap();
        let mut before = lock(&tx, &id).await.unwrap();
        before.jobs.extend(item_jobs(&tx, &id).await.unwrap());
        before.jobs.sort_by_key(|job| job.id);
        let mut after = before.clone();
        change(&mut after);
        store(&tx, &id, &before, &after, now).await.unwrap();
        tx.commit().await.unwrap();
        self.ledger(account).await
    }

    /// The ledger with each open item, instead of the sums.
    pub async fn ledger(&self, account: &str) -> Ledger {
        let snapshot = self.snapshot().await;
        let mut ledger = self.ledger_with_sums(account).await;
        ledger.items = ItemBacklog::default();
        ledger.jobs.extend(item_jobs(&snapshot, &stream(account)).await.unwrap());
        ledger.jobs.sort_by_key(|job| job.id);
        ledger
    }

    /// The ledger as reports read it.
    pub async fn ledger_with_sums(&self, account: &str) -> Ledger {
        load(&self.snapshot().await, &stream(account)).await.unwrap()
    }

    /// Adds a job for a window ten days ago that is due now. Returns its id.
    pub async fn job(&self, account: &str, hour: i64) -> i64 {
        let now = self.now().await;
        let slice = Slice::Window(old_hour(now, hour));
        // The job takes no time, so that the lane dispatches it also shortly before a live slot.
        let job = Job::new(Purpose::Settle, slice, now - TimeDelta::seconds(1), Duration::ZERO);
        let ledger = self.change(account, |ledger| ledger.jobs.push(job)).await;
        ledger.jobs.iter().map(|job| job.id).max().unwrap()
    }

    /// Adds a job to `a`, dispatches and claims it.
    pub async fn claimed(&self) -> Claim {
        self.job("a", 0).await;
        self.claim_next("first").await
    }

    /// Dispatches the next ticket of the lane of `a` and claims it.
    pub async fn claim_next(&self, holder: &str) -> Claim {
        let Dispatch::Ticket(ticket) = dispatch(self.db(), self.lane()).await.unwrap() else {
            panic!("the lane dispatched no ticket")
        };
        claim(self.db(), self.lane(), ticket, holder).await.unwrap().expect("a free lane")
    }

    /// Moves the end of each lease and ticket into the past, as if their workers had died long ago.
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

    /// Moves each lease, and the job of its holder, ahead by `step`, as if the clock had been ahead when it was acquired.
    pub async fn postpone_leases(&self, step: TimeDelta) {
        let on = self.db().connection();
        for slot in lane_slots::Entity::find().all(on).await.unwrap() {
            let (until, not_before) = (slot.until_at + step, slot.not_before + step);
            let mut slot = slot.into_active_model();
            (slot.until_at, slot.not_before) = (Set(until), Set(not_before));
            slot.update(on).await.unwrap();
        }
        for job in jobs::Entity::find().filter(jobs::Column::UntilAt.is_not_null()).all(on).await.unwrap() {
            let until = job.until_at.map(|until| until + step);
            let mut job = job.into_active_model();
            job.until_at = Set(until);
            job.update(on).await.unwrap();
        }
    }

    /// The number of rows in a table.
    pub async fn count(&self, table: &str) -> i64 {
        self.made.number(&format!("SELECT COUNT(*) FROM {table}")).await
    }
}

/// A Wolkvox account whose days are days in UTC.
pub fn account(name: &str, more: &Value) -> Account {
    let mut settings = json!({"source": "wolkvox", "server": "0042", "token": name, "timezone": "UTC"});
    for (key, value) in more.as_object().unwrap() {
        settings[key] = value.clone();
    }
    let opened = sources::open(name, settings.as_object().unwrap()).unwrap();
    Account::new(opened.source, opened.since)
}

/// The one stream of an account.
pub fn stream(account: &str) -> StreamId {
    StreamId { account: account.to_owned(), stream: "chat_8".to_owned(), source: "wolkvox".to_owned() }
}

/// An hour of the day ten days ago, which has settled.
pub fn old_hour(now: DateTime<Utc>, hour: i64) -> Window {
    let day = now.date_naive().and_time(chrono::NaiveTime::MIN).and_utc() - TimeDelta::days(10);
    Window::new(day + TimeDelta::hours(hour), day + TimeDelta::hours(hour + 1)).unwrap()
}

/// A chat whose content `digest` stands for.
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
        gone_at: None,
    }
}

/// Judges no answer: the database is expected to refuse no row.
pub fn no_refusal(result: Result<&ResponseSummary, &Fault>) -> Judgement {
    panic!("the database refused rows: {result:?}")
}

/// A full answer of `rows` rows to the job of `claim`.
pub fn full_answer(store: &Store, claim: &Claim, rows: usize) -> ExchangeRecord {
    ExchangeRecord {
        rules: store.lane().rules.clone(),
        sent_at: claim.now,
        elapsed: Duration::from_millis(250),
        result: Ok(ResponseSummary { rows: rows as u64, ..ResponseSummary::default() }),
        judgement: Judgement { verdict: Verdict::Commit, closure: None },
        idle: true,
        vendor_clock: None,
    }
}
