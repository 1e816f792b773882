//! Webhooks: on time, lost, duplicated, late and forged.

use super::{Bench, bench, config};
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use domain::clock::Clock;
use serde_json::Value;
use sha2::{Digest, Sha256};
use simulator::serve;
use simulator::truora::Config;
use simulator::webhook_outbox::{Delivery, DeliveryPlan, Event, Origin, WebhookFaults, WebhookReply};
use simulator::{SimulatedVendor, WebhookVendor};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

const SECRET: &str = "a-secret";

fn busy(webhook_faults: WebhookFaults) -> Config {
    Config {
        processes_per_day: 250.0,
        webhook_secret: String::from(SECRET),
        overridden: 0.3,
        webhook_faults,
        live_every: Some(Duration::from_mins(10)),
        ..config()
    }
}

/// The events of a body, if the secret signed it.
fn verified(body: &[u8]) -> Option<Vec<Value>> {
    let text = std::str::from_utf8(body).unwrap();
    let wrapped: Option<Value> = serde_json::from_str(text).ok();
    let token = match &wrapped {
        Some(json) => json.get("token")?.as_str()?,
        None => text,
    };
    let [header, claims, signature] = token.split('.').collect::<Vec<_>>().try_into().ok()?;
    let head: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    let pad = |byte: u8| {
        let mut block = [byte; 64];
        block.iter_mut().zip(SECRET.bytes()).for_each(|(one, other)| *one ^= other);
        block
    };
    let inner = Sha256::digest([&pad(0x36)[..], format!("{header}.{claims}").as_bytes()].concat());
    let expected = Sha256::digest([&pad(0x5C)[..], &inner[..]].concat());
    if head["alg"] != "HS256" || URL_SAFE_NO_PAD.decode(signature).ok()? != expected.to_vec() {
        return None;
    }
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    assert_eq!(claims["iss"], "Truora");
    Some(claims["events"].as_array().unwrap().clone())
}

impl Bench {
    /// Two days pass; every ten minutes what is due is taken, and answered with `status`.
    fn two_days(&self, status: u16) -> Vec<Delivery> {
        let mut all = Vec::new();
        for _ in 0..300 {
            self.clock.forward(TimeDelta::minutes(10));
            for delivery in self.vendor.deliveries_due(self.clock.now()) {
                self.vendor.record_reply(&delivery, &WebhookReply::status(status));
                all.push(delivery);
            }
        }
        all
    }

    fn answer(&self, deliveries: &[Delivery], reply: &WebhookReply) {
        for delivery in deliveries {
            self.vendor.record_reply(delivery, reply);
        }
    }
}

fn told(deliveries: &[Delivery], kind: Origin) -> Vec<String> {
    deliveries.iter().filter(|it| it.origin == kind).flat_map(|it| it.events.clone()).collect()
}

fn with_fate(events: &[Event], fates: &[DeliveryPlan]) -> BTreeSet<String> {
    events.iter().filter(|it| fates.contains(&it.delivery)).map(|it| it.id.clone()).collect()
}

fn set(ids: &[String]) -> BTreeSet<String> {
    ids.iter().cloned().collect()
}

#[tokio::test]
async fn delivers_each_event_once_and_signed() {
    let bench = bench(busy(WebhookFaults::default())).await;
    let started = bench.clock.now();
    let deliveries = bench.two_days(202);
    let events = bench.vendor.events();
    let moments: BTreeSet<_> = events.iter().map(|it| (it.subject.clone(), it.at)).collect();
    for it in bench.vendor.dataset(bench.last_days(20)) {
        // Also of a process that began before the simulator started.
        let changed = it.update_date >= started && it.status != "pending";
        assert!(!changed || moments.contains(&(it.process_id.clone(), it.update_date)), "{it:?}");
    }
    assert!(events.len() > 1200, "{}", events.len());
    let ids = told(&deliveries, Origin::Genuine);
    assert_eq!(ids, events.iter().map(|it| it.id.clone()).collect::<Vec<_>>(), "in order");
    assert_eq!(set(&ids).len(), ids.len());
    let by_id: BTreeMap<_, _> = events.iter().map(|it| (it.id.as_str(), it)).collect();
    let (mut kinds, mut names, mut sizes) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for delivery in &deliveries {
        let told = verified(&delivery.body).unwrap();
        sizes.insert(told.len());
        assert_eq!(told.len(), delivery.events.len());
        for event in &told {
            let truth = by_id[event["id"].as_str().unwrap()];
            let object = &event["object"];
            let id = object.get("process_id").or_else(|| object.get("identity_process_id")).unwrap();
            names.insert(object.get("process_id").is_some());
            assert_eq!(
                (id.as_str().unwrap(), event["event_action"].as_str()),
                (truth.subject.as_str(), Some(truth.action))
            );
            assert!(event["event_type"].as_str().unwrap().contains("process"));
            assert_eq!(object["status"] == "pending", truth.action == "created", "{event}");
        }
        kinds.insert(delivery.headers[0].1.clone());
    }
    assert_eq!((kinds.len(), names.len(), sizes), (3, 2, BTreeSet::from([1, 2, 3])));
    let actions: BTreeSet<_> = events.iter().map(|it| it.action).collect();
    assert_eq!(actions.len(), 5, "{actions:?}");
    assert_eq!(bench.vendor.attempts().len(), deliveries.len());
    assert_eq!(bench.vendor.pending_deliveries(), 0);
}

