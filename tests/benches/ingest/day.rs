//! Serves one day of an Ultimate bot as a file, with the original rows or with a tenth of them changed.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::routing::{get, post};
use chrono::{NaiveDate, TimeDelta};
use convosync::clock::SystemClock;
use domain::clock::Clock;
use simulator::ultimate::{Config, Ultimate};
use simulator::{Serving, SimulatedVendor, serve};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// A day that a server on loopback serves.
pub struct Day {
    /// Which.
    pub date: NaiveDate,
    /// The original file.
    pub whole: Bytes,
    /// The file with a tenth of its rows changed.
    pub changed: Bytes,
    /// The base URL.
    pub base: String,
    shown: Arc<Mutex<Bytes>>,
    _serving: Serving,
}

impl Day {
    /// Creates a day with about `rows` rows of some 1.5 kB from the simulated vendor.
    pub async fn of(rows: u32, seed: u64) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        let day = clock.now().date_naive() - TimeDelta::days(2);
        let whole = written(rows, seed, day, clock).await;
        let changed = change(&whole);
        let shown = Arc::new(Mutex::new(whole.clone()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let list = format!("{{\"date\":\"{day}\",\"urls\":[\"http://{address}/file\"]}}");
        let router = Router::new()
            .route("/data-export/v2/get-signed-urls", post(async move || list))
            .route(
                "/file",
                get(async |State(shown): State<Arc<Mutex<Bytes>>>| Body::from(shown.lock().unwrap().clone())),
            )
            .with_state(shown.clone());
        let serving = serve(listener, router, &CancellationToken::new()).unwrap();
        Self { date: day, whole, changed, base: serving.base(), shown, _serving: serving }
    }

    /// Serves `body` from now on.
    pub fn show(&self, body: &Bytes) {
        self.shown.lock().unwrap().clone_from(body);
    }
}

async fn written(rows: u32, seed: u64, day: NaiveDate, clock: Arc<dyn Clock>) -> Bytes {
    let config = Config {
        seed,
        conversations_per_day: f64::from(rows),
        history_from: day - TimeDelta::days(1),
        wide: true,
        latency: Duration::ZERO,
        ..Config::default()
    };
    let (key, organization, bot) = (config.tokens[0].clone(), config.organization.clone(), config.bots[0].clone());
    let vendor = Ultimate::new(config, clock);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let serving = serve(listener, vendor.router(), &CancellationToken::new()).unwrap();
    let client = reqwest::Client::builder().build().unwrap();
    let list = client
        .post(format!("{}/data-export/v2/get-signed-urls", serving.base()))
        .header("authorization", key)
        .header("organizationid", organization)
        .header("botid", bot)
        .header("content-type", "application/json")
        .body(format!("{{\"date\":\"{day}\"}}"))
        .send()
        .await
        .unwrap();
    let list: serde_json::Value = serde_json::from_slice(&list.bytes().await.unwrap()).unwrap();
    let url = list["urls"][0].as_str().expect("one file").to_owned();
    client.get(url).send().await.unwrap().bytes().await.unwrap()
}

/// Changes the number of messages in each tenth row.
fn change(whole: &Bytes) -> Bytes {
    const NAME: &[u8] = b"\"bot_messages_count\":\"";
    let mut changed = Vec::with_capacity(whole.len() + whole.len() / 100);
    let (mut rest, mut count) = (whole.as_ref(), 0_u32);
    while let Some(at) = rest.windows(NAME.len()).position(|part| part == NAME) {
        let (before, after) = rest.split_at(at + NAME.len());
        changed.extend_from_slice(before);
        if count % 10 == 0 {
            changed.push(b'1');
        }
        count += 1;
        rest = after;
    }
    changed.extend_from_slice(rest);
    Bytes::from(changed)
}
