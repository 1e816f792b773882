//! Wolkvox tells the daily quota of all tokens of an operation; the service asks once a day and stops background work in time.

use crate::commands::json;
use crate::harness::{AccountSettings, Engine, Process, TestDatabase, WolkvoxVendor, history, until};
use serde_json::Value;
use simulator::SimulatedVendor;
use simulator::wolkvox::Config;
use std::time::Duration;

/// Needs more requests than the quota permits.
fn busy(token_info: bool) -> Config {
    let tokens = vec!["simulated-token".to_owned(), "another".to_owned(), "a-third".to_owned()];
    Config { daily_quota: Some(60), row_cap: 20, token_info, tokens, ..history(20, 100.0) }
}

fn account(vendor: &WolkvoxVendor, name: &str, token: &str) -> AccountSettings {
    AccountSettings::new(name, &vendor.base, token)
        .with("row_cap", "20")
        .with("interval", "1h")
        .with("since", &vendor.days().0)
}

fn calls_today(vendor: &WolkvoxVendor) -> u64 {
    vendor.wolkvox.totals()["calls_today"].as_u64().unwrap()
}

fn questions(vendor: &WolkvoxVendor) -> usize {
    vendor.wolkvox.requests().iter().filter(|seen| seen.facts.path.contains("information.php")).count()
}

#[expect(clippy::disallowed_methods, reason = "another client of the vendor, and a reader of our own server")]
async fn get(url: &str, token: &str) -> String {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let request = reqwest::Client::new().get(url).header("wolkvox-token", token);
    request.send().await.unwrap().text().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn background_work_stops_at_nine_tenths_of_the_quota_that_the_vendor_states() {
    let vendor = WolkvoxVendor::start(busy(true)).await;
    let database = TestDatabase::fresh(Engine::Sqlite).await;
    // Another client of the operation has used a part of the quota.
    for _ in 0..10 {
        get(&format!("{}/api/v2/information.php?api=token_info", vendor.base), "a-third").await;
    }
    let questions_before = questions(&vendor);
    let accounts = [account(&vendor, "a", "simulated-token"), account(&vendor, "b", "another")];
    let settings = AccountSettings::file_of(&accounts, &database.url, "memory:");
    let process = Process::run(&settings, &[]);
    until("nine tenths of the quota to be spent", async || calls_today(&vendor) >= 54).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    // Two lanes may start at once, and a call that is under way counts for one side only.
    assert!((53..=57).contains(&calls_today(&vendor)), "{}", calls_today(&vendor));
    assert_eq!(questions(&vendor) - questions_before, 2, "one question a day and account\n{}", process.log());
    assert_eq!(vendor.wolkvox.breaches(), []);
    let lanes = json(&settings, &["lanes", "list"]).await;
    for lane in lanes.as_array().unwrap() {
        assert_eq!(lane["quota"], 60, "{lanes}");
        assert!(lane["quota_used"].as_u64().unwrap().abs_diff(calls_today(&vendor)) <= 2, "{lanes}");
    }
    let metrics = get(&format!("http://{}/metrics", process.address().unwrap()), "").await;
    for series in ["convosync_lane_quota{account=\"a\"} 60", "convosync_lane_quota_used{account=\"b\"} 5"] {
        assert!(metrics.contains(series), "{series}\n{metrics}");
    }
    drop(process);
    // The statement is kept: after a restart the service asks no more today.
    let process = Process::run(&settings, &[]);
    until("the server", async || process.address().is_some()).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(questions(&vendor) - questions_before, 2);
    drop(process);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_that_states_no_quota_changes_nothing() {
    let vendor = WolkvoxVendor::start(busy(false)).await;
    let database = TestDatabase::fresh(Engine::Sqlite).await;
    let settings = account(&vendor, "a", "simulated-token").file(&database.url, "memory:");
    let process = Process::run(&settings, &[]);
    until("the quota to be spent", async || {
        database.number("SELECT COUNT(*) FROM lanes WHERE closed_until IS NOT NULL").await == 1
    })
    .await;
    assert_eq!(questions(&vendor), 1, "{}", process.log());
    let lanes = json(&settings, &["lanes", "list"]).await;
    assert_eq!(lanes[0]["quota"], Value::Null, "{lanes}");
    drop(process);
}
