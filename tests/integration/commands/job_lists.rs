//! `convosync jobs list` shows what an operator may act on, however many items are scheduled.

use super::{run_command, store_and_settings};
use crate::store::Store;
use chrono::{DateTime, TimeDelta, Utc};
use domain::job::{Job, JobState, Purpose};
use domain::slice::Slice;
use domain::window::Window;
use serde_json::Value;
use std::time::Duration;

/// The listed jobs, each as its key or its purpose, and what the command said.
async fn list(settings: &str) -> (Vec<String>, String) {
    let output = run_command(settings, &["--output", "json", "jobs", "list"]).await;
    assert_eq!(output.code, 0, "{}", output.err);
    let name = |job: &Value| job["key"].as_str().or(job["purpose"].as_str()).unwrap().to_owned();
    (output.json().as_array().unwrap().iter().map(name).collect(), output.err)
}

fn item(now: DateTime<Utc>, key: String, state: JobState, failures: u32) -> Job {
    Job { state, failures, ..Job::new(Purpose::Item, Slice::Item(key), now, Duration::ZERO) }
}

async fn add(store: &Store, jobs: impl IntoIterator<Item = Job>) {
    store.change("a", |ledger| ledger.jobs.extend(jobs)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_jobs_leaves_out_items_that_only_wait_their_turn() {
    let (store, settings) = store_and_settings().await;
    let now = store.now().await;
    let until = now + TimeDelta::minutes(1);
    let parked = JobState::Parked { reason: "too dense".to_owned() };
    let states = [
        ("waiting", JobState::Waiting, 0),
        ("failing", JobState::Waiting, 2),
        ("running", JobState::Running { until }, 0),
        ("dispatched", JobState::Dispatched { until }, 0),
        ("parked", parked, 0),
    ];
    add(&store, states.map(|(key, state, failures)| item(now, key.to_owned(), state, failures))).await;
    store.job("a", 0).await;
    let (listed, said) = list(&settings).await;
    assert_eq!(listed[..2], ["parked", "settle"], "jobs that wait for an operator come first, then windows");
    let mut others = listed[2..].to_vec();
    others.sort();
    assert_eq!(others, ["dispatched", "failing", "running"]);
    assert_eq!(said, "1 more job is open: 1 item waiting\n");
    add(&store, (0..20).map(|number| item(now, format!("later {number}"), JobState::Waiting, 0))).await;
    let (again, said) = list(&settings).await;
    assert_eq!((again, said.as_str()), (listed, "21 more jobs are open: 21 items waiting\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_jobs_has_at_most_1000_rows() {
    let (store, settings) = store_and_settings().await;
    let now = store.now().await;
    let parked = || JobState::Parked { reason: "too dense".to_owned() };
    add(&store, (0..1100).map(|number| item(now, format!("failing {number}"), JobState::Waiting, 1))).await;
    add(&store, (0..2).map(|number| item(now, format!("parked {number}"), parked(), 1))).await;
    store.job("a", 0).await;
    let (listed, said) = list(&settings).await;
    assert_eq!((listed.len(), listed[2].as_str()), (1000, "settle"));
    assert_eq!(said, "103 more jobs are open: 103 items waiting\n");
    let window = |number: i64| {
        let from = now - TimeDelta::days(30) + TimeDelta::minutes(number);
        Slice::Window(Window::new(from, from + TimeDelta::minutes(1)).unwrap())
    };
    add(&store, (0..1010).map(|number| Job::new(Purpose::Settle, window(number), now, Duration::ZERO))).await;
    add(&store, (2..1000).map(|number| item(now, format!("parked {number}"), parked(), 1))).await;
    let (listed, said) = list(&settings).await;
    assert_eq!(listed.len(), 1000);
    assert!(listed.iter().all(|name| name.starts_with("parked")), "{listed:?}");
    assert_eq!(said, "2111 more jobs are open: 1100 items waiting, 1011 windows and other jobs\n");
}