#[tokio::test]
async fn loses_duplicates_and_delays_webhooks() {
    let webhook_faults = WebhookFaults { lost: 0.05, duplicate: 0.05, disorder: 0.05, ..WebhookFaults::default() };
    let webhook_faults = WebhookFaults { disorder_by: Duration::from_hours(1), ..webhook_faults };
    let bench = bench(busy(webhook_faults)).await;
    let deliveries = bench.two_days(200);
    bench.vendor.freeze();
    let rest = bench.two_days(200);
    let all = [deliveries, rest].concat();
    let events = bench.vendor.events();
    let lost = with_fate(&events, &[DeliveryPlan::Lost]);
    assert!(lost.len() > 30 && lost.len() < 150, "{}", lost.len());
    let genuine = told(&all, Origin::Genuine);
    assert!(set(&genuine).is_disjoint(&lost));
    assert_eq!(set(&genuine), with_fate(&events, &[DeliveryPlan::OnTime, DeliveryPlan::Twice, DeliveryPlan::Late]));
    assert_eq!(set(&genuine).len(), genuine.len());
    let again = told(&all, Origin::Duplicate);
    assert_eq!(set(&again), with_fate(&events, &[DeliveryPlan::Twice]));
    assert!(again.len() > 30);
    let place = |id: &String| genuine.iter().position(|other| other == id).unwrap();
    let late = with_fate(&events, &[DeliveryPlan::Late]);
    let overtaken = late.iter().filter(|id| {
        let at = events.iter().position(|it| &it.id == *id).unwrap();
        events[at + 1..]
            .iter()
            .find(|it| it.delivery == DeliveryPlan::OnTime)
            .is_some_and(|next| place(&next.id) < place(id))
    });
    assert!(overtaken.count() * 10 > late.len() * 9, "those that are late come after later ones");
    assert_eq!(bench.vendor.pending_deliveries(), 0);
}

