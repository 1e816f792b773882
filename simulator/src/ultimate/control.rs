//! The simulator's own routes, for whoever runs it standalone.

use super::Ultimate;
use super::conversation::Conversation;
use super::record::{Breach, Kind, Seen};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use chrono::{DateTime, NaiveDate, Utc};
use domain::window::Window;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The routes below `/simulator/`.
pub(super) fn router() -> Router<Ultimate> {
    Router::new()
        .route("/simulator/truth", get(truth))
        .route("/simulator/breaches", get(breaches))
        .route("/simulator/requests", get(requests))
        .route("/simulator/summary", get(summary))
        .route("/simulator/freeze", post(freeze))
        .route("/simulator/settle", post(settle))
}

#[derive(Deserialize)]
struct Range {
    bot: String,
    from: String,
    to: String,
}

#[derive(Serialize)]
struct Summary {
    now: DateTime<Utc>,
    newest_file: NaiveDate,
    seed: u64,
    bots: Vec<String>,
    requests: usize,
    most_in_flight: u32,
    breaches: BTreeMap<Kind, usize>,
}

async fn truth(
    State(vendor): State<Ultimate>,
    Query(range): Query<Range>,
) -> Result<Json<Vec<Conversation>>, (StatusCode, String)> {
    let read = |text: &str| {
        let at = DateTime::parse_from_rfc3339(text).map(|at| at.to_utc());
        at.map_err(|error| (StatusCode::BAD_REQUEST, format!("{text:?} is no RFC 3339 instant: {error}\n")))
    };
    let empty = || (StatusCode::BAD_REQUEST, "`from` is not before `to`\n".to_owned());
    let window = Window::new(read(&range.from)?, read(&range.to)?).ok_or_else(empty)?;
    Ok(Json(vendor.truth(&range.bot, window)))
}

async fn breaches(State(vendor): State<Ultimate>) -> Json<Vec<Breach>> {
    Json(vendor.breaches())
}

async fn requests(State(vendor): State<Ultimate>) -> Json<Vec<Seen>> {
    Json(vendor.requests())
}

async fn summary(State(vendor): State<Ultimate>) -> Json<Summary> {
    let inside = &vendor.inside;
    let now = inside.clock.now();
    let mut breaches = BTreeMap::new();
    for breach in vendor.breaches() {
        *breaches.entry(breach.kind).or_default() += 1;
    }
    Json(Summary {
        now,
        newest_file: vendor.newest(now),
        seed: inside.truth.seed,
        bots: inside.truth.bots.iter().map(|bot| bot.id.clone()).collect(),
        requests: vendor.requests().len(),
        most_in_flight: vendor.most_in_flight(),
        breaches,
    })
}

async fn freeze(State(vendor): State<Ultimate>) -> Json<Value> {
    vendor.freeze();
    Json(serde_json::json!({"newest_file": vendor.newest(vendor.inside.clock.now())}))
}

async fn settle(State(vendor): State<Ultimate>) -> Json<Value> {
    vendor.settle();
    Json(serde_json::json!({"settled": true}))
}
