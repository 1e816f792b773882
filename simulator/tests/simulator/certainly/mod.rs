//! The simulated report of Certainly, by a client that follows the vendor's pages.

mod answers;
mod csv_files;
mod dataset;
mod exports;
mod faults;
mod reader;
mod rules;

use crate::{at, day};
use chrono::{DateTime, NaiveDate, TimeDelta};
use domain::clock::Clock;
use domain::window::Window;
use reqwest::StatusCode;
use serde_json::{Value, json};
use simulator::SimulatedVendor;
use simulator::certainly::{Certainly, Config, EXPIRED_TOKEN, IdStyle, MailFaults, Message, NO_SLASH, Wrapper};
use simulator::gateway::{Faults, Rule};
use std::time::Duration;

const BOT: &str = "7c9e6679-7425-40de-944b-e07fc1f90ae7";
const OTHER_BOT: &str = "16fd2706-8baf-433b-82eb-8c7fada847da";

type Bench = crate::Bench<Certainly>;

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

/// The same without mixed variants.
fn plain() -> Config {
    Config { ids: IdStyle::Number, wrapper: Wrapper::Bare, ..config() }
}

async fn bench(config: Config) -> Bench {
    let token = config.token();
    Bench::start("2026-11-20T12:00:00Z", &token, |clock| Certainly::new(config, clock)).await
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
        let mut rows = reader::messages(body);
        rows.sort_by_key(|row| (row.timestamp, row.id));
        rows
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