#[tokio::test]
async fn no_forged_webhook_verifies() {
    let bench = bench(busy(WebhookFaults { forged: 0.1, ..WebhookFaults::default() })).await;
    let deliveries = bench.two_days(401);
    let (forged, genuine): (Vec<_>, Vec<_>) = deliveries.iter().partition(|it| it.origin == Origin::Forged);
    assert!(forged.len() > 60, "{}", forged.len());
    assert!(genuine.iter().all(|it| verified(&it.body).is_some()));
    assert!(forged.iter().all(|it| verified(&it.body).is_none()));
    let real: BTreeSet<_> = bench.vendor.events().into_iter().map(|it| it.subject).collect();
    let text = |it: &Delivery| {
        let body = String::from_utf8(it.body.clone()).unwrap();
        let token = serde_json::from_str::<Value>(&body)
            .ok()
            .map_or(Some(body.clone()), |json| Some(json.get("token")?.as_str()?.to_owned()));
        token.map_or(body, |token| {
            String::from_utf8(URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
        })
    };
    let of_real = forged.iter().filter(|it| real.iter().any(|id| text(it).contains(id.as_str()))).count();
    assert!(
        of_real > 15 && of_real < forged.len() - 15,
        "of processes that there are, and that there are not: {of_real}"
    );
    let tried = bench.vendor.attempts();
    assert!(tried.iter().all(|it| it.origin != Origin::Forged || it.attempt == 1), "none is tried again");
}

#[tokio::test]
async fn retries_a_genuine_delivery_three_times_with_growing_waits() {
    let bench = bench(busy(WebhookFaults::default())).await;
    bench.clock.forward(TimeDelta::minutes(30));
    bench.vendor.freeze();
    let first = bench.vendor.deliveries_due(bench.clock.now());
    assert!(!first.is_empty());
    let mut attempts = Vec::new();
    bench.answer(&first, &WebhookReply::status(503));
    for second in 1..60 {
        bench.clock.forward(TimeDelta::seconds(1));
        let due = bench.vendor.deliveries_due(bench.clock.now());
        attempts.extend((!due.is_empty()).then_some(second));
        assert!(due.is_empty() || due.len() == first.len());
        bench.answer(&due, &WebhookReply::default());
    }
    assert_eq!(attempts, [1, 3, 7]);
    assert_eq!(bench.vendor.pending_deliveries(), 0);
    let sent = bench.vendor.attempts();
    assert_eq!(sent.len(), first.len() * 4);
    assert_eq!((sent[0].status, sent.last().unwrap().status), (Some(503), None));
}

#[tokio::test]
async fn the_sender_retries_until_success_and_only_on_loopback() {
    let got: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
    let pages = Arc::clone(&got);
    let receive = async move |headers: HeaderMap, body: Bytes| {
        assert!(headers.contains_key("content-type"));
        let mut pages = pages.lock().unwrap();
        pages.push(body.to_vec());
        // The first delivery is refused.
        if pages.len() == 1 { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::ACCEPTED }
    };
    let bench = bench(busy(WebhookFaults::default())).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hooks =
        serve(listener, Router::new().route("/hooks/truora/one", post(receive)), &CancellationToken::new()).unwrap();
    for elsewhere in ["http://192.0.2.1/hooks", "http://127.0.0.1.example.com/", "hooks"] {
        assert!(bench.vendor.send_webhooks(elsewhere, CancellationToken::new()).is_err(), "{elsewhere}");
    }
    let stopping = CancellationToken::new();
    let sending = bench.vendor.send_webhooks(&format!("{}/hooks/truora/one", hooks.base()), stopping.clone()).unwrap();
    bench.clock.forward(TimeDelta::minutes(30));
    bench.vendor.freeze();
    // Steps longer than any wait between attempts.
    let due = async {
        loop {
            bench.clock.forward(TimeDelta::seconds(10));
            let taken = set(&told_well(&bench));
            if !taken.is_empty() && taken == set(&bench.vendor.events().into_iter().map(|it| it.id).collect::<Vec<_>>())
            {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), due).await.unwrap();
    stopping.cancel();
    sending.stopped().await;
    let got = got.lock().unwrap().clone();
    assert!(got.iter().all(|body| verified(body).is_some()));
    assert!(got[1..].contains(&got[0]), "the first came again");
    assert_eq!(bench.vendor.attempts().iter().filter(|it| it.status == Some(503)).count(), 1);
}

#[tokio::test]
async fn a_stopping_sender_returns_its_deliveries() {
    let bench = bench(busy(WebhookFaults::default())).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let came = CancellationToken::new();
    let comes = came.clone();
    let receive = async move || {
        comes.cancel();
        std::future::pending::<StatusCode>().await
    };
    let hooks = serve(listener, Router::new().route("/", post(receive)), &CancellationToken::new()).unwrap();
    let stopping = CancellationToken::new();
    let sending = bench.vendor.send_webhooks(&hooks.base(), stopping.clone()).unwrap();
    bench.clock.forward(TimeDelta::minutes(30));
    bench.vendor.freeze();
    came.cancelled().await;
    stopping.cancel();
    tokio::time::timeout(Duration::from_secs(5), sending.stopped()).await.unwrap();
    let tried: BTreeSet<u64> = bench.vendor.attempts().iter().map(|it| it.number).collect();
    assert!(bench.vendor.attempts().iter().all(|it| it.status.is_none()) && !tried.is_empty());
    bench.clock.forward(TimeDelta::seconds(1));
    let again = bench.vendor.deliveries_due(bench.clock.now());
    assert!(again.iter().filter(|it| it.attempt == 2).map(|it| it.number).eq(tried));
}

fn told_well(bench: &Bench) -> Vec<String> {
    bench.vendor.attempts().into_iter().filter(|it| it.status == Some(202)).flat_map(|it| it.events).collect()
}

#[tokio::test]
async fn a_burst_is_about_existing_processes_under_unique_event_ids() {
    let bench = bench(busy(WebhookFaults { lost: 1.0, ..WebhookFaults::default() })).await;
    let bursts = [bench.vendor.burst(2000), bench.vendor.burst(2000)].concat();
    assert_eq!(bursts.len(), 4000);
    assert_eq!(set(&told(&bursts, Origin::Genuine)).len(), 4000);
    let mut named = BTreeSet::new();
    for delivery in &bursts {
        let events = verified(&delivery.body).unwrap();
        let object = &events[0]["object"];
        let id = object.get("process_id").or_else(|| object.get("identity_process_id")).unwrap();
        named.insert(id.as_str().unwrap().to_owned());
    }
    let truth: BTreeSet<_> = bench.vendor.dataset(bench.last_days(10)).into_iter().map(|it| it.process_id).collect();
    assert!(named.is_subset(&truth) && named.len() == 2000);
    bench.answer(&bursts, &WebhookReply::status(202));
    assert_eq!((bench.vendor.attempts().len(), bench.vendor.pending_deliveries()), (4000, 0));
}
