//! The rules and the faults.

use super::{KEY, bench, config};
use chrono::TimeDelta;
use serde_json::json;
use simulator::SimulatedVendor;
use simulator::gateway::{Faults, Limits, Rule};
use simulator::truora::Config;
use std::time::Duration;

fn paced(requests_per_second: f64) -> Config {
    let config = config();
    Config { limits: Limits { requests_per_second, ..config.limits.clone() }, ..config }
}

#[tokio::test]
async fn each_broken_rule_is_answered_and_recorded() {
    let bench = bench(config()).await;
    let table = [
        (None, "/v1/processes", 401, Some(10401), Rule::BAD_KEY),
        (Some("other-key"), "/v1/processes/IDP1/result", 401, Some(10401), Rule::BAD_KEY),
        (Some(KEY), "/v1/process", 403, None, Rule::UNKNOWN_ROUTE),
        (Some(KEY), "/v1/processes?page_size=101", 400, Some(10400), Rule::BAD_PARAMETER),
        (Some(KEY), "/v1/processes?page_size=0", 400, Some(10400), Rule::BAD_PARAMETER),
        (Some(KEY), "/v1/processes?start_key=next", 400, Some(10400), Rule::BAD_PARAMETER),
        (Some(KEY), "/v1/processes?start_date=yesterday", 400, Some(10400), Rule::BAD_PARAMETER),
        (Some(KEY), "/v1/processes?start_date=2026-08-02&end_date=2026-08-02", 400, Some(10400), Rule::BAD_PARAMETER),
    ];
    for (key, path, status, code, kind) in table {
        let response = bench.request(key, path).send().await.unwrap();
        assert_eq!(response.status(), status, "{path}");
        let body: serde_json::Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        assert_eq!(body.get("code").and_then(serde_json::Value::as_u64), code, "{path}: {body}");
        assert!(body["message"].is_string());
        assert_eq!(bench.broken_rules().last(), Some(&kind), "{path}");
    }
    assert_eq!(bench.broken_rules().len(), table.len());
    assert_eq!(bench.vendor.requests().len(), table.len());
}

#[tokio::test]
async fn distinguishes_an_unknown_process_from_an_unknown_route() {
    let bench = bench(Config { gateway_403: true, ..config() }).await;
    assert_eq!(bench.ask("/v1/processes/IDP00/result").await.0, 404);
    assert!(bench.broken_rules().is_empty(), "a webhook may have named it");
    let (status, body) = bench.ask("/v1/elsewhere").await;
    assert_eq!((status.as_u16(), body), (403, json!({"message": "Missing Authentication Token"})));
    bench.vendor.set_keys(vec![String::from("renewed")]);
    let (status, body) = bench.ask("/v1/processes").await;
    assert_eq!((status.as_u16(), body), (403, json!({"message": "Forbidden"})));
    assert_eq!(bench.broken_rules(), [Rule::UNKNOWN_ROUTE, Rule::BAD_KEY]);
}

#[tokio::test]
async fn enforces_the_rate_and_the_wait() {
    let bench = bench(paced(2.0)).await;
    let path = "/v1/processes?page_size=1";
    for _ in 0..5 {
        assert_eq!(bench.head(path).await, (200, None), "a burst of 5");
    }
    assert_eq!(bench.head(path).await, (429, Some(1)));
    assert_eq!(bench.broken_rules(), [Rule::RATE]);
    bench.clock.forward(TimeDelta::milliseconds(200));
    assert_eq!(bench.head(path).await, (429, Some(1)), "it may have been on its way");
    assert_eq!(bench.broken_rules(), [Rule::RATE]);
    bench.clock.forward(TimeDelta::milliseconds(100));
    assert_eq!(bench.head(path).await, (429, Some(1)));
    assert_eq!(bench.broken_rules(), [Rule::RATE, Rule::EARLY]);
    bench.clock.forward(TimeDelta::milliseconds(700));
    assert_eq!(bench.head(path).await, (200, None));
    assert_eq!(bench.head(path).await, (200, None), "two a second");
    assert_eq!(bench.head(path).await, (429, Some(1)));
    bench.clock.forward(TimeDelta::seconds(60));
    let outcomes: Vec<_> = bench.vendor.requests().iter().map(|seen| seen.outcome).collect();
    assert_eq!(outcomes[5..], ["rate", "crossed", "early", "list", "list", "rate"]);
}

