//! The commands report absent processes, a refused token and missing settings.

use super::{json, run_command, store_and_settings, unreachable_account};
use crate::canary::get;
use crate::harness::{
    AccountSettings, Engine, Process, TestDatabase, WolkvoxVendor, convosync_without_settings, history,
};
use crate::harness::{until, within};
use chrono::TimeDelta;
use domain::job::{Job, JobState, Purpose};
use domain::slice::Slice;
use domain::window::Window;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn status_names_the_processes_and_says_when_nobody_works() {
    let vendor = WolkvoxVendor::start(history(1, 20.0)).await;
    let database = TestDatabase::fresh(Engine::Sqlite).await;
    let settings = AccountSettings::new("a", &vendor.base, "simulated-token").file(&database.url, "memory:");
    let idle = run_command(&settings, &["status"]).await;
    assert_eq!(idle.code, 0, "{}", idle.err);
    assert!(idle.out.contains("No scheduler and no worker is running"), "{}", idle.out);
    assert!(idle.err.contains("start `convosync run`"), "{}", idle.err);
    assert_eq!(json(&settings, &["status"]).await["accounts"][0]["state"], "down");

    let mut process = Process::run(&settings, &["--role", "scheduler,worker"]);
    let seen = async || json(&settings, &["status"]).await["processes"].clone();
    until("the process to report itself", async || seen().await.as_array().is_some_and(|seen| !seen.is_empty())).await;
    let shown = seen().await[0].clone();
    assert_eq!(shown["roles"], serde_json::json!(["scheduler", "worker"]));
    for text in ["name", "host", "version"] {
        assert!(shown[text].as_str().is_some_and(|text| !text.is_empty()), "{shown}");
    }
    assert!(shown["last_seen_seconds"].as_i64().is_some_and(|seconds| (0..40).contains(&seconds)), "{shown}");
    until("the account to be well", async || json(&settings, &["status"]).await["accounts"][0]["state"] == "ok").await;
    process.signal("TERM");
    assert!(process.ended(Duration::from_mins(2)).await.success());
    assert_eq!(seen().await, serde_json::json!([]), "a clean stop leaves no row");
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_for_a_backfill_says_that_no_worker_has_been_seen_and_goes_on() {
    let (store, settings) = store_and_settings().await;
    store.report_process().await;
    let long_ago = store.now().await - TimeDelta::minutes(2);
    store.made.run(&format!("UPDATE processes SET last_seen_at = '{}'", long_ago.to_rfc3339())).await;
    let day = (store.now().await - TimeDelta::days(9)).date_naive().to_string();
    let line = ["backfill", "start", "a", "--from", &day, "--to", &day, "--wait"];
    let waiting = Process::start(&settings, &line);
    until("the notice", async || {
        waiting.log().contains("no scheduler and no worker has been seen for 2 min; start `convosync run`")
    })
    .await;
    store.report_process().await;
    until("the next notice", async || waiting.log().contains("the service runs again; the backfill goes on")).await;
    assert_eq!(waiting.log().matches("has been seen for").count(), 1, "{}", waiting.log());
    assert_eq!(run_command(&settings, &["backfill", "cancel", "1"]).await.code, 0);
    let mut waiting = waiting;
    assert_eq!(waiting.ended(Duration::from_mins(1)).await.code(), Some(7), "it goes on waiting until the end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_is_told_in_one_way_everywhere() {
    let vendor = WolkvoxVendor::start(history(1, 20.0)).await;
    let database = TestDatabase::fresh(Engine::Sqlite).await;
    let settings = AccountSettings::new("a", &vendor.base, "refused").file(&database.url, "memory:");
    let process = Process::run(&settings, &[]);
    let sentence = "the vendor refuses the token (";
    let next_step =
        "write a new one to accounts.a.token and restart, or, if the token is right, run: convosync lanes open a";
    let log = async || process.log();
    until("the warning", async || {
        database.end_closures().await;
        log().await.contains(sentence)
    })
    .await;
    let log = log().await;
    let line = log.lines().find(|line| line.contains(sentence)).unwrap();
    assert!(line.contains(" WARN ") && line.contains(next_step), "{line}");

    let shown = json(&settings, &["status"]).await;
    let account = &shown["accounts"][0];
    assert_eq!((&account["state"], &account["reasons"][0]["reason"]), (&"parked".into(), &"token_refused".into()));
    let text = account["last_error"].as_str().unwrap().to_owned();
    assert!(text.starts_with(sentence) && text.ends_with(next_step), "{text}");
    assert_eq!(shown["lanes"][0]["closed_because"], text.as_str());
    until("a job", async || json(&settings, &["jobs", "list"]).await.as_array().is_some_and(|jobs| !jobs.is_empty()))
        .await;
    let jobs = json(&settings, &["jobs", "list"]).await;
    assert!(jobs.as_array().unwrap().iter().all(|job| job["reason"] == text.as_str()), "{jobs}");
    for line in [&["status"][..], &["lanes", "list"], &["jobs", "list"]] {
        let table = run_command(&settings, line).await.out;
        assert!(table.contains(&text), "{line:?}: {table}");
    }
    let page = page(&process).await;
    assert!(page.contains(&text), "{page}");
    assert!(!page.contains("not requested yet"), "the page gives another reason for a missing day: {page}");
    let day = (chrono::NaiveDate::parse_from_str(&vendor.days().0, "%Y-%m-%d").unwrap()).to_string();
    assert_eq!(run_command(&settings, &["backfill", "start", "a", "--from", &day, "--to", &day]).await.code, 0);
    let backfill = json(&settings, &["backfill", "show", "1"]).await;
    assert_eq!(
        (&backfill["stopped_by"], backfill["eta_seconds"].is_null()),
        (&text.as_str().into(), true),
        "{backfill}"
    );
}

/// The dashboard of the process.
async fn page(process: &Process) -> String {
    within(Duration::from_mins(1), "the address", async || process.address().is_some()).await;
    get(&format!("http://{}/?refresh=off", process.address().unwrap())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_settings_every_command_exits_with_3_and_creates_nothing() {
    let lines: [&[&str]; 8] = [
        &["check"],
        &["status"],
        &["coverage", "a"],
        &["jobs", "list"],
        &["lanes", "list"],
        &["doctor"],
        &["migrate"],
        &["run"],
    ];
    for line in lines {
        let (output, files) = convosync_without_settings(&[], line).await;
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{line:?}: {err}");
        assert!(err.contains("no convosync.toml in this folder") && err.contains("--config"), "{line:?}: {err}");
        assert!(output.stdout.is_empty() && files.is_empty(), "{line:?} creates {files:?}");
    }
    // Variables alone are settings, and a command that looks creates no database.
    let variables = [("CONVOSYNC__LOG__LEVEL", "info")];
    for line in [&["status"][..], &["check"], &["doctor"], &["jobs", "list"]] {
        let (output, files) = convosync_without_settings(&variables, line).await;
        assert_eq!((output.status.code(), files), (Some(4), Vec::new()), "{line:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_account_names_the_accounts_that_exist() {
    let (store, settings) = store_and_settings().await;
    let output = run_command(&settings, &["coverage", "shop"]).await;
    assert_eq!(output.code, 2);
    assert!(output.err.contains("there is no account shop; the settings have a\n"), "{}", output.err);
    let none = AccountSettings::file_of(&[], &store.made.url, "memory:");
    let output = run_command(&none, &["coverage", "shop"]).await;
    assert!(output.code == 2 && output.err.contains("write a table [accounts.shop]"), "{}", output.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_that_the_live_sync_owes_is_not_discarded() {
    let (store, settings) = store_and_settings().await;
    let now = store.now().await;
    let window = Window::new(now - TimeDelta::days(1), now - TimeDelta::hours(23)).unwrap();
    let mut job = Job::new(Purpose::Settle, Slice::Window(window), now, Duration::ZERO);
    job.state = JobState::Parked { reason: "too dense".to_owned() };
    let id = store.change("a", |ledger| ledger.jobs.push(job)).await.jobs[0].id.to_string();
    let refused = run_command(&settings, &["jobs", "discard", &id]).await;
    assert_eq!(refused.code, 2, "{}", refused.err);
    for part in ["the live sync of a", "convosync jobs retry", "convosync import a", "accounts.a.since"] {
        assert!(refused.err.contains(part), "no {part}: {}", refused.err);
    }
    assert_eq!(json(&settings, &["jobs", "show", &id]).await["state"], "parked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hole_between_a_backfill_and_the_live_sync_is_told_with_the_order_that_fills_it() {
    let (store, _) = store_and_settings().await;
    let now = store.now().await;
    let midnight = |ago: i64| (now - TimeDelta::days(ago)).date_naive().and_time(chrono::NaiveTime::MIN).and_utc();
    let date = |ago: i64| midnight(ago).date_naive().to_string();
    let settings = unreachable_account().with("since", &date(3)).file(&store.made.url, "memory:");
    store
        .change("a", |ledger| {
            ledger.coverage.settle(Window::new(midnight(20), midnight(10)).unwrap());
            ledger.coverage.settle(Window::new(midnight(3), midnight(0)).unwrap());
        })
        .await;
    store.report_process().await;
    let order = format!("convosync backfill start a --from {} --to {}", date(10), date(4));
    let said = run_command(&settings, &["status"]).await;
    assert!(said.err.contains("7 days from") && said.err.contains(&order), "{}", said.err);
    let days = json(&settings, &["coverage", "a", "--from", &date(11), "--to", &date(3)]).await;
    let reasons: Vec<_> = days.as_array().unwrap().iter().map(|day| day["reason"].as_str().unwrap_or("")).collect();
    assert!(reasons[0].is_empty() && reasons[8].is_empty(), "{days}");
    assert!(reasons[1..8].iter().all(|reason| reason.ends_with(&order)), "{days}");
    let line = ["backfill", "start", "a", "--from", &date(10), "--to", &date(4)];
    assert_eq!(run_command(&settings, &line).await.code, 0);
    let said = run_command(&settings, &["status"]).await;
    assert!(!said.err.contains("never requested"), "the order is given: {}", said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn final_days_are_required_up_to_yesterday_by_default() {
    let (store, _) = store_and_settings().await;
    let since = (store.now().await - TimeDelta::days(3)).date_naive();
    let settings = unreachable_account().with("since", &since.to_string()).file(&store.made.url, "memory:");
    let shown = run_command(&settings, &["--output", "json", "coverage", "a", "--require", "final"]).await;
    let last = shown.json().as_array().unwrap().last().unwrap()["day"].clone();
    let yesterday = (store.now().await - TimeDelta::days(1)).date_naive().to_string();
    assert_eq!((shown.code, last), (8, yesterday.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_in_the_demos_backlog_ends_it_early() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("demo.db");
    let line = ["demo", "--bind", "127.0.0.1:0", "--database", file.to_str().unwrap()];
    let mut demo = Process::start("", &line);
    until("the backlog", async || demo.log().contains("Backfills of 30 days start.")).await;
    demo.signal("INT");
    let ended = demo.ended(Duration::from_mins(2)).await;
    let log = demo.log();
    assert!(ended.success(), "{ended}: {log}");
    assert!(log.contains("Stopped early: ") && log.contains("not fetched yet."), "{log}");
    assert!(!log.contains("differs") && !log.contains("missing"), "{log}");
}
