//! The simulator's own routes, for whoever runs it standalone.

use super::{Process, Truora};
use crate::gateway::{Breach, Kind, Seen};
use crate::post::{Event, Sent};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use chrono::{DateTime, Utc};
use domain::window::Window;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The routes below `/simulator/`.
pub(super) fn router() -> Router<Truora> {
    Router::new()
        .route("/simulator/truth", get(truth))
        .route("/simulator/breaches", get(breaches))
        .route("/simulator/requests", get(requests))
        .route("/simulator/events", get(events))
        .route("/simulator/sent", get(sent))
        .route("/simulator/summary", get(summary))
        .route("/simulator/freeze", post(freeze))
}

#[derive(Deserialize)]
struct Range {
    from: String,
    to: String,
}

#[derive(Serialize)]
struct Summary {
    now: DateTime<Utc>,
    frozen_at: Option<DateTime<Utc>>,
    seed: u64,
    processes: usize,
    requests: usize,
    events: usize,
    sent: usize,
    most_in_flight: u32,
    breaches: BTreeMap<Kind, usize>,
}

type Refused = (StatusCode, String);

impl Range {
    fn window(&self) -> Result<Window, Refused> {
        let read = |text: &str| {
            let at = DateTime::parse_from_rfc3339(text).map(|at| at.to_utc());
            at.map_err(|error| (StatusCode::BAD_REQUEST, format!("{text:?} is no RFC 3339 instant: {error}\n")))
        };
        let empty = || (StatusCode::BAD_REQUEST, "`from` is not before `to`\n".to_owned());
        Window::new(read(&self.from)?, read(&self.to)?).ok_or_else(empty)
    }
}

async fn truth(State(vendor): State<Truora>, Query(range): Query<Range>) -> Result<Json<Vec<Process>>, Refused> {
    Ok(Json(vendor.truth(range.window()?)))
}

async fn breaches(State(vendor): State<Truora>) -> Json<Vec<Breach>> {
    Json(vendor.breaches())
}

async fn requests(State(vendor): State<Truora>) -> Json<Vec<Seen>> {
    Json(vendor.requests())
}

async fn events(State(vendor): State<Truora>) -> Json<Vec<Event>> {
    Json(vendor.events())
}

async fn sent(State(vendor): State<Truora>) -> Json<Vec<Sent>> {
    Json(vendor.sent())
}

async fn summary(State(vendor): State<Truora>) -> Json<Summary> {
    let now = vendor.now();
    let frozen_at = *vendor.frozen_at();
    let mut breaches = BTreeMap::new();
    for breach in vendor.breaches() {
        *breaches.entry(breach.kind).or_default() += 1;
    }
    Json(Summary {
        now,
        frozen_at,
        seed: vendor.inside.truth.seed,
        processes: vendor.inside.truth.history(vendor.seen_at(now)).map_or(0, |all| vendor.count(all)),
        requests: vendor.requests().len(),
        events: vendor.events().len(),
        sent: vendor.sent().len(),
        most_in_flight: vendor.most_in_flight(),
        breaches,
    })
}

async fn freeze(State(vendor): State<Truora>) -> Json<Value> {
    vendor.freeze();
    Json(serde_json::json!({"frozen_at": *vendor.frozen_at()}))
}