#[tokio::test]
async fn never_throttles_a_steady_caller() {
    let bench = bench(paced(5.0)).await;
    for turn in 0..40 {
        // Late and early by turns, as over a network.
        bench.clock.forward(TimeDelta::milliseconds(if turn % 2 == 0 { 350 } else { 50 }));
        assert_eq!(bench.head("/v1/processes/IDP0").await.0, 404);
    }
    assert!(bench.broken_rules().is_empty(), "{:?}", bench.broken_rules());
}

#[tokio::test]
async fn enforces_the_limit_on_requests_in_flight() {
    let mut config = config();
    config.limits = Limits { max_in_flight: 2, latency: Duration::from_millis(1500), ..config.limits };
    let bench = bench(config).await;
    let path = "/v1/processes?page_size=1";
    let all = futures::future::join_all((0..3).map(|_| bench.head(path))).await;
    assert_eq!(all.iter().filter(|(status, _)| *status == 429).count(), 1, "{all:?}");
    assert_eq!(bench.broken_rules(), [Rule::SIMULTANEOUS]);
    assert_eq!(bench.vendor.most_in_flight(), 3);
    bench.vendor.idle().await;
    assert!(bench.vendor.requests().iter().all(|seen| seen.ended_at.is_some()));
}

#[tokio::test]
async fn a_429_by_fault_requires_the_same_wait() {
    let bench = bench(config()).await;
    let wait = Duration::from_millis(2500);
    bench.vendor.set_faults(Faults { throttle_429: 1.0, retry_after: wait, ..Faults::default() });
    assert_eq!(bench.head("/v1/processes").await, (429, Some(3)));
    assert!(bench.broken_rules().is_empty());
    bench.vendor.set_faults(Faults::default());
    bench.clock.forward(TimeDelta::milliseconds(1200));
    assert_eq!(bench.head("/v1/processes").await, (429, Some(2)), "what is left of it");
    assert_eq!(bench.broken_rules(), [Rule::EARLY]);
    bench.clock.forward(TimeDelta::milliseconds(1800));
    assert_eq!(bench.head("/v1/processes").await, (200, None));
    assert_eq!(bench.broken_rules().len(), 1);
}

#[tokio::test]
async fn a_caller_that_keeps_the_rate_and_waits_breaks_no_rule() {
    let bench = bench(paced(5.0)).await;
    bench.vendor.set_faults(Faults { throttle_429: 0.2, server_500: 0.1, ..Faults::default() });
    let (mut waits, mut answers) = (0, 0);
    for _ in 0..200 {
        let (status, wait) = bench.head("/v1/processes?page_size=1").await;
        waits += usize::from(status == 429);
        answers += usize::from(status == 200);
        assert_eq!(status == 429, wait.is_some());
        bench
            .clock
            .forward(wait.map_or(TimeDelta::milliseconds(200), |wait| TimeDelta::seconds(wait.try_into().unwrap())));
    }
    assert!((20..60).contains(&waits) && answers > 110, "{waits} {answers}");
    assert!(bench.broken_rules().is_empty(), "{:?}", bench.broken_rules());
}

#[tokio::test]
async fn each_fault_has_its_status_and_outcome() {
    let bench = bench(config()).await;
    let id = bench.vendor.dataset(bench.last_days(2))[0].process_id.clone();
    let path = format!("/v1/processes/{id}/result");
    let none = Faults { slow_for: Duration::from_millis(1), ..Faults::default() };
    let table = [
        (Faults { server_500: 1.0, ..none.clone() }, "server_500", 500),
        (Faults { html_200: 1.0, ..none.clone() }, "html_200", 200),
        (Faults { gateway_504: 1.0, ..none.clone() }, "gateway_504", 504),
        (Faults { slow: 1.0, ..none.clone() }, "slow", 200),
    ];
    for (faults, outcome, status) in table {
        bench.vendor.set_faults(faults);
        let (answered, body) = bench.ask(&path).await;
        assert_eq!(answered, status, "{outcome}");
        assert_eq!(body.is_object(), matches!(outcome, "slow" | "server_500"), "{outcome}: {body}");
        assert_eq!(bench.vendor.requests().last().unwrap().outcome, outcome);
    }
    bench.vendor.set_faults(Faults { cut_body: 1.0, ..none });
    for _ in 0..12 {
        let response = bench.request(Some(KEY), &path).send().await.unwrap();
        let text = response.text().await.unwrap_or_default();
        assert!(serde_json::from_str::<serde_json::Value>(&text).is_err(), "{text}");
    }
    assert!(bench.broken_rules().is_empty());
    assert_eq!(bench.vendor.results_sent_after_end(&id), 0, "none of these was an answer");
}
