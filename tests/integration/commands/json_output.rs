//! The JSON output has each field of the interface with its type.

use super::{json, run_command, store_and_settings, unreachable_account};
use crate::store::chat;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::job::{Job, Purpose};
use domain::slice::Slice;
use domain::spans::Spans;
use domain::window::Window;
use entities::rows::RowBatch;
use entities::wolkvox_chats::Entity;
use serde_json::Value;
use std::time::Duration;
use storage::upsert::upsert;

/// Checks the type of each field. A type with a question mark accepts null.
fn assert_fields(value: &Value, fields: &[(&str, &str)]) {
    let object = value.as_object().unwrap_or_else(|| panic!("no object: {value}"));
    for (name, kind) in fields {
        let field = object.get(*name).unwrap_or_else(|| panic!("no {name}: {value}"));
        let is_good = match kind.trim_end_matches('?') {
            "text" => field.is_string(),
            "whole" => field.is_i64() || field.is_u64(),
            "instant" => field.as_str().is_some_and(|text| text.parse::<DateTime<Utc>>().is_ok()),
            "day" => field.as_str().is_some_and(|text| text.parse::<NaiveDate>().is_ok()),
            "list" => field.is_array(),
            "object" => field.is_object(),
            "bool" => field.is_boolean(),
            other => panic!("no kind {other}"),
        };
        assert!(is_good || kind.ends_with('?') && field.is_null(), "{name} is no {kind}: {value}");
    }
}

const DAYS: [(&str, &str); 4] =
    [("final", "whole"), ("provisional", "whole"), ("missing", "whole"), ("blocked", "whole")];

#[tokio::test(flavor = "multi_thread")]
async fn status_has_accounts_lanes_and_the_queue() {
    let (store, settings) = store_and_settings().await;
    store.claimed().await;
    let shown = json(&settings, &["status"]).await;
    assert_fields(&shown, &[("accounts", "list"), ("lanes", "list"), ("queue", "object")]);
    let account = &shown["accounts"][0];
    let fields = [
        ("name", "text"),
        ("source", "text"),
        ("state", "text"),
        ("proven_until", "instant"),
        ("lateness_seconds", "whole"),
        ("days", "object"),
        ("last_error", "text?"),
    ];
    assert_fields(account, &fields);
    assert_fields(&account["days"], &DAYS);
    assert!(["ok", "late", "parked", "down"].iter().any(|state| account["state"] == *state), "{account}");
    let lane = &shown["lanes"][0];
    assert_fields(lane, &[("account", "text"), ("width", "whole"), ("held", "whole"), ("closed_until", "instant?")]);
    assert_eq!((&lane["account"], &lane["held"]), (&Value::from("a"), &Value::from(1)));
    let depth = [("due", "whole"), ("waiting", "whole"), ("running", "whole"), ("parked", "whole")];
    assert_fields(&shown["queue"], &depth);
    assert_eq!(shown["queue"]["running"], 1);
    assert_fields(&shown, &[("health", "object"), ("processes", "list")]);
    assert_fields(&shown["health"], &[("state", "text"), ("headline", "text"), ("reasons", "list")]);
    let reason = [("reason", "text"), ("state", "text"), ("sentence", "text"), ("next_step", "text")];
    assert_fields(&account["reasons"][0], &reason);
    store.report_process().await;
    let process = &json(&settings, &["status"]).await["processes"][0];
    let fields =
        [("name", "text"), ("roles", "list"), ("host", "text"), ("version", "text"), ("last_seen_seconds", "whole")];
    assert_fields(process, &fields);
    let lanes = json(&settings, &["lanes", "list"]).await;
    assert_eq!(lanes, shown["lanes"], "`lanes list` prints the lanes of `status`");
}

#[tokio::test(flavor = "multi_thread")]
async fn coverage_has_one_element_per_stream_and_day() {
    let (store, settings) = store_and_settings().await;
    let now = store.now().await;
    let midnight = now.date_naive().and_time(chrono::NaiveTime::MIN).and_utc();
    let (from, to) = (midnight - TimeDelta::days(9), midnight - TimeDelta::days(7));
    store.change("a", |ledger| ledger.coverage.settle(Window::new(from, from + TimeDelta::days(1)).unwrap())).await;
    let tx = store.db().begin().await.unwrap();
    let row = chat("a", "1", Some(from), "x");
    upsert(&tx, &RowBatch::of::<Entity>(&[row]), &Spans::default(), now).await.unwrap();
    tx.commit().await.unwrap();
    let (first, last) = (from.date_naive().to_string(), to.date_naive().to_string());
    let shown = json(&settings, &["coverage", "a", "--from", &first, "--to", &last]).await;
    let days = shown.as_array().unwrap();
    assert_eq!(days.len(), 3, "both ends are included: {shown}");
    for day in days {
        let fields = [
            ("stream", "text"),
            ("day", "day"),
            ("state", "text"),
            ("rows", "whole"),
            ("requests", "whole"),
            ("reason", "text?"),
        ];
        assert_fields(day, &fields);
    }
    let states: Vec<_> = days.iter().map(|day| (&day["state"], &day["rows"], &day["reason"])).collect();
    assert_eq!(states[0], (&Value::from("final"), &Value::from(1), &Value::Null));
    assert_eq!((states[1].0, states[1].1), (&Value::from("missing"), &Value::from(0)));
    let reason = states[1].2.as_str().unwrap();
    assert!(reason.contains("never requested") && reason.contains("convosync backfill start a --from"), "{reason}");
    assert_eq!((&days[0]["day"], &days[2]["day"]), (&Value::from(first), &Value::from(last)));
    let by_default = json(&settings, &["coverage", "a"]).await;
    assert_eq!(by_default.as_array().unwrap().len(), 10, "from the first day held to today");
}

