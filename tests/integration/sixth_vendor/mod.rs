//! A sixth vendor that only this test knows: its settings are opened, its days become final and its rows are in the view
//! `conversations`, without a change to any other crate. `docs/adding-a-vendor.md` describes the same parts.

mod source;
mod table;
mod vendor;

use crate::harness::{Engine, TestDatabase, TestService, until};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use convosync::clock::SystemClock;
use domain::clock::Clock;
use sea_orm::{EntityTrait, QueryOrder};
use serde_json::{Map, Value, json};
use source::TINY;
use sources::{VENDORS, Vendor};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use storage::accounts::{Account, Accounts};
use vendor::{TOKEN, TinyVendor, events};

/// The days that the account must cover.
const DAYS: i64 = 6;

#[tokio::test(flavor = "multi_thread")]
async fn a_sixth_vendor_syncs_into_postgres() {
    a_sixth_vendor_syncs(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sixth_vendor_syncs_into_sqlite() {
    a_sixth_vendor_syncs(Engine::Sqlite).await;
}

async fn a_sixth_vendor_syncs(engine: Engine) {
    let (vendor, database) = (TinyVendor::start().await, with_tables(engine).await);
    let clock = Arc::new(SystemClock::start());
    let first = (clock.now() - TimeDelta::days(DAYS)).date_naive();
    let account = open(&vendor.serving.base(), first);
    let service = TestService::start(&database, Accounts::new(vec![account]), clock.clone()).await;
    let days = (first.and_time(chrono::NaiveTime::MIN).and_utc(), clock.now() - TimeDelta::hours(3));
    // Six days with 60 events each do not fit into one answer of 50, so that the planner must cut them.
    until("final coverage of six days", async || {
        let coverage = entities::coverage::Entity::find().all(database.database.connection()).await.unwrap();
        coverage.iter().any(|span| span.state == "final" && span.from_at <= days.0 && days.1 <= span.to_at)
    })
    .await;
    service.stop().await;

    let expected: Vec<_> = events(days.0, days.1).collect();
    assert!(expected.len() > 300, "{} events", expected.len());
    assert_eq!(stored(&database, days).await, expected);
    let view = "SELECT COUNT(*) FROM conversations WHERE source = 'tiny' AND account = 'six'";
    assert!(database.number(view).await >= i64::try_from(expected.len()).unwrap());
    assert_eq!(vendor.counts.breaches.load(Ordering::SeqCst), 0, "two requests were in flight on one token");
    let requests = vendor.counts.requests.load(Ordering::SeqCst);
    assert!((8..60).contains(&requests), "{requests} requests");
}

/// A migrated database that also has the vendor's table, and a view over six vendors.
async fn with_tables(engine: Engine) -> TestDatabase {
    let database = TestDatabase::empty(engine).await;
    database.run(table::UP).await;
    let vendors = VENDORS.iter().chain([&TINY]);
    let selects: Vec<&str> = vendors.map(|vendor| vendor.conversations_view).collect();
    database.database.migrate(&selects).await.unwrap();
    database
}

/// The account, as its settings open it.
fn open(base_url: &str, since: NaiveDate) -> Account {
    let settings = json!({
        "source": "tiny", "base_url": base_url, "token": TOKEN, "since": since.to_string(), "settle": "1m",
        "interval": "1s", "refresh": "1s", "spacing": "0s",
    });
    let settings: Map<String, Value> = serde_json::from_value(settings).unwrap();
    let vendors: Vec<Vendor> = VENDORS.iter().chain([&TINY]).copied().collect();
    let opened = sources::open_with(&vendors, "six", &settings).unwrap();
    Account::new(opened.source, opened.since)
}

async fn stored(database: &TestDatabase, days: (DateTime<Utc>, DateTime<Utc>)) -> Vec<(String, DateTime<Utc>, String)> {
    let rows = table::Entity::find().order_by_asc(table::Column::At).all(database.database.connection()).await.unwrap();
    let rows = rows.into_iter().filter(|row| days.0 <= row.at && row.at < days.1);
    rows.map(|row| (row.event_id, row.at, row.text)).collect()
}
