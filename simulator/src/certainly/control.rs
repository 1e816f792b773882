//! The simulator's own routes, for whoever runs it standalone.

use super::record::{Breach, Kind, Seen};
use super::{Certainly, Export, Message, answer};
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

/// The routes below `/simulator/`.
pub(super) fn router() -> Router<Certainly> {
    Router::new()
        .route("/simulator/truth", get(truth))
        .route("/simulator/csv", get(csv))
        .route("/simulator/breaches", get(breaches))
        .route("/simulator/requests", get(requests))
        .route("/simulator/exports", get(exports))
        .route("/simulator/summary", get(summary))
        .route("/simulator/freeze", post(freeze))
}

#[derive(Deserialize)]
struct Range {
    bot: String,
    from: String,
    to: String,
    style: Option<u64>,
}

#[derive(Serialize)]
struct Summary {
    now: DateTime<Utc>,
    frozen_at: Option<DateTime<Utc>>,
    seed: u64,
    messages: BTreeMap<String, usize>,
    requests: usize,
    exports: usize,
    busy: usize,
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

async fn truth(State(vendor): State<Certainly>, Query(range): Query<Range>) -> Result<Json<Vec<Message>>, Refused> {
    Ok(Json(vendor.truth(&range.bot, range.window()?)))
}

async fn csv(State(vendor): State<Certainly>, Query(range): Query<Range>) -> Result<Response<Body>, Refused> {
    Ok(answer::csv(vendor.csv(&range.bot, range.window()?, range.style.unwrap_or_default())))
}

async fn breaches(State(vendor): State<Certainly>) -> Json<Vec<Breach>> {
    Json(vendor.breaches())
}

async fn requests(State(vendor): State<Certainly>) -> Json<Vec<Seen>> {
    Json(vendor.requests())
}

async fn exports(State(vendor): State<Certainly>) -> Json<Vec<Export>> {
    Json(vendor.exports())
}

async fn summary(State(vendor): State<Certainly>) -> Json<Summary> {
    let truth = &vendor.inside.truth;
    let now = vendor.now();
    let moment = vendor.moment(now);
    let mut breaches = BTreeMap::new();
    for breach in vendor.breaches() {
        *breaches.entry(breach.kind).or_default() += 1;
    }
    let count = |bot| truth.history(moment).map_or(0, |all| truth.shown(bot, all, moment).len());
    Json(Summary {
        now,
        frozen_at: moment.frozen.then_some(moment.at),
        seed: truth.seed,
        messages: (0..truth.bots()).map(|bot| (truth.uuid(bot).to_owned(), count(bot))).collect(),
        requests: vendor.requests().len(),
        exports: vendor.exports().len(),
        busy: vendor.busy_count(),
        most_in_flight: vendor.most_in_flight(),
        breaches,
    })
}

async fn freeze(State(vendor): State<Certainly>) -> Json<Value> {
    vendor.freeze();
    Json(serde_json::json!({"frozen_at": *vendor.frozen_at()}))
}