#[tokio::test(flavor = "multi_thread")]
async fn backfill_commands_print_every_field() {
    let (store, settings) = store_and_settings().await;
    let order = ["backfill", "start", "a", "--from", "2026-01-01", "--to", "2026-01-05"];
    let shown = json(&settings, &[&order[..], &["--dry-run"]].concat()).await;
    assert_fields(&shown, &[("windows", "whole"), ("requests", "object"), ("seconds", "object"), ("days", "object")]);
    for range in ["requests", "seconds"] {
        assert_fields(&shown[range], &[("low", "whole"), ("high", "whole")]);
        assert!(shown[range]["low"].as_u64() <= shown[range]["high"].as_u64(), "{shown}");
    }
    assert_fields(&shown["days"], &DAYS);
    assert_eq!((&shown["windows"], &shown["days"]["missing"]), (&Value::from(5), &Value::from(5)));
    assert_eq!(store.count("backfills").await, 0, "a dry run writes nothing");

    let ordered = run_command(&settings, &[&["--output", "json"], &order[..]].concat()).await;
    assert_eq!(ordered.code, 0);
    assert!(ordered.err.contains("has started"), "the message goes to stderr: {}", ordered.err);
    let ordered = ordered.json();
    let fields = [
        ("id", "whole"),
        ("account", "text"),
        ("from", "instant"),
        ("to", "instant"),
        ("state", "text"),
        ("windows", "object"),
        ("items", "object"),
        ("rows", "whole"),
        ("eta_seconds", "whole?"),
    ];
    assert_fields(&ordered, &fields);
    assert_fields(&ordered["items"], &["done", "total", "left", "blocked"].map(|count| (count, "whole")));
    assert_fields(&ordered["windows"], &[("done", "whole"), ("total", "whole")]);
    assert_eq!((&ordered["state"], &ordered["windows"]["total"]), (&Value::from("running"), &Value::from(5)));
    assert_eq!((&ordered["from"], &ordered["to"]), (&"2026-01-01T00:00:00Z".into(), &"2026-01-06T00:00:00Z".into()));
    let id = ordered["id"].to_string();
    assert_eq!(json(&settings, &["backfill", "show", &id]).await, ordered);
    assert_eq!(json(&settings, &["backfill", "list"]).await, Value::from(vec![ordered]));
    store
        .change("a", |ledger| {
            let (window, item) = (ledger.backfills[0].window, Slice::Item("session".to_owned()));
            ledger.jobs.push(Job { scope: Some(window), ..Job::new(Purpose::Item, item, window.to(), Duration::ZERO) });
            ledger.backfills[0].items_done = 2;
        })
        .await;
    let table = run_command(&settings, &["backfill", "show", &id]).await.out;
    assert!(table.contains(" items ") && table.contains(" 2 of 3 "), "{table}");
    for (word, state) in [("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")] {
        assert_eq!(json(&settings, &["backfill", word, &id]).await["state"], state);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_list_and_show_print_every_field() {
    let (store, settings) = store_and_settings().await;
    assert_eq!(json(&settings, &["jobs", "list"]).await, Value::from(Vec::<Value>::new()));
    let id = store.job("a", 0).await.to_string();
    store
        .change("a", |ledger| {
            let item = Slice::Item("session".to_owned());
            let due = ledger.jobs[0].due;
            ledger.jobs.push(Job { failures: 1, ..Job::new(Purpose::Item, item, due, Duration::ZERO) });
        })
        .await;
    let shown = json(&settings, &["jobs", "list"]).await;
    for job in shown.as_array().unwrap() {
        let fields = [
            ("id", "whole"),
            ("account", "text"),
            ("stream", "text"),
            ("purpose", "text"),
            ("from", "instant?"),
            ("to", "instant?"),
            ("key", "text?"),
            ("due_at", "instant"),
            ("state", "text"),
            ("attempt", "whole"),
            ("failures", "whole"),
            ("reason", "text?"),
        ];
        assert_fields(job, &fields);
    }
    assert_eq!(shown.as_array().unwrap().len(), 2);
    let one = json(&settings, &["jobs", "show", &id]).await;
    assert!(
        shown.as_array().unwrap().contains(&one) && one["purpose"] == "settle" && one["state"] == "waiting",
        "{one}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn check_and_doctor_print_lists() {
    let (store, settings) = store_and_settings().await;
    assert_eq!(json(&settings, &["doctor"]).await, Value::from(Vec::<Value>::new()));
    store.job("gone", 0).await;
    let found = run_command(&settings, &["--output", "json", "doctor"]).await;
    assert_fields(&found.json()[0], &[("check", "text"), ("wrong", "text"), ("remedy", "text")]);
    let checked = run_command(&settings, &["--output", "json", "check"]).await;
    let checked = checked.json();
    for line in checked.as_array().unwrap() {
        assert_fields(line, &[("check", "text"), ("ok", "bool"), ("detail", "text")]);
    }
    let names: Vec<_> = checked.as_array().unwrap().iter().map(|line| line["check"].as_str().unwrap()).collect();
    assert_eq!(names, ["settings", "database", "queue", "account a"]);
    let text = unreachable_account().file(&store.made.url, "memory:");
    let table = run_command(&text, &["status"]).await;
    assert!(table.code == 0 && table.out.contains("lane of") && table.out.contains("queue:"), "{}", table.out);
}
