//! How the vendor treats a request, from its arrival to its answer.

use super::list::Asked;
use super::spelled::Spelling;
use super::{Treble, control};
use crate::gateway::{Answer, Arrival, Call, Kind, Page, Refused, Terms};
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Response, Uri};
use axum::routing::get;
use serde_json::{Value, json};
use std::collections::HashMap;

/// The vendor's routes and the simulator's own.
pub(super) fn router(vendor: Treble) -> Router {
    Router::new()
        .route("/poll/api/all", get(polls))
        .route("/devapi/poll/{poll}/sessions", get(sessions))
        .route("/devapi/session/{session}/history", get(history))
        .merge(control::router())
        .fallback(nowhere)
        .with_state(vendor)
}

async fn polls(State(vendor): State<Treble>, headers: HeaderMap, uri: Uri) -> Response<Body> {
    let found = |_| {
        let polls = &vendor.inside.truth.polls;
        let rows: Vec<Value> =
            polls.iter().map(|poll| json!({"id": poll.id, "name": poll.name, "settings": {}, "version": 3})).collect();
        Ok(Page { rows: rows.len(), ..Page::note(200, &Value::Array(rows), "polls") })
    };
    answered(&vendor, &headers, &uri, found).await
}

async fn sessions(
    State(vendor): State<Treble>,
    headers: HeaderMap,
    uri: Uri,
    Path(poll): Path<String>,
    Query(fields): Query<HashMap<String, String>>,
) -> Response<Body> {
    let config = vendor.config();
    let found = |arrival: Arrival| {
        let truth = &vendor.inside.truth;
        let Some(poll) = poll.parse().ok().and_then(|id| truth.poll(id)) else { return Ok(unknown("poll")) };
        if config.failing_polls.contains(&poll) {
            return Ok(Page::note(500, &note("internal error"), "failing_poll"));
        }
        let now = vendor.seen_at(arrival.at);
        let asked = Asked::read(&fields).map_err(wrong)?;
        let found = asked.page(truth, poll, (now, config.order, config.repeats)).map_err(wrong)?;
        let mut spelling = Spelling::of_request(config.times, config.seed, arrival.ordinal);
        let rows: Vec<Value> = found.keys.iter().map(|key| spelling.session(&truth.course(*key).as_of(now))).collect();
        let count = rows.len();
        Ok(Page { rows: count, ..Page::note(200, &json!({"results": rows, "next_id": found.next}), "sessions") })
    };
    answered(&vendor, &headers, &uri, found).await
}

async fn history(
    State(vendor): State<Treble>,
    headers: HeaderMap,
    uri: Uri,
    Path(session): Path<String>,
) -> Response<Body> {
    let config = vendor.config();
    let found = |arrival: Arrival| {
        let truth = &vendor.inside.truth;
        let now = vendor.seen_at(arrival.at);
        let key = session.parse().ok().and_then(|id| truth.find(id, now));
        let Some(key) = key else { return Ok(unknown("session")) };
        let messages = truth.course(key).said(now);
        let entries = Spelling::of_request(config.times, config.seed, arrival.ordinal).history(&messages, config.seed);
        Ok(Page { rows: messages.len(), ..Page::note(200, &entries, "history") })
    };
    answered(&vendor, &headers, &uri, found).await
}

async fn nowhere(State(vendor): State<Treble>, headers: HeaderMap, uri: Uri) -> Response<Body> {
    let refused = |_| {
        let answer = Answer::json(404, &note("not found"));
        Err(Refused { kind: Kind::UnknownRoute, detail: uri.path().to_owned(), answer })
    };
    answered(&vendor, &headers, &uri, refused).await
}

async fn answered(
    vendor: &Treble,
    headers: &HeaderMap,
    uri: &Uri,
    work: impl FnOnce(Arrival) -> Result<Page, Refused>,
) -> Response<Body> {
    let config = vendor.config();
    // Bare: with `Bearer` before it, it is no good key.
    let key = headers.get(AUTHORIZATION).and_then(|key| key.to_str().ok());
    let good = key.and_then(|key| config.keys.iter().position(|good| good == key));
    let bad = || Answer::json(401, &note("Unauthorized"));
    let path = uri.path_and_query().map_or_else(String::new, ToString::to_string);
    let terms = Terms {
        limits: config.limits.clone(),
        faults: config.faults.clone(),
        throttled: note("Too many requests"),
        broken: note("internal error"),
    };
    vendor.inside.gateway.answered(Call { key: good.ok_or_else(bad), path }, &terms, work).await
}

fn wrong(name: &'static str) -> Refused {
    let answer = Answer::json(400, &note(&format!("invalid {name}")));
    Refused { kind: Kind::BadParameter, detail: name.to_owned(), answer }
}

fn unknown(what: &str) -> Page {
    Page::note(404, &note(&format!("{what} not found")), "unknown")
}

/// The texts are guesses; the shape is too.
fn note(message: &str) -> Value {
    json!({"message": message})
}
