//! The simulator's own routes, for whoever runs it standalone.

use super::Wolkvox;
use super::answer;
use super::record::{Breach, Kind, Seen};
use super::sheet::{Row, Sheet};
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{Response, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use chrono::{DateTime, Utc};
use domain::window::Window;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The routes below `/simulator/`.
pub(super) fn router() -> Router<Wolkvox> {
    Router::new()
        .route("/simulator/truth", get(truth))
        .route("/simulator/breaches", get(breaches))
        .route("/simulator/requests", get(requests))
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
    chats: usize,
    requests: usize,
    calls_today: u32,
    most_in_flight: u32,
    breaches: BTreeMap<Kind, usize>,
}

async fn truth(
    State(vendor): State<Wolkvox>,
    Query(range): Query<Range>,
) -> Result<Response<Body>, (StatusCode, String)> {
    let read = |text: &str| {
        let at = DateTime::parse_from_rfc3339(text).map(|at| at.to_utc());
        at.map_err(|error| (StatusCode::BAD_REQUEST, format!("{text:?} is no RFC 3339 instant: {error}\n")))
    };
    let empty = || (StatusCode::BAD_REQUEST, "`from` is not before `to`\n".to_owned());
    let window = Window::new(read(&range.from)?, read(&range.to)?).ok_or_else(empty)?;
    let moment = vendor.moment(vendor.inside.clock.now());
    let held = vendor.inside.truth.started(window, moment).map(|key| Row { key, at_first: false }).collect();
    let sheet = Sheet::new(Arc::clone(&vendor.inside.truth), moment, "[".to_owned(), held, "]");
    Ok(answer::rows(sheet, None))
}

async fn breaches(State(vendor): State<Wolkvox>) -> Json<Vec<Breach>> {
    Json(vendor.breaches())
}

async fn requests(State(vendor): State<Wolkvox>) -> Json<Vec<Seen>> {
    Json(vendor.requests())
}

async fn summary(State(vendor): State<Wolkvox>) -> Json<Summary> {
    let inside = &vendor.inside;
    let now = inside.clock.now();
    let moment = vendor.moment(now);
    let mut breaches = BTreeMap::new();
    for breach in vendor.breaches() {
        *breaches.entry(breach.kind).or_default() += 1;
    }
    let chats = inside.truth.history(moment).map_or(0, |all| inside.truth.started(all, moment).count());
    Json(Summary {
        now,
        frozen_at: moment.frozen.then_some(moment.at),
        seed: inside.truth.seed,
        chats,
        requests: vendor.requests().len(),
        calls_today: inside.record.calls_today(),
        most_in_flight: vendor.most_in_flight(),
        breaches,
    })
}

async fn freeze(State(vendor): State<Wolkvox>) -> Json<Value> {
    vendor.freeze();
    Json(serde_json::json!({"frozen_at": *vendor.frozen_at()}))
}
