//! Webhooks: on time, lost, duplicated, late and forged, and the rule for replies.

use super::{Bench, bench, config};
use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::post;
use chrono::TimeDelta;
use domain::clock::Clock;
use serde_json::Value;
use simulator::gateway::Rule;
use simulator::serve;
use simulator::treble::{Config, Session};
use simulator::webhook_outbox::{Delivery, DeliveryPlan, Origin, WebhookFaults, WebhookReply};
use simulator::{SimulatedVendor, WebhookVendor};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

fn good() -> WebhookReply {
    WebhookReply { body: br#"{"success":true}"#.to_vec(), ..WebhookReply::status(200) }
}

fn config_with(webhook_faults: WebhookFaults) -> Config {
    Config { sessions_per_day: 60.0, live_every: Some(Duration::from_mins(10)), webhook_faults, ..config() }
}

impl Bench {
    /// Two days pass; every ten minutes what is due is taken and answered well.
    fn two_days(&self) -> Vec<Delivery> {
        let mut all = Vec::new();
        for _ in 0..290 {
            self.clock.forward(TimeDelta::minutes(10));
            for delivery in self.vendor.deliveries_due(self.clock.now()) {
                self.vendor.record_reply(&delivery, &good());
                all.push(delivery);
            }
        }
        all
    }

    fn by_id(&self) -> BTreeMap<String, Session> {
        let sessions = self.vendor.dataset(self.last_days(40)).sessions;
        sessions.into_iter().map(|session| (session.id.to_string(), session)).collect()
    }
}

fn body(delivery: &Delivery) -> Value {
    serde_json::from_slice(&delivery.body).unwrap()
}

/// The last ten digits.
fn digits(phone: &str) -> &str {
    &phone[phone.len() - 10..]
}

#[tokio::test]
async fn delivers_each_event_once_with_the_values_of_the_dataset() {
    let bench = bench(config_with(WebhookFaults::default())).await;
    let started = bench.clock.now();
    let deliveries = bench.two_days();
    let (events, sessions) = (bench.vendor.events(), bench.by_id());
    let ends: BTreeSet<_> = events.iter().filter(|it| it.action == "session.close").map(|it| &it.subject).collect();
    for (id, session) in &sessions {
        // Also of a session that was created before the simulator started.
        assert_eq!(session.finished_at.is_some_and(|at| at >= started), ends.contains(id), "{session:?}");
    }
    assert!(events.len() > 1000, "{}", events.len());
    assert_eq!(deliveries.len(), events.len());
    let actions: BTreeSet<_> = events.iter().map(|it| it.action).collect();
    let all = ["closed", "deployment.failure", "hsm.status", "opt_out", "response", "session.close", "timeout"];
    assert_eq!(actions, BTreeSet::from(all));
    let (mut nameless, mut longer, mut flows) = (0, 0, BTreeSet::new());
    for (delivery, event) in deliveries.iter().zip(&events) {
        assert_eq!((delivery.events.as_slice(), delivery.wrong_address), ([event.id.clone()].as_slice(), false));
        let (body, session) = (body(delivery), &sessions[&event.subject]);
        if event.action.contains('.') {
            assert_eq!(
                (body["event_type"].as_str(), body["event_id"].as_str()),
                (Some(event.action), Some(event.id.as_str()))
            );
            assert_eq!(body["timestamp"].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap(), event.at);
        } else {
            assert!(body.get("event_id").is_none());
            assert_eq!(body["conversation_id"], session.poll_id);
            assert!(flows.insert(body.to_string()), "twice the same though not the same event: {body}");
        }
        let user = if event.action.contains('.') { &body["user"] } else { &body };
        if let Some(phone) = user["cellphone"].as_str() {
            assert_eq!(digits(phone), digits(&session.cellphone));
            longer += usize::from(phone.len() > session.cellphone.len());
        }
        match event.action {
            "session.close" => {
                let id = body["session"]["external_id"].as_str().unwrap();
                assert!(id.is_empty() || Some(id) == session.external_id.as_deref());
                nameless += usize::from(id.is_empty());
                assert_eq!(session.finished_at, Some(event.at));
            }
            "deployment.failure" => assert_eq!(body["failure_reason"], session.deployment),
            "timeout" => assert!(body["timeout_at"].is_string() && session.finished_at.is_none()),
            "response" => assert!(body["actual_response"].is_string()),
            _ => {}
        }
    }
    assert!(nameless > 10 && longer > 10, "{nameless} {longer}");
    assert!(bench.broken_rules().is_empty());
}

#[tokio::test]
async fn loses_duplicates_delays_and_forges_webhooks() {
    let webhook_faults =
        WebhookFaults { lost: 0.06, duplicate: 0.06, disorder: 0.06, forged: 0.06, ..WebhookFaults::default() };
    let bench = bench(config_with(webhook_faults)).await;
    let mut all = bench.two_days();
    bench.vendor.freeze();
    all.extend(bench.two_days());
    let events = bench.vendor.events();
    let ids =
        |kind| -> Vec<String> { all.iter().filter(|it| it.origin == kind).flat_map(|it| it.events.clone()).collect() };
    let fated = |fates: &[DeliveryPlan]| -> BTreeSet<String> {
        events.iter().filter(|it| fates.contains(&it.delivery)).map(|it| it.id.clone()).collect()
    };
    let genuine: BTreeSet<String> = ids(Origin::Genuine).into_iter().collect();
    assert_eq!(genuine, fated(&[DeliveryPlan::OnTime, DeliveryPlan::Twice, DeliveryPlan::Late]));
    assert!(fated(&[DeliveryPlan::Lost]).len() > 30 && fated(&[DeliveryPlan::Late]).len() > 30);
    assert_eq!(ids(Origin::Duplicate).into_iter().collect::<BTreeSet<_>>(), fated(&[DeliveryPlan::Twice]));
    let forged: Vec<_> = all.iter().filter(|it| it.origin == Origin::Forged).collect();
    assert!(forged.len() > 30, "{}", forged.len());
    let url = "http://127.0.0.1:1/hooks/treble/one/the-secret";
    for delivery in &all {
        let address = delivery.address(url);
        assert_eq!(address == url, delivery.origin != Origin::Forged);
        assert_eq!((address.len(), address.rsplit_once('/').unwrap().0), (url.len(), url.rsplit_once('/').unwrap().0));
    }
    let sessions = bench.by_id();
    for delivery in forged {
        let body = body(delivery);
        let own = body["event_id"].as_str().unwrap();
        assert_eq!(delivery.events, [own]);
        let closed_at = body["session"]["closed_at"].as_str();
        assert!(closed_at.is_some() || body["failure_reason"] == "FAILURE_BY_FORGERY");
        let end = closed_at.map(|at| at.parse::<chrono::DateTime<chrono::Utc>>().unwrap());
        let id = body["session"]["external_id"].as_str().unwrap_or_default();
        let named = sessions.values().filter(|it| it.external_id.as_deref() == Some(id));
        assert!(named.into_iter().all(|it| it.finished_at != end), "it would change nothing");
    }
}

#[tokio::test]
async fn a_webhook_reply_must_be_a_json_object_in_time() {
    let bench = bench(config_with(WebhookFaults { retries: 1, ..WebhookFaults::default() })).await;
    bench.clock.forward(TimeDelta::hours(3));
    bench.vendor.freeze();
    let due = bench.vendor.deliveries_due(bench.clock.now());
    let bad = [
        WebhookReply::status(200),
        WebhookReply { body: b"[]".to_vec(), ..WebhookReply::status(200) },
        WebhookReply { status: Some(500), ..good() },
        WebhookReply { duration: Duration::from_secs(5), ..good() },
        WebhookReply { duration: Duration::from_secs(5), ..WebhookReply::default() },
    ];
    for (delivery, reply) in due.iter().zip(&bad) {
        bench.vendor.record_reply(delivery, reply);
    }
    assert_eq!(bench.broken_rules(), [Rule::BAD_REPLY; 5]);
    bench.vendor.record_reply(&due[5], &WebhookReply::default());
    bench.vendor.record_reply(&due[6], &WebhookReply { duration: Duration::from_millis(4999), ..good() });
    assert_eq!(bench.broken_rules().len(), 5, "nobody was there; it was in time");
    due[7..].iter().for_each(|it| bench.vendor.record_reply(it, &good()));
    bench.clock.forward(TimeDelta::seconds(1));
    let again: Vec<u64> = bench.vendor.deliveries_due(bench.clock.now()).iter().map(|it| it.number).collect();
    assert_eq!(again, due[..6].iter().map(|it| it.number).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_sender_posts_forgeries_to_a_wrong_address() {
    let bench = bench(config_with(WebhookFaults { forged: 0.5, ..WebhookFaults::default() })).await;
    let right: Arc<Mutex<usize>> = Arc::default();
    let count = Arc::clone(&right);
    let receive = async move |Path(secret): Path<String>, _: Bytes| {
        if secret != "the-secret" {
            return (StatusCode::NOT_FOUND, "{}");
        }
        *count.lock().unwrap() += 1;
        (StatusCode::OK, r#"{"success":true}"#)
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let routes = Router::new().route("/hooks/treble/one/{secret}", post(receive));
    let hooks = serve(listener, routes, &CancellationToken::new()).unwrap();
    let stopping = CancellationToken::new();
    bench.vendor.send_webhooks(&format!("{}/hooks/treble/one/the-secret", hooks.base()), stopping.clone()).unwrap();
    bench.clock.forward(TimeDelta::hours(3));
    bench.vendor.freeze();
    let all_sent = async {
        while bench.vendor.events().is_empty() || bench.vendor.pending_deliveries() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), all_sent).await.unwrap();
    stopping.cancel();
    let sent = bench.vendor.attempts();
    assert!(sent.iter().all(|it| it.status == Some(if it.origin == Origin::Forged { 404 } else { 200 })));
    assert!(sent.iter().filter(|it| it.origin == Origin::Forged).count() > 10);
    assert_eq!(*right.lock().unwrap(), bench.vendor.events().len());
    assert!(bench.broken_rules().is_empty(), "a forged one may be refused");
}

#[tokio::test]
async fn a_burst_is_about_closed_sessions_under_unique_event_ids() {
    let bench = bench(config_with(WebhookFaults::default())).await;
    let burst = bench.vendor.burst(2000);
    assert_eq!(burst.len(), 2000);
    let ids: BTreeSet<_> = burst.iter().map(|it| body(it)["event_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), 2000);
    let ends: BTreeSet<_> = bench.by_id().into_values().filter_map(|it| it.finished_at).collect();
    for delivery in &burst {
        let end = body(delivery)["session"]["closed_at"].as_str().unwrap().parse().unwrap();
        assert!(ends.contains(&end) && delivery.origin == Origin::Genuine);
    }
}
