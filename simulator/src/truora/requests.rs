//! The vendor's routes, and its answers to requests.

use super::Truora;
use super::config::Config;
use super::process_list::PageQuery;
use super::variants::{result, short_form};
use crate::gateway::{
    Answer, Arrival, Chance, ErrorAnswer, Faults, Limits, Reply, RequestFacts, Rule, VendorRequest, Violation,
};
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, Method, Response, Uri};
use axum::routing::get;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::Duration;

/// The vendor's routes.
pub(super) fn router(vendor: Truora) -> Router {
    Router::new()
        .route("/v1/processes", get(list))
        .route("/v1/processes/", get(list))
        .route("/v1/processes/{id}", get(process))
        .route("/v1/processes/{id}/result", get(process_result))
        .fallback(unknown_route)
        .with_state(vendor)
}

/// What a request asks for.
enum Resource {
    /// The page, or the name of the parameter that cannot be read.
    List(Result<PageQuery, &'static str>),
    Process(String),
    Result(String),
    Unknown,
}

/// One request, with the configuration at its arrival.
struct ProcessRequest {
    vendor: Truora,
    config: Config,
    /// The accepted key, by its place.
    key: Option<usize>,
    has_key: bool,
    uri: Uri,
    resource: Resource,
}

async fn list(
    State(vendor): State<Truora>,
    headers: HeaderMap,
    uri: Uri,
    Query(fields): Query<HashMap<String, String>>,
) -> Response<Body> {
    let largest = vendor.inner.config.edit().largest_page;
    handle(vendor, &headers, uri, Resource::List(PageQuery::read(&fields, largest))).await
}

async fn process(State(vendor): State<Truora>, headers: HeaderMap, uri: Uri, Path(id): Path<String>) -> Response<Body> {
    handle(vendor, &headers, uri, Resource::Process(id)).await
}

async fn process_result(
    State(vendor): State<Truora>,
    headers: HeaderMap,
    uri: Uri,
    Path(id): Path<String>,
) -> Response<Body> {
    handle(vendor, &headers, uri, Resource::Result(id)).await
}

async fn unknown_route(State(vendor): State<Truora>, headers: HeaderMap, uri: Uri) -> Response<Body> {
    handle(vendor, &headers, uri, Resource::Unknown).await
}

async fn handle(vendor: Truora, headers: &HeaderMap, uri: Uri, resource: Resource) -> Response<Body> {
    let config = vendor.inner.config.get();
    let sent = headers.get("truora-api-key").and_then(|key| key.to_str().ok());
    let key = sent.and_then(|sent| config.keys.iter().position(|accepted| accepted == sent));
    let has_key = sent.is_some();
    let request = ProcessRequest { vendor: vendor.clone(), config, key, has_key, uri, resource };
    vendor.inner.gateway.handle(request).await
}

impl VendorRequest for ProcessRequest {
    fn facts(&self) -> RequestFacts {
        RequestFacts::new(self.key, Method::GET, &self.uri)
    }

    fn limits(&self) -> Option<&Limits> {
        Some(&self.config.limits)
    }

    fn faults(&self) -> Option<&Faults> {
        Some(&self.config.faults)
    }

    fn latency(&self) -> Duration {
        self.config.limits.latency
    }

    fn violations(&self, _arrival: &Arrival) -> Vec<Violation> {
        if self.key.is_none() {
            let answer = match (self.config.gateway_403, self.has_key) {
                (true, _) => Answer::json(403, &json!({"message": "Forbidden"})),
                (false, false) => note(401, 10401, "missing Truora-API-Key"),
                (false, true) => note(401, 10401, "invalid api key"),
            };
            return vec![Violation::new(Rule::BAD_KEY, "no key that the vendor accepts", answer)];
        }
        match &self.resource {
            Resource::List(Err(name)) => {
                let answer = note(400, 10400, &format!("invalid {name}"));
                vec![Violation::new(Rule::BAD_PARAMETER, *name, answer)]
            }
            // "API Gateway may answer" so: the text speaks of the key where the path is wrong.
            Resource::Unknown => {
                let answer = Answer::json(403, &json!({"message": "Missing Authentication Token"}));
                vec![Violation::new(Rule::UNKNOWN_ROUTE, self.uri.path(), answer)]
            }
            Resource::List(Ok(_)) | Resource::Process(_) | Resource::Result(_) => Vec::new(),
        }
    }

    fn error(&self, _arrival: &Arrival, error: ErrorAnswer) -> Answer {
        match error {
            ErrorAnswer::Throttled(_) => note(429, 10429, "too many requests"),
            ErrorAnswer::Internal => note(500, 10500, "internal server error"),
            ErrorAnswer::WebPage => Answer::page(200, "Sign in"),
        }
    }

    fn answer(&self, arrival: &Arrival, _chance: Chance) -> Reply {
        let found = match &self.resource {
            Resource::List(Ok(query)) => Some(self.list(query, arrival)),
            Resource::Process(id) => self.process(id, arrival),
            Resource::Result(id) => self.result(id, arrival),
            Resource::List(Err(_)) | Resource::Unknown => None,
        };
        let unknown = || self.reply(note(404, 10404, "process not found"), "unknown");
        found.unwrap_or_else(unknown)
    }
}

impl ProcessRequest {
    fn list(&self, query: &PageQuery, arrival: &Arrival) -> Reply {
        let (page, rows) = query.page(&self.vendor.inner.dataset, self.vendor.inner.gateway.as_of(arrival.at).at);
        self.reply(Answer::json(200, &page), "list").with_rows(rows)
    }

    fn process(&self, id: &str, arrival: &Arrival) -> Option<Reply> {
        let now = self.vendor.inner.gateway.as_of(arrival.at).at;
        let dataset = &self.vendor.inner.dataset;
        let process = dataset.process(dataset.find(id, now)?, now);
        Some(self.reply(Answer::json(200, &short_form(&process)), "process").with_rows(1))
    }

    fn result(&self, id: &str, arrival: &Arrival) -> Option<Reply> {
        let now = self.vendor.inner.gateway.as_of(arrival.at).at;
        let dataset = &self.vendor.inner.dataset;
        let key = dataset.find(id, now)?;
        let body = result(&dataset.process(key, now), dataset.seed, arrival.ordinal);
        let outcome = match dataset.lifecycle(key).ending_at(now).map(|ending| ending.status) {
            None => "pending",
            Some("success" | "failure") => super::ENDED,
            Some(_) => "odd",
        };
        Some(self.reply(Answer::json(200, &body), outcome).with_rows(1))
    }

    fn reply(&self, answer: Answer, outcome: &'static str) -> Reply {
        Reply::new(answer, self.config.limits.latency, outcome)
    }
}

/// An error body. The numbers and texts are guesses; the shape is documented.
fn note(status: u16, code: u32, message: &str) -> Answer {
    let body: Value = json!({"code": code, "message": message});
    Answer::json(status, &body)
}
