//! The rules and the faults.

use super::{KEY, bench, config};
use crate::window;
use chrono::TimeDelta;
use domain::clock::Clock;
use simulator::gateway::{Faults, Limits, Rule};
use simulator::treble::{Config, Snapshot};
use simulator::webhook_outbox::WebhookReply;
use simulator::{SimulatedVendor, WebhookVendor};
use std::time::Duration;

#[tokio::test]
async fn each_broken_rule_is_answered_and_recorded() {
    let bench = bench(config()).await;
    let poll = bench.polls().await[0];
    let bearer = format!("Bearer {KEY}");
    let of_poll = |query: &str| format!("/devapi/poll/{poll}/sessions?{query}");
    let table = [
        (None, String::from("/poll/api/all"), 401, Rule::BAD_KEY),
        (Some("other"), String::from("/poll/api/all"), 401, Rule::BAD_KEY),
        (Some(bearer.as_str()), of_poll(""), 401, Rule::BAD_KEY),
        (Some(KEY), String::from("/poll/api/everything"), 404, Rule::UNKNOWN_ROUTE),
        (Some(KEY), of_poll("limit=101"), 400, Rule::BAD_PARAMETER),
        (Some(KEY), of_poll("limit=0"), 400, Rule::BAD_PARAMETER),
        (Some(KEY), of_poll("since=2026-08-01"), 400, Rule::BAD_PARAMETER),
        (Some(KEY), of_poll("since=1785000000&until=1785000000"), 400, Rule::BAD_PARAMETER),
        (Some(KEY), of_poll("next_id=1"), 400, Rule::BAD_PARAMETER),
    ];
    for (key, path, status, kind) in &table {
        let (answered, body) = bench.ask_as(*key, path).await;
        assert_eq!(answered, *status, "{path}");
        assert!(body["message"].is_string(), "{body}");
        assert_eq!(bench.broken_rules().last(), Some(kind), "{path}");
    }
    assert_eq!(bench.broken_rules().len(), table.len());
}

#[tokio::test]
async fn answers_404_for_unknown_items_and_fails_only_the_failing_poll() {
    let bench = bench(Config { failing_polls: vec![2], ..config() }).await;
    for path in ["/devapi/poll/1/sessions", "/devapi/session/1/history", "/devapi/session/x/history"] {
        let (status, body) = bench.ask(path).await;
        assert_eq!(status, 404, "{path}");
        assert!(body["message"].is_string());
    }
    let polls = bench.polls().await;
    assert_eq!(polls, bench.vendor.polls().iter().map(|poll| poll.id).collect::<Vec<_>>());
    for (place, poll) in polls.iter().enumerate() {
        for _ in 0..3 {
            let (status, _) = bench.ask(&format!("/devapi/poll/{poll}/sessions")).await;
            assert_eq!(status, if place == 2 { 500 } else { 200 });
        }
    }
    let held = bench.vendor.dataset(bench.last_days(1));
    let session = held.sessions.iter().find(|session| session.poll_id == polls[2]).unwrap();
    assert!(!bench.history(session.id).await.0.is_empty(), "only its list fails");
    assert!(bench.broken_rules().is_empty());
}

#[tokio::test]
async fn the_control_routes_show_the_same() {
    let bench = bench(config()).await;
    let get = async |path: &str| bench.ask(&format!("/simulator/{path}")).await.1;
    bench.vendor.set_keys(Vec::new());
    bench.ask("/poll/api/all").await;
    bench.clock.forward(TimeDelta::hours(2));
    let due = bench.vendor.deliveries_due(bench.clock.now());
    bench.vendor.record_reply(&due[0], &WebhookReply::status(401));
    let range = "from=2026-08-10T00:00:00Z&to=2026-08-12T00:00:00Z";
    let told: Snapshot = serde_json::from_value(get(&format!("truth?{range}")).await).unwrap();
    assert!(told == bench.vendor.dataset(window("2026-08-10T00:00:00Z", "2026-08-12T00:00:00Z")));
    let breaches = get("breaches").await;
    assert_eq!((&breaches[0]["rule"], &breaches[1]["rule"]), (&"bad_key".into(), &"bad_reply".into()));
    assert_eq!(get("requests").await[0]["path"], "/poll/api/all");
    assert_eq!(get("events").await[0]["id"], bench.vendor.events()[0].id);
    assert_eq!(get("sent").await[0]["status"], 401);
    bench.client.post(format!("{}/simulator/freeze", bench.serving.base())).send().await.unwrap();
    let summary = get("summary").await;
    assert_eq!((&summary["frozen_at"], &summary["breaches"]["bad_key"]), (&summary["now"], &1.into()));
    assert_eq!(summary["sessions"], bench.vendor.count(bench.last_days(400)));
}

#[tokio::test]
async fn each_fault_has_its_status_and_the_next_answer_is_right() {
    let bench = bench(config()).await;
    let id = bench.vendor.dataset(bench.last_days(2)).sessions[0].id;
    let path = format!("/devapi/session/{id}/history");
    let (before, _) = bench.history(id).await;
    let table = [
        (Faults { server_500: 1.0, ..Faults::default() }, "server_500", 500),
        (Faults { html_200: 1.0, ..Faults::default() }, "html_200", 200),
        (Faults { gateway_504: 1.0, ..Faults::default() }, "gateway_504", 504),
    ];
    for (faults, outcome, status) in table {
        bench.vendor.set_faults(faults);
        let (answered, body) = bench.ask(&path).await;
        assert!(answered == status && !body.is_array(), "{outcome}: {body}");
        assert_eq!(bench.vendor.requests().last().unwrap().outcome, outcome);
    }
    bench.vendor.set_faults(Faults::default());
    assert_eq!(bench.history(id).await.0, before);
    assert!(bench.broken_rules().is_empty());
}

#[tokio::test]
async fn enforces_the_limit_on_requests_in_flight() {
    let limits = Limits { max_in_flight: 2, latency: Duration::from_millis(1500), ..config().limits };
    let bench = bench(Config { limits, ..config() }).await;
    let all = futures::future::join_all((0..3).map(|_| bench.ask("/poll/api/all"))).await;
    assert_eq!(all.iter().filter(|(status, _)| *status == 429).count(), 1);
    assert_eq!((bench.broken_rules(), bench.vendor.most_in_flight()), (vec![Rule::SIMULTANEOUS], 3));
}

#[tokio::test]
async fn enforces_the_rate_and_the_wait() {
    let limits = Limits { requests_per_second: 10.0, ..config().limits };
    let bench = bench(Config { limits, ..config() }).await;
    let path = "/poll/api/all";
    for _ in 0..5 {
        assert_eq!(bench.ask(path).await.0, 200);
    }
    assert_eq!(bench.ask(path).await.0, 429);
    bench.clock.forward(TimeDelta::milliseconds(600));
    assert_eq!(bench.ask(path).await.0, 429);
    assert_eq!(bench.broken_rules(), [Rule::RATE, Rule::EARLY]);
    bench.clock.forward(TimeDelta::milliseconds(400));
    assert_eq!(bench.ask(path).await.0, 200);
    bench.vendor.set_faults(Faults { throttle_429: 1.0, ..Faults::default() });
    assert_eq!(bench.ask(path).await.0, 429);
    assert_eq!(bench.broken_rules().len(), 2, "that one was not the caller's fault");
}
