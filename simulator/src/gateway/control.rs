//! The control routes below `/simulator/`, for a simulator that runs on its own.

use super::{Breach, RequestRecord};
use crate::vendor::SimulatedVendor;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use chrono::{DateTime, Utc};
use domain::window::Window;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The query of `/simulator/truth` and of a vendor's own routes like it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ControlQuery {
    from: String,
    to: String,
    /// The bot, where the vendor has several.
    #[serde(default)]
    pub(crate) bot: String,
    /// The seed of a file's style.
    #[serde(default)]
    pub(crate) style: u64,
    /// Of how many rows a deletion deletes the first; 0 means each row.
    #[serde(default)]
    every: usize,
}

/// A query that cannot be read: HTTP 400 with the reason.
pub(crate) type QueryError = (StatusCode, String);

/// The control routes of `vendor`, to be merged with its own.
pub(crate) fn control_routes<V: SimulatedVendor + Clone + 'static>(vendor: V) -> Router {
    let mut router = Router::new()
        .route("/simulator/truth", get(dataset::<V>))
        .route("/simulator/breaches", get(breaches::<V>))
        .route("/simulator/requests", get(requests::<V>))
        .route("/simulator/summary", get(summary::<V>))
        .route("/simulator/freeze", post(freeze::<V>))
        .route("/simulator/settle", post(settle::<V>))
        .route("/simulator/delete", post(delete::<V>))
        .route("/simulator/restore", post(restore::<V>));
    if vendor.webhooks().is_some() {
        router = router.route("/simulator/events", get(events::<V>)).route("/simulator/sent", get(attempts::<V>));
    }
    router.with_state(vendor)
}

impl ControlQuery {
    /// The window between `from` and `to`, both RFC 3339.
    pub(crate) fn window(&self) -> Result<Window, QueryError> {
        let read = |text: &str| {
            let at = DateTime::parse_from_rfc3339(text).map(|at| at.to_utc());
            at.map_err(|error| {
                (StatusCode::BAD_REQUEST, format!("{text:?} is not an RFC 3339 timestamp: {error}; write Z for UTC\n"))
            })
        };
        let empty = || (StatusCode::BAD_REQUEST, "`from` is not before `to`\n".to_owned());
        Window::new(read(&self.from)?, read(&self.to)?).ok_or_else(empty)
    }
}

async fn dataset<V: SimulatedVendor>(
    State(vendor): State<V>,
    Query(query): Query<ControlQuery>,
) -> Result<Response<Body>, QueryError> {
    let mut response = Response::new(vendor.dataset_json(&query.bot, query.window()?));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

async fn breaches<V: SimulatedVendor>(State(vendor): State<V>) -> Json<Vec<Breach>> {
    Json(vendor.breaches())
}

async fn requests<V: SimulatedVendor>(State(vendor): State<V>) -> Json<Vec<RequestRecord>> {
    Json(vendor.requests())
}

async fn events<V: SimulatedVendor>(State(vendor): State<V>) -> Json<Value> {
    Json(vendor.webhooks().map_or(Value::Null, |webhooks| json!(webhooks.events())))
}

async fn attempts<V: SimulatedVendor>(State(vendor): State<V>) -> Json<Value> {
    Json(vendor.webhooks().map_or(Value::Null, |webhooks| json!(webhooks.attempts())))
}

async fn summary<V: SimulatedVendor>(State(vendor): State<V>) -> Json<Map<String, Value>> {
    Json(summarize(&vendor))
}

async fn freeze<V: SimulatedVendor>(State(vendor): State<V>) -> Json<Value> {
    vendor.freeze();
    Json(json!({"frozen_at": vendor.gateway().frozen()}))
}

async fn settle<V: SimulatedVendor>(State(vendor): State<V>) -> Json<Value> {
    vendor.settle();
    Json(json!({"settled": true}))
}

async fn delete<V: SimulatedVendor>(
    State(vendor): State<V>,
    Query(query): Query<ControlQuery>,
) -> Result<Json<Value>, QueryError> {
    let window = query.window()?;
    if vendor.deletable(&query.bot, window).is_none() {
        let reason = format!("the simulated {} knows no deletions\n", vendor.name());
        return Err((StatusCode::NOT_IMPLEMENTED, reason));
    }
    Ok(Json(json!({"deleted": vendor.delete(&query.bot, window, query.every)})))
}

async fn restore<V: SimulatedVendor>(State(vendor): State<V>) -> Json<Value> {
    Json(json!({"restored": vendor.restore()}))
}

fn summarize(vendor: &impl SimulatedVendor) -> Map<String, Value> {
    let gateway = vendor.gateway();
    let mut breaches: BTreeMap<_, usize> = BTreeMap::new();
    for breach in vendor.breaches() {
        *breaches.entry(breach.rule).or_default() += 1;
    }
    let now: DateTime<Utc> = gateway.now();
    let mut summary = Map::new();
    let mut insert = |name: &str, value: Value| drop(summary.insert(name.to_owned(), value));
    insert("vendor", json!(vendor.name()));
    insert("now", json!(now));
    insert("frozen_at", json!(gateway.frozen()));
    insert("seed", json!(gateway.seed));
    insert("requests", json!(vendor.requests().len()));
    insert("most_in_flight", json!(vendor.most_in_flight()));
    insert("breaches", json!(breaches));
    if let Some(webhooks) = vendor.webhooks() {
        insert("events", json!(webhooks.events().len()));
        insert("sent", json!(webhooks.attempts().len()));
    }
    summary.extend(vendor.totals());
    summary
}
