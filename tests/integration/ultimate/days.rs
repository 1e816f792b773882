//! The coverage of days that come as files, and the requests that follow from it.

use crate::canary::get;
use crate::commands::json;
use crate::harness::{
    Engine, Process, TestDatabase, UltimateVendor, conversations, convosync, coverage, is_held, until,
};
use serde_json::Value;
use simulator::SimulatedVendor;
use simulator::gateway::Faults;
use simulator::ultimate::{Config, Version};

/// A vendor with one bot.
fn one_bot(per_day: f64) -> Config {
    let mut config = conversations(per_day);
    config.bots.truncate(1);
    config
}

async fn backfill(vendor: &UltimateVendor, settings: &str, (from, to): (i64, i64), mode: &str) {
    let (from, to) = (vendor.day(from).to_string(), vendor.day(to).to_string());
    let arguments = ["backfill", "start", "u", "--from", &from, "--to", &to, "--wait", "--mode", mode];
    let done = convosync(settings, &arguments).await;
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

fn state_and_reason(day: &Value) -> (&str, &str) {
    (day["state"].as_str().unwrap(), day["reason"].as_str().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_is_final_with_two_files_and_blocked_past_the_retention() {
    let vendor = UltimateVendor::start(one_bot(20.0)).await;
    let database = TestDatabase::fresh(Engine::Sqlite).await;
    let account = vendor.account("u");
    let since = vendor.day(3).to_string();
    let settings = account.clone().with("since", &since).file(&database.url, "memory:");
    let process = Process::run(&settings, &[]);
    backfill(&vendor, &settings, (12, 10), "missing").await;
    until("the live days", async || is_held(&settings, "u", (vendor.day(3), vendor.day(1))).await).await;
    let days = coverage(&settings, "u", (vendor.day(13), vendor.day(1))).await;
    let states: Vec<(&str, &str)> = days.iter().map(state_and_reason).collect();
    assert_eq!(
        states[0],
        ("missing", format!("the file of {} is missing: not requested yet", vendor.day(13)).as_str())
    );
    assert_eq!(states[1..4], [("final", ""); 3], "the backfill also fetches the file of the day after its last day");
    // The backfill fetched the file of that day, but not the next file that the day needs.
    let next = format!("the file of {} is missing: not requested yet", vendor.day(8));
    assert_eq!(states[4], ("missing", next.as_str()));
    assert_eq!(vendor.lists(vendor.day(9)), 1);
    assert_eq!(states[10], ("provisional", "stored in full; the vendor may still change rows"));
    let waits = format!("waits for the file of {}; a day needs its own file and the next one", vendor.day(0));
    assert_eq!(states[12], ("provisional", waits.as_str()));
    drop(process);

    let settings = account.with("since", &vendor.day(35).to_string()).file(&database.url, "memory:");
    let process = Process::run(&settings, &[]);
    until("the days that the vendor keeps", async || is_held(&settings, "u", (vendor.day(28), vendor.day(1))).await)
        .await;
    let days = coverage(&settings, "u", (vendor.day(35), vendor.day(31))).await;
    for day in &days {
        let (state, reason) = state_and_reason(day);
        assert!(state == "blocked" && reason.contains("older than the 30 days that the vendor keeps"), "{day}");
    }
    let compared = vendor.compare(&database.database, "u", Version::V2, (28, 1)).await;
    assert!(compared.is_equal() && compared.vendor > 400, "{compared:?}");
    vendor.assert_no_breach();
    drop(process);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_day_near_the_retention_limit_raises_a_warning() {
    let faults = Faults { server_500: 1.0, ..Faults::default() };
    let vendor = UltimateVendor::start(Config { faults, ..one_bot(20.0) }).await;
    let database = TestDatabase::fresh(Engine::Sqlite).await;
    let settings = vendor.account("u").with("since", &vendor.day(28).to_string()).file(&database.url, "memory:");
    let process = Process::run(&settings, &[]);
    let expected = format!("days from {} on are missing, and the vendor keeps only 30 days", vendor.day(28));
    until("the log", async || {
        let log = process.log();
        log.contains(&expected) && log.contains("needs an operator's attention")
    })
    .await;
    let shown = json(&settings, &["status"]).await;
    let warnings = shown["accounts"][0]["warnings"].as_array().unwrap();
    assert!(warnings.iter().any(|warning| warning.as_str().unwrap().contains(&expected)), "{shown}");
    assert!(warnings.iter().any(|warning| warning.as_str().unwrap().contains("convosync backfill start u")), "{shown}");
    let people = convosync(&settings, &["status"]).await;
    assert!(String::from_utf8_lossy(&people.stderr).contains(&expected), "{people:?}");
    let metrics = metrics(&process).await;
    let at_risk = shown["accounts"][0]["days_at_risk"].as_u64().unwrap();
    assert!((5..=7).contains(&at_risk), "{shown}");
    let line = format!("convosync_coverage_days_at_risk{{account=\"u\"}} {at_risk}\n");
    assert!(metrics.contains(&line), "{metrics}");

    vendor.ultimate.set_faults(Faults::default());
    until("all days", async || is_held(&settings, "u", (vendor.day(28), vendor.day(1))).await).await;
    assert_eq!(json(&settings, &["status"]).await["accounts"][0]["warnings"], serde_json::json!([]));
    assert!(self::metrics(&process).await.contains("convosync_coverage_days_at_risk{account=\"u\"} 0\n"));
    drop(process);
}

async fn metrics(process: &Process) -> String {
    until("the server", async || process.address().is_some()).await;
    let url = format!("http://{}/metrics", process.address().unwrap());
    get(&url).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_grew_is_fetched_again_the_next_day() {
    let vendor = UltimateVendor::start(Config { grows: true, ..one_bot(100.0) }).await;
    let database = TestDatabase::fresh(Engine::Sqlite).await;
    let settings = vendor.account("u").with("since", &vendor.day(4).to_string()).file(&database.url, "memory:");
    let process = Process::run(&settings, &[]);
    let days = (vendor.day(4), vendor.day(1));
    until("four days", async || is_held(&settings, "u", days).await).await;
    process.kill().await;
    let compared = vendor.compare(&database.database, "u", Version::V2, (4, 1)).await;
    assert!(compared.missing.len() >= 5 && compared.surplus.is_empty(), "the first file lacks rows: {compared:?}");
    let (before, newest) = (vendor.lists(vendor.day(1)), vendor.lists(vendor.day(4)));
    // Makes the next day's slot due: the test cannot advance the clock, but it can reset the ledger.
    database.run("UPDATE streams SET slot_at = NULL, refreshed_at = NULL").await;
    let process = Process::run(&settings, &[]);
    until("the file to be read again", async || {
        vendor.lists(vendor.day(1)) > before
            && vendor.compare(&database.database, "u", Version::V2, (4, 1)).await.is_equal()
    })
    .await;
    assert_eq!(vendor.lists(vendor.day(4)), newest, "the worker does not fetch final days again");
    let grown = "SELECT COUNT(*) FROM requests WHERE inserted > 0 AND unchanged > 0";
    assert!(database.number(grown).await >= 1, "the grown file inserts the missing rows and changes no other");
    vendor.assert_no_breach();
    drop(process);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_keeps_its_latest_end_in_any_file_order() {
    let vendor = UltimateVendor::start(Config { resumed: 0.4, ..one_bot(60.0) }).await;
    let database = TestDatabase::fresh(Engine::Sqlite).await;
    let settings = vendor.account("u").file(&database.url, "memory:");
    let process = Process::run(&settings, &[]);
    // Newest first: the later ends come first.
    backfill(&vendor, &settings, (14, 4), "missing").await;
    until("the live days", async || is_held(&settings, "u", (vendor.day(14), vendor.day(1))).await).await;
    let compared = vendor.compare(&database.database, "u", Version::V2, (14, 1)).await;
    assert!(compared.is_equal() && compared.vendor > 500, "{compared:?}");
    // Older files again, with older states of the conversations.
    backfill(&vendor, &settings, (14, 9), "all").await;
    assert!(vendor.lists(vendor.day(12)) >= 2, "the backfill lists the day again");
    let compared = vendor.compare(&database.database, "u", Version::V2, (14, 1)).await;
    assert!(compared.is_equal(), "{compared:?}");
    let updated = "SELECT COUNT(*) FROM requests WHERE updated > 0 AND purpose = 'backfill'";
    assert_eq!(database.number(updated).await, 0, "an older end never replaces a later one");
    vendor.assert_no_breach();
    drop(process);
}

/// The vendor's build "may take a while": an empty list is believed only once the next day is published.
#[tokio::test(flavor = "multi_thread")]
async fn an_empty_newest_day_is_missing_and_asked_for_again() {
    let vendor = UltimateVendor::start(Config { empty_days: 1.0, ..one_bot(20.0) }).await;
    let database = TestDatabase::fresh(Engine::Sqlite).await;
    let settings = vendor.account("u").with("since", &vendor.day(4).to_string()).file(&database.url, "memory:");
    let process = Process::run(&settings, &[]);
    until("the older days", async || is_held(&settings, "u", (vendor.day(4), vendor.day(3))).await).await;
    let waiting = "SELECT COUNT(*) FROM jobs WHERE state = 'waiting' AND rechecks > 0";
    until("the answer for the newest day", async || database.number(waiting).await == 1).await;
    let days = coverage(&settings, "u", (vendor.day(1), vendor.day(1))).await;
    let (state, reason) = state_and_reason(&days[0]);
    let start = format!("the file of {} is missing: the last answer was empty", vendor.day(1));
    assert!(state == "missing" && reason.starts_with(&start), "{state}: {reason}");
    assert_eq!(vendor.lists(vendor.day(1)), 1, "the worker asks again within the hour, not at once");
    vendor.assert_no_breach();
    drop(process);
}
