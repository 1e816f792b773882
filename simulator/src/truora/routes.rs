//! How the vendor treats a request, from its arrival to its answer.

use super::list::Asked;
use super::spelled::{result, short};
use super::truth::Key;
use super::{Truora, control};
use crate::gateway::{Answer, Arrival, Call, Kind, Page, Refused, Terms};
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, Response, Uri};
use axum::routing::get;
use serde_json::{Value, json};
use std::collections::HashMap;

/// The vendor's routes and the simulator's own.
pub(super) fn router(vendor: Truora) -> Router {
    Router::new()
        .route("/v1/processes", get(list))
        .route("/v1/processes/", get(list))
        .route("/v1/processes/{id}", get(one))
        .route("/v1/processes/{id}/result", get(its_result))
        .merge(control::router())
        .fallback(nowhere)
        .with_state(vendor)
}

async fn list(
    State(vendor): State<Truora>,
    headers: HeaderMap,
    uri: Uri,
    Query(fields): Query<HashMap<String, String>>,
) -> Response<Body> {
    let largest = vendor.config().largest_page;
    let found = |arrival: Arrival| {
        let asked = Asked::read(&fields, largest).map_err(|name| {
            let answer = Answer::json(400, &note(10400, &format!("invalid {name}")));
            Refused { kind: Kind::BadParameter, detail: name.to_owned(), answer }
        })?;
        let (page, rows) = asked.page(&vendor.inside.truth, vendor.seen_at(arrival.at));
        Ok(Page { answer: Answer::json(200, &page), rows, outcome: "list" })
    };
    answered(&vendor, &headers, &uri, found).await
}

async fn one(State(vendor): State<Truora>, headers: HeaderMap, uri: Uri, Path(id): Path<String>) -> Response<Body> {
    let found = |arrival: Arrival| {
        let Some(key) = find(&vendor, &id, arrival) else { return Ok(unknown()) };
        let process = vendor.inside.truth.process(key, vendor.seen_at(arrival.at));
        Ok(Page { rows: 1, ..Page::note(200, &short(&process), "process") })
    };
    answered(&vendor, &headers, &uri, found).await
}

async fn its_result(
    State(vendor): State<Truora>,
    headers: HeaderMap,
    uri: Uri,
    Path(id): Path<String>,
) -> Response<Body> {
    let seed = vendor.inside.truth.seed;
    let found = |arrival: Arrival| {
        let Some(key) = find(&vendor, &id, arrival) else { return Ok(unknown()) };
        let now = vendor.seen_at(arrival.at);
        let body = result(&vendor.inside.truth.process(key, now), seed, arrival.ordinal);
        let outcome = match vendor.inside.truth.course(key).as_of(now).map(|ending| ending.status) {
            None => "pending",
            Some("success" | "failure") => super::ENDED,
            Some(_) => "odd",
        };
        Ok(Page { rows: 1, ..Page::note(200, &body, outcome) })
    };
    answered(&vendor, &headers, &uri, found).await
}

/// "API Gateway may answer" so: what looks like a bad key is a wrong path.
async fn nowhere(State(vendor): State<Truora>, headers: HeaderMap, uri: Uri) -> Response<Body> {
    let refused = |_| {
        let answer = Answer::json(403, &json!({"message": "Missing Authentication Token"}));
        Err(Refused { kind: Kind::UnknownRoute, detail: uri.path().to_owned(), answer })
    };
    answered(&vendor, &headers, &uri, refused).await
}

async fn answered(
    vendor: &Truora,
    headers: &HeaderMap,
    uri: &Uri,
    work: impl FnOnce(Arrival) -> Result<Page, Refused>,
) -> Response<Body> {
    let config = vendor.config();
    let key = headers.get("truora-api-key").and_then(|key| key.to_str().ok());
    let good = key.and_then(|key| config.keys.iter().position(|good| good == key));
    let bad = || match (config.gateway_403, key) {
        (true, _) => Answer::json(403, &json!({"message": "Forbidden"})),
        (false, None) => Answer::json(401, &note(10401, "missing Truora-API-Key")),
        (false, Some(_)) => Answer::json(401, &note(10401, "invalid api key")),
    };
    let path = uri.path_and_query().map_or_else(String::new, ToString::to_string);
    let terms = Terms {
        limits: config.limits.clone(),
        faults: config.faults.clone(),
        throttled: note(10429, "too many requests"),
        broken: note(10500, "internal server error"),
    };
    vendor.inside.gateway.answered(Call { key: good.ok_or_else(bad), path }, &terms, work).await
}

fn find(vendor: &Truora, id: &str, arrival: Arrival) -> Option<Key> {
    vendor.inside.truth.find(id, vendor.seen_at(arrival.at))
}

fn unknown() -> Page {
    Page::note(404, &note(10404, "process not found"), "unknown")
}

/// Numbers and texts are guesses; the shape is not.
fn note(code: u32, message: &str) -> Value {
    json!({"code": code, "message": message})
}
