//! The referee, refereed: over real HTTP on loopback, with a client that knows nothing of the house.
#![expect(clippy::disallowed_methods, reason = "these tests are their own client; nothing here talks to a vendor")]
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod answers;
mod exports;
mod faults;
mod reading;
mod rules;
mod sheets;
mod truth;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::clock::Clock;
use domain::window::Window;
use reqwest::StatusCode;
use serde_json::{Value, json};
use simulator::certainly::{Certainly, Config, Ids, Kind, Message, Wrapper};
use simulator::{Serving, serve};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

const BOT: &str = "7c9e6679-7425-40de-944b-e07fc1f90ae7";
const OTHER_BOT: &str = "16fd2706-8baf-433b-82eb-8c7fada847da";

struct Hand(Mutex<DateTime<Utc>>);

impl Clock for Hand {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }

    fn elapsed(&self) -> Duration {
        (self.now() - DateTime::UNIX_EPOCH).to_std().unwrap()
    }
}

impl Hand {
    fn forward(&self, by: TimeDelta) {
        *self.0.lock().unwrap() += by;
    }
}

struct Bench {
    vendor: Certainly,
    clock: Arc<Hand>,
    serving: Serving,
    client: reqwest::Client,
    token: String,
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// From the first day to the last, both included.
fn days(first: &str, last: &str) -> Window {
    let midnight = |day: NaiveDate| day.and_hms_opt(0, 0, 0).unwrap().and_utc();
    Window::new(midnight(day(first)), midnight(day(last).succ_opt().unwrap())).unwrap()
}

/// Days of each size on 2026-11-10 and the days after it; now is noon on 2026-11-20.
fn config() -> Config {
    let sizes = [40, 499, 500, 501, 3000, 0, 1];
    Config {
        seed: 7,
        history_from: at("2026-06-01T00:00:00Z"),
        days: day("2026-11-10").iter_days().zip(sizes).collect(),
        latency: Duration::from_millis(1),
        export_takes: Duration::from_millis(5),
        ..Config::default()
    }
}

/// The same, where nothing is spelled in more than one way.
fn plain() -> Config {
    Config { ids: Ids::Number, wrapper: Wrapper::Bare, ..config() }
}

async fn bench(config: Config) -> Bench {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let clock = Arc::new(Hand(Mutex::new(at("2026-11-20T12:00:00Z"))));
    let token = config.token();
    let vendor = Certainly::new(config, Arc::clone(&clock) as Arc<dyn Clock>);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let serving = serve(listener, vendor.router(), &CancellationToken::new()).unwrap();
    let redirects = reqwest::redirect::Policy::none();
    let client = reqwest::Client::builder().no_proxy().redirect(redirects).build().unwrap();
    Bench { vendor, clock, serving, client, token }
}

impl Bench {
    fn url(&self, path: &str) -> String {
        format!("{}/api/{path}", self.serving.base())
    }

    fn get(&self, token: Option<&str>, query: &str) -> reqwest::RequestBuilder {
        let request = self.client.get(self.url(&format!("frontend/reports/messages/?{query}")));
        token.into_iter().fold(request, |request, token| request.header("Authorization", format!("JWT {token}")))
    }

    fn post(&self, body: &Value) -> reqwest::RequestBuilder {
        let request = self.client.post(self.url("frontend/reports/messages/"));
        let request = request.header("Authorization", format!("JWT {}", self.token));
        request.header("Content-Type", "application/json").body(body.to_string())
    }

    async fn ask(&self, query: &str) -> (u16, Value) {
        sent(self.get(Some(&self.token), query)).await
    }

    async fn order(&self, from: &str, to: &str) -> (u16, Value) {
        sent(self.post(&json!({"fromDate": from, "toDate": to, "reportId": 1, "botId": BOT}))).await
    }

    /// What a GET means, oldest first.
    async fn rows(&self, from: &str, to: &str) -> Vec<Message> {
        let (status, body) = self.ask(&question(from, to)).await;
        assert_eq!(status, 200, "{body}");
        let mut rows = reading::messages(body);
        rows.sort_by_key(|row| (row.timestamp, row.id));
        rows
    }

    fn broken(&self) -> Vec<Kind> {
        self.vendor.breaches().iter().map(|breach| breach.kind).collect()
    }

    fn outcomes(&self) -> Vec<&'static str> {
        self.vendor.requests().iter().map(|seen| seen.outcome).collect()
    }
}

async fn sent(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status();
    let text = response.text().await.unwrap();
    (StatusCode::as_u16(&status), serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

fn question(from: &str, to: &str) -> String {
    format!("fromDate={from}&toDate={to}&reportId=1&botId={BOT}")
}
