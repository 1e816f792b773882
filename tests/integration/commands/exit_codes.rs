//! Exit codes: 2 usage, 4 database or queue down, 5 refused, 6 limit, 7 partly done, 8 a check failed.

use super::{CommandOutput, run_command, store_and_settings, unreachable_account};
use crate::harness::{AccountSettings, Engine, TestDatabase, WolkvoxVendor, history, until};
use chrono::TimeDelta;
use domain::job::{Job, JobState, Purpose};
use domain::slice::Slice;
use domain::window::Window;
use simulator::SimulatedVendor;
use simulator::gateway::Faults;
use simulator::wolkvox::Config;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_command_line_exits_with_2() {
    let (_store, settings) = store_and_settings().await;
    let span = |from: &'static str, to: &'static str| ["backfill", "start", "a", "--from", from, "--to", to];
    let simulated =
        |vendor: &'static str, url: &'static str| ["simulate", vendor, "--bind", "127.0.0.1:0", "--webhooks", url];
    let lines: [(&[&str], &str); 19] = [
        (&["frobnicate"], "frobnicate"),
        (&["backfill"], "backfill"),
        (&["backfill", "start", "a"], "--from"),
        (&span("2026-02-30", "2026-03-01"), "2026-02-30"),
        (&span("01.02.2026", "2026-03-01"), "01.02.2026"),
        (&span("2026-03-02", "2026-03-01"), "lies before"),
        (&span("2126-03-02", "2126-03-03"), "future"),
        (&["backfill", "start", "b", "--from", "2026-03-01", "--to", "2026-03-02"], "no account b"),
        (&["coverage", "b"], "no account b"),
        (&["coverage", "a", "--from", "2026-03-02", "--to", "2026-03-01"], "lies before"),
        (&["coverage", "a", "--require", "perfect"], "perfect"),
        (&["lanes", "close", "b"], "no account b"),
        (&["lanes", "free", "b"], "no account b"),
        (&["lanes", "close", "a", "--for", "soon"], "soon"),
        (&["backfill", "show", "999"], "no backfill 999"),
        (&["jobs", "retry", "999"], "no job 999"),
        (&simulated("wolkvox", "http://127.0.0.1:8080/hooks/wolkvox/a"), "a simulated Wolkvox sends no webhooks"),
        (&simulated("treble", "http://127.0.0.1:8080/hooks/treble/a"), "must end in the account's webhook_secret"),
        (&simulated("truora", "http://example.com/hooks/truora/a"), "to loopback only"),
    ];
    for (line, says) in lines {
        let output = run_command(&settings, line).await;
        assert_eq!(output.code, 2, "{line:?}: {}", output.err);
        assert!(output.err.contains(says) && output.out.is_empty(), "{line:?} says: {}{}", output.err, output.out);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_server_exits_with_4_and_hides_its_password() {
    let made = TestDatabase::empty(Engine::Sqlite).await;
    let databases = [
        "postgres://someone:hunter2@127.0.0.1:1/name",
        "postgresql://someone:hunter2@127.0.0.1:1/name",
        "postgres://127.0.0.1:1/name?user=someone&password=hunter2",
        "postgres://someone:hunter2@127.0.0.1:port/name",
        "postgres://someone:hunter2?@127.0.0.1:1/name",
        "sqlite:///nowhere/at/all.db",
    ];
    let mut asking = tokio::task::JoinSet::new();
    for url in databases {
        let settings = unreachable_account().file(url, "memory:");
        asking.spawn(async move { (url, "database.url", run_command(&settings, &["status"]).await) });
    }
    let queues = ["redis://:hunter2@127.0.0.1:1/0", "redis://someone:hunter2@127.0.0.1:port/0"];
    for url in queues {
        let settings = unreachable_account().file(&made.url, url);
        asking.spawn(async move { (url, "queue.url", run_command(&settings, &["run"]).await) });
        let settings = unreachable_account().file(&made.url, url);
        asking.spawn(async move { (url, "queue.url", run_command(&settings, &["check"]).await) });
    }
    for (url, setting, output) in asking.join_all().await {
        assert_eq!(output.code, 4, "{url}: {}", output.err);
        let text = format!("{}{}", output.err, output.out);
        assert!(text.contains(setting), "{url} says: {text}");
        assert!(!text.contains("hunter2"), "{url} says: {text}");
    }
}

async fn check(config: Config, token: &str) -> (CommandOutput, WolkvoxVendor) {
    let vendor = WolkvoxVendor::start(config).await;
    let made = TestDatabase::fresh(Engine::Sqlite).await;
    let settings = AccountSettings::new("a", &vendor.base, token).file(&made.url, "memory:");
    (run_command(&settings, &["--output", "json", "check"]).await, vendor)
}

#[tokio::test(flavor = "multi_thread")]
async fn check_distinguishes_a_refused_token_from_a_limit() {
    let (good, vendor) = check(history(1, 20.0), "simulated-token").await;
    assert_eq!((good.code, vendor.wolkvox.requests().len()), (0, 1), "one call per account: {}", good.out);
    let spent = Config { daily_quota: Some(0), ..history(1, 20.0) };
    let throttled = Config { faults: Faults { throttle_429: 1.0, ..Faults::default() }, ..history(1, 20.0) };
    let broken = Config { faults: Faults { server_500: 1.0, ..Faults::default() }, ..history(1, 20.0) };
    let cases = [
        (history(1, 20.0), "hunter2", 5, "VALIDATE TOKEN"),
        (spent, "simulated-token", 6, "quota"),
        (throttled, "simulated-token", 6, "throttled"),
        (broken, "simulated-token", 8, "unreachable"),
    ];
    for (config, token, code, says) in cases {
        let (bad, _vendor) = check(config, token).await;
        assert_eq!(bad.code, code, "{says}: {}{}", bad.out, bad.err);
        let line = &bad.json()[3];
        assert!(line["ok"] == false && line["detail"].as_str().unwrap().contains(says), "{line}");
        assert!(!format!("{}{}", bad.out, bad.err).contains(token), "the output shows the token");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_for_a_backfill_exits_with_7_when_an_operator_is_needed() {
    let (store, settings) = store_and_settings().await;
    let now = store.now().await;
    let day = (now - TimeDelta::days(9)).date_naive().to_string();
    let waiting = async |id: i64| {
        let line = ["--output", "json", "backfill", "start", "a", "--from", &day, "--to", &day, "--wait"];
        let meanwhile = async {
            until("the backfill to be stored", async || store.count("backfills").await == id).await;
            if id == 1 {
                let ledger = store.ledger("a").await;
                let mut job =
                    Job::new(Purpose::Backfill(id), Slice::Window(ledger.backfills[0].window), now, Duration::ZERO);
                job.state = JobState::Parked { reason: "too dense".to_owned() };
                store.change("a", |ledger| ledger.jobs.push(job)).await;
            } else {
                assert_eq!(run_command(&settings, &["backfill", "cancel", &id.to_string()]).await.code, 0);
            }
        };
        tokio::join!(run_command(&settings, &line), meanwhile).0
    };
    let blocked = waiting(1).await;
    assert_eq!(blocked.code, 7, "{}", blocked.err);
    assert!(blocked.err.contains("1 windows wait for an operator"), "{}", blocked.err);
    let shown = blocked.json();
    assert_eq!((&shown["state"], &shown["blocked"]), (&"running".into(), &1.into()));
    let cancelled = waiting(2).await;
    assert_eq!((cancelled.code, &cancelled.json()["state"]), (7, &"cancelled".into()), "{}", cancelled.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_check_exits_with_8_and_prints_its_output() {
    let (store, settings) = store_and_settings().await;
    let from = store.now().await.date_naive().and_time(chrono::NaiveTime::MIN).and_utc() - TimeDelta::days(9);
    let days =
        |from: i64, to: i64, start| Window::new(start + TimeDelta::days(from), start + TimeDelta::days(to)).unwrap();
    store
        .change("a", |ledger| {
            ledger.coverage.settle(days(0, 1, from));
            ledger.coverage.hold(days(1, 2, from));
        })
        .await;
    let day = |number: i64| (from + TimeDelta::days(number)).date_naive().to_string();
    for (last, require, code) in
        [(0, "final", 0), (1, "final", 8), (1, "provisional", 0), (2, "provisional", 8), (2, "final", 8)]
    {
        let line = ["--output", "json", "coverage", "a", "--from", &day(0), "--to", &day(last), "--require", require];
        let output = run_command(&settings, &line).await;
        assert_eq!(output.code, code, "{last} {require}: {}", output.err);
        assert_eq!(output.json().as_array().unwrap().len(), usize::try_from(last + 1).unwrap());
        assert_eq!(output.err.contains(&format!("are not {require}")), code == 8, "{}", output.err);
    }
    // Days to come are never held.
    let tomorrow = (store.now().await + TimeDelta::days(1)).date_naive().to_string();
    let line =
        ["--output", "json", "coverage", "a", "--from", &tomorrow, "--to", &tomorrow, "--require", "provisional"];
    let output = run_command(&settings, &line).await;
    let shown = output.json();
    assert_eq!((output.code, &shown[0]["state"]), (8, &"missing".into()), "{shown}");
    assert_eq!(shown[0]["reason"], "the day has not begun");
    // Today is never final, so that `--require final` alone ends with yesterday.
    store.change("a", |ledger| ledger.coverage.settle(days(0, 9, from))).await;
    let output = run_command(&settings, &["coverage", "a", "--from", &day(0), "--require", "final"]).await;
    assert_eq!(output.code, 0, "{}{}", output.out, output.err);
    let doctor = run_command(&settings, &["--output", "json", "doctor"]).await;
    assert_eq!((doctor.code, &doctor.json()[0]["check"]), (8, &"evidence".into()), "{}", doctor.err);
}
