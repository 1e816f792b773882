//! The simulated Truora, by a client and a receiver that follow the vendor's pages.

mod history_files;
mod lifecycles;
mod pages;
mod rules;
mod webhooks;

use crate::at;
use chrono::{DateTime, Utc};
use reqwest::StatusCode;
use serde_json::Value;
use simulator::gateway::Limits;
use simulator::truora::{Config, Process, Truora, UserResponse, Validation};
use std::time::Duration;

const KEY: &str = "good-key";

type Bench = crate::Bench<Truora>;

/// Some 40 processes a day; noon on 2026-08-12. The clock stands still, so no rate.
fn config() -> Config {
    let limits = Limits { requests_per_second: 0.0, latency: Duration::from_millis(1), ..Limits::default() };
    Config { seed: 7, processes_per_day: 40.0, history_from: at("2026-06-01T00:00:00Z"), limits, ..Config::default() }
}

async fn bench(config: Config) -> Bench {
    Bench::start("2026-08-12T12:00:00Z", KEY, |clock| Truora::new(config, clock)).await
}

impl Bench {
    fn request(&self, key: Option<&str>, path: &str) -> reqwest::RequestBuilder {
        let request = self.client.get(format!("{}{path}", self.serving.base()));
        key.into_iter().fold(request, |request, key| request.header("Truora-API-Key", key))
    }

    async fn ask(&self, path: &str) -> (StatusCode, Value) {
        let response = self.request(Some(KEY), path).send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// The status and `Retry-After`.
    async fn head(&self, path: &str) -> (u16, Option<u64>) {
        let response = self.request(Some(KEY), path).send().await.unwrap();
        let after = response.headers().get("retry-after").map(|after| after.to_str().unwrap().parse().unwrap());
        (response.status().as_u16(), after)
    }

    async fn result(&self, id: &str) -> Process {
        let (status, body) = self.ask(&format!("/v1/processes/{id}/result")).await;
        assert_eq!(status, 200, "{body}");
        process(&body)
    }
}

/// Parses a result; left out, null and empty mean the same.
fn process(body: &Value) -> Process {
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let some = |name: &str| Some(text(name)).filter(|text| !text.is_empty());
    let number = |name: &str| u32::try_from(body[name].as_u64().unwrap()).unwrap();
    let instant = |name: &str| -> DateTime<Utc> { text(name).parse().unwrap() };
    let list = |name: &str| body.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let responses = list("user_responses").into_iter().map(|it| serde_json::from_value::<UserResponse>(it).unwrap());
    let validations = list("validations").into_iter().map(|it| serde_json::from_value::<Validation>(it).unwrap());
    Process {
        process_id: text("process_id"),
        account_id: text("account_id"),
        client_id: text("client_id"),
        flow_id: text("flow_id"),
        created_via: text("created_via"),
        flow_version: number("flow_version"),
        country: text("country"),
        status: text("status"),
        failure_status: some("failure_status"),
        declined_reason: some("declined_reason"),
        user_responses: responses.collect(),
        last_finished_step: body.get("last_finished_step").filter(|step| !step.is_null()).cloned(),
        validations: validations.collect(),
        creation_date: instant("creation_date"),
        update_date: instant("update_date"),
        ip_address: text("ip_address"),
        trigger_info: body["trigger_info"].clone(),
        time_to_live: number("time_to_live"),
        current_step_index: number("current_step_index"),
    }
}
