//! The simulated Treble, by a client and a receiver that follow the vendor's pages.

mod dialogues;
mod pages;
mod rules;
mod session_files;
mod webhooks;

use crate::at;
use chrono::{DateTime, NaiveDateTime, Utc};
use reqwest::StatusCode;
use serde_json::Value;
use simulator::gateway::Limits;
use simulator::treble::{Config, Message, Session, Treble};
use std::time::Duration;

const KEY: &str = "good-key";

type Bench = crate::Bench<Treble>;

/// Some 25 sessions of each of 4 polls a day; noon on 2026-08-12. The clock stands still, so no rate.
fn config() -> Config {
    let limits = Limits { requests_per_second: 0.0, latency: Duration::from_millis(1), ..Limits::default() };
    Config { seed: 7, sessions_per_day: 25.0, history_from: at("2026-06-01T00:00:00Z"), limits, ..Config::default() }
}

async fn bench(config: Config) -> Bench {
    Bench::start("2026-08-12T12:00:00Z", KEY, |clock| Treble::new(config, clock)).await
}

impl Bench {
    async fn ask_as(&self, key: Option<&str>, path: &str) -> (StatusCode, Value) {
        let request = self.client.get(format!("{}{path}", self.serving.base()));
        let request = key.into_iter().fold(request, |request, key| request.header("Authorization", key));
        let response = request.send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    async fn ask(&self, path: &str) -> (StatusCode, Value) {
        self.ask_as(Some(KEY), path).await
    }

    /// The ids of the polls, by the route that lists them.
    async fn polls(&self) -> Vec<u64> {
        let (status, body) = self.ask("/poll/api/all").await;
        assert_eq!(status, 200);
        body.as_array().unwrap().iter().map(|poll| poll["id"].as_u64().unwrap()).collect()
    }

    async fn history(&self, session: u64) -> (Vec<Message>, Value) {
        let (status, body) = self.ask(&format!("/devapi/session/{session}/history")).await;
        assert_eq!(status, 200, "{body}");
        let messages = body.as_array().unwrap().iter().filter(|entry| entry["type"] == "MESSAGE");
        let messages = messages.enumerate().map(|(position, entry)| message(session, position, &entry["message"]));
        (messages.collect(), body)
    }
}

/// A timestamp in any format; `None` where it is absent.
fn instant(value: Option<&Value>) -> Option<DateTime<Utc>> {
    match value? {
        Value::Null => None,
        Value::Number(seconds) => DateTime::from_timestamp(seconds.as_i64()?, 0),
        Value::String(text) => {
            let seconds = text.parse().ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
            let day = || NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").ok().map(|at| at.and_utc());
            Some(seconds.or_else(day).unwrap())
        }
        other => panic!("{other}"),
    }
}

fn session(poll_id: u64, row: &Value) -> Session {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    Session {
        id: row["id"].as_u64().unwrap(),
        poll_id,
        external_id: text(&row["external_id"]).filter(|id| !id.is_empty()),
        created_at: instant(row.get("created_at")).unwrap(),
        finished_at: instant(row.get("finished_at")),
        country_code: text(&row["user"]["country_code"]).unwrap(),
        cellphone: text(&row["user"]["cellphone"]).unwrap(),
        deployment: text(&row["deployment_status"]).unwrap(),
    }
}

fn message(session_id: u64, position: usize, body: &Value) -> Message {
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    Message {
        session_id,
        position,
        kind: text("type").unwrap(),
        sender: text("sender").unwrap(),
        text: text("text"),
        file_url: text("file_url"),
        created_at: instant(body.get("created_at")).unwrap(),
        delivered_at: instant(body.get("delivered_at")),
        read_at: instant(body.get("read_at")),
    }
}
