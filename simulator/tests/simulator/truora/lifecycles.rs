//! The lifecycles of processes, and the variants of results.

use super::{bench, config, process};
use crate::{at, window};
use chrono::TimeDelta;
use domain::clock::Clock;
use simulator::truora::{Config, Process};
use simulator::webhook_outbox::WebhookReply;
use simulator::{SimulatedVendor, WebhookVendor};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

fn is_later(before: &Process, after: &Process) {
    let id = &before.process_id;
    assert_eq!(before.creation_date, after.creation_date, "{id}");
    assert_eq!(before.account_id, after.account_id, "{id}");
    assert!(after.user_responses.starts_with(&before.user_responses), "{id} forgot an answer");
    assert!(before.update_date <= after.update_date, "{id} went back");
    if (&before.status, &before.user_responses) == (&after.status, &after.user_responses) {
        assert_eq!(before, after, "{id} changed besides");
    } else {
        assert!(before.update_date < after.update_date, "{id} changed unseen: {before:?} {after:?}");
    }
    if before.status != "pending" {
        assert_ne!(after.status, "pending", "{id} began again");
    }
}

#[tokio::test]
async fn no_process_returns_to_an_earlier_state() {
    let bench = bench(Config { processes_per_day: 150.0, overridden: 0.2, odd_words: 0.1, ..config() }).await;
    let window = bench.last_days(3);
    let mut before: BTreeMap<String, Process> = BTreeMap::new();
    let (mut overrides, mut answered, mut words) = (0, 0, BTreeSet::new());
    for hour in 0..200 {
        bench.clock.forward(TimeDelta::minutes(if hour < 60 { 30 } else { 60 }));
        for now in bench.vendor.dataset(window) {
            words.extend([Some(now.status.clone()), now.failure_status.clone(), now.declined_reason.clone()]);
            assert!(now.update_date <= bench.clock.now(), "{now:?} has not happened yet");
            let then = before.get(&now.process_id).filter(|_| now.status == "pending");
            answered += usize::from(then.is_some_and(|it| it.user_responses != now.user_responses));
            if let Some(then) = before.insert(now.process_id.clone(), now.clone()) {
                is_later(&then, &now);
                overrides += usize::from(then.status != "pending" && then.status != now.status);
            }
        }
    }
    assert!(before.len() > 350, "{}", before.len());
    assert!(before.values().all(|it| it.status != "pending"));
    assert!(overrides > 40 && answered > 20, "{overrides} {answered}");
    for word in ["on_hold", "moon_phase", "rerouted", "expired", "declined", "system_error"] {
        assert!(words.contains(&Some(word.to_owned())), "{word}");
    }
    let settled: Vec<_> = bench.vendor.dataset(window);
    bench.clock.forward(TimeDelta::days(30));
    assert!(bench.vendor.dataset(window) == settled);
}

#[tokio::test]
async fn each_variant_of_a_result_equals_the_dataset() {
    let bench = bench(config()).await;
    let (mut digits, mut shapes) = (BTreeSet::new(), BTreeSet::new());
    let truth = bench.vendor.dataset(bench.last_days(2));
    assert!(truth.len() > 50);
    for it in &truth {
        let (_, body) = bench.ask(&format!("/v1/processes/{}/result", it.process_id)).await;
        assert_eq!(&process(&body), it);
        let written = body["creation_date"].as_str().unwrap();
        digits.insert(written.split_once('.').map_or(0, |(_, fraction)| fraction.len() - 1));
        if it.user_responses.is_empty() {
            shapes.insert(format!("{:?}", body.get("user_responses")));
        }
        shapes.extend(body.get("labels_v2").map(|_| String::from("unknown field")));
        let (_, short) = bench.ask(&format!("/v1/processes/{}", it.process_id)).await;
        assert_eq!((short["status"].as_str(), short.get("user_responses")), (Some(it.status.as_str()), None));
    }
    assert!(digits.contains(&0) && digits.contains(&9) && digits.len() > 7, "{digits:?}");
    assert_eq!(shapes.len(), 4, "{shapes:?}");
    // The same result, read often: another variant, the same process.
    let first = &truth[0];
    for _ in 0..20 {
        assert_eq!(&bench.result(&first.process_id).await, first);
    }
    assert!(bench.broken_rules().is_empty());
}

#[tokio::test]
async fn short_processes_end_soon_and_repeated_results_are_counted() {
    let short = Duration::from_secs(2);
    let live = Duration::from_millis(500);
    let config = Config {
        pending_for: Some(short),
        live_every: Some(live),
        overridden: 1.0,
        override_after: Duration::from_secs(10),
        ..config()
    };
    let bench = bench(config).await;
    let started = bench.clock.now();
    bench.clock.forward(TimeDelta::seconds(30));
    let born: Vec<_> =
        bench.vendor.dataset(bench.last_days(1)).into_iter().filter(|it| it.creation_date >= started).collect();
    assert!((55..=66).contains(&born.len()), "{}", born.len());
    let now = bench.clock.now();
    let newest = born.last().unwrap();
    assert_eq!(newest.status, "pending");
    assert!(born.iter().all(|it| it.status != "pending" || now - it.creation_date <= TimeDelta::seconds(3)));
    let id = &newest.process_id;
    assert_eq!(&bench.result(id).await, newest);
    assert_eq!(bench.vendor.results_sent_after_end(id), 0);
    let odd = bench.vendor.dataset(bench.last_days(60)).into_iter().find(|it| it.status == "on_hold").unwrap();
    bench.result(&odd.process_id).await;
    assert_eq!(bench.vendor.results_sent_after_end(&odd.process_id), 0, "nobody can know that this is an end");
    bench.clock.forward(TimeDelta::seconds(3));
    let ended = bench.result(id).await;
    assert_ne!(ended.status, "pending");
    assert_eq!(bench.vendor.results_sent_after_end(id), 1);
    bench.clock.forward(TimeDelta::seconds(12));
    assert_ne!(bench.result(id).await.status, ended.status, "overridden");
    assert_eq!(bench.vendor.results_sent_after_end(id), 2);
}

#[tokio::test]
async fn a_frozen_dataset_does_not_change() {
    let live = Some(Duration::from_secs(1));
    let bench = bench(Config { live_every: live, pending_for: Some(Duration::from_secs(5)), ..config() }).await;
    bench.clock.forward(TimeDelta::seconds(60));
    bench.vendor.freeze();
    let window = bench.last_days(1);
    let held = bench.vendor.dataset(window);
    assert!(held.iter().any(|it| it.status == "pending"));
    bench.clock.forward(TimeDelta::days(2));
    assert!(bench.vendor.dataset(window) == held);
    assert_eq!(bench.vendor.count(bench.last_days(1)), 0);
    let last = held.last().unwrap();
    assert_eq!(&bench.result(&last.process_id).await, last);
}

#[tokio::test]
async fn the_control_routes_show_the_same() {
    let bench = bench(config()).await;
    let get = async |path: &str| bench.ask(&format!("/simulator/{path}")).await.1;
    bench.vendor.set_keys(Vec::new());
    bench.ask("/v1/processes").await;
    bench.clock.forward(TimeDelta::hours(2));
    let due = bench.vendor.deliveries_due(bench.clock.now());
    bench.vendor.record_reply(&due[0], &WebhookReply::status(202));
    let range = "from=2026-08-10T00:00:00Z&to=2026-08-12T00:00:00Z";
    let told: Vec<Process> = serde_json::from_value(get(&format!("truth?{range}")).await).unwrap();
    assert!(told == bench.vendor.dataset(window("2026-08-10T00:00:00Z", "2026-08-12T00:00:00Z")));
    assert_eq!(get("breaches").await[0]["rule"], "bad_key");
    assert_eq!(get("requests").await[0]["path"], "/v1/processes");
    assert_eq!(get("events").await[0]["id"], bench.vendor.events()[0].id);
    assert_eq!(get("sent").await[0]["status"], 202);
    bench.client.post(format!("{}/simulator/freeze", bench.serving.base())).send().await.unwrap();
    let summary = get("summary").await;
    assert_eq!((&summary["frozen_at"], &summary["breaches"]["bad_key"]), (&summary["now"], &1.into()));
    assert_eq!(summary["processes"], bench.vendor.count(bench.last_days(400)));
}

#[tokio::test]
async fn the_seed_decides_the_dataset() {
    let (one, same) = (bench(config()).await, bench(config()).await);
    let other = bench(Config { seed: 8, ..config() }).await;
    let window = one.last_days(5);
    assert!(one.vendor.dataset(window) == same.vendor.dataset(window));
    let ids = |it: &super::Bench| -> BTreeSet<String> {
        it.vendor.dataset(window).into_iter().map(|it| it.process_id).collect()
    };
    assert!(ids(&one).is_disjoint(&ids(&other)));
    assert!(one.vendor.dataset(window).iter().all(|it| it.creation_date >= at("2026-08-07T12:00:00Z")));
}
