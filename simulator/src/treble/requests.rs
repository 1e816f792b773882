//! The vendor's routes, and its answers to requests.

use super::Treble;
use super::config::Config;
use super::session_list::PageQuery;
use super::variants::Variant;
use crate::gateway::{
    Answer, Arrival, Chance, ErrorAnswer, Faults, Limits, Reply, RequestFacts, Rule, VendorRequest, Violation,
};
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Method, Response, Uri};
use axum::routing::get;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::Duration;

/// The vendor's routes.
pub(super) fn router(vendor: Treble) -> Router {
    Router::new()
        .route("/poll/api/all", get(polls))
        .route("/devapi/poll/{poll}/sessions", get(sessions))
        .route("/devapi/session/{session}/history", get(history))
        .fallback(unknown_route)
        .with_state(vendor)
}

/// What a request asks for.
enum Resource {
    Polls,
    /// The poll, by its place, and the page or the name of the parameter that cannot be read.
    Sessions(Option<usize>, Result<PageQuery, &'static str>),
    History(Option<u64>),
    Unknown,
}

/// One request, with the configuration at its arrival.
struct SessionRequest {
    vendor: Treble,
    config: Config,
    /// The accepted key, by its place.
    key: Option<usize>,
    uri: Uri,
    resource: Resource,
}

async fn polls(State(vendor): State<Treble>, headers: HeaderMap, uri: Uri) -> Response<Body> {
    handle(vendor, &headers, uri, Resource::Polls).await
}

async fn sessions(
    State(vendor): State<Treble>,
    headers: HeaderMap,
    uri: Uri,
    Path(poll): Path<String>,
    Query(fields): Query<HashMap<String, String>>,
) -> Response<Body> {
    let poll = poll.parse().ok().and_then(|id| vendor.inner.dataset.poll(id));
    handle(vendor, &headers, uri, Resource::Sessions(poll, PageQuery::read(&fields))).await
}

async fn history(
    State(vendor): State<Treble>,
    headers: HeaderMap,
    uri: Uri,
    Path(session): Path<String>,
) -> Response<Body> {
    handle(vendor, &headers, uri, Resource::History(session.parse().ok())).await
}

async fn unknown_route(State(vendor): State<Treble>, headers: HeaderMap, uri: Uri) -> Response<Body> {
    handle(vendor, &headers, uri, Resource::Unknown).await
}

async fn handle(vendor: Treble, headers: &HeaderMap, uri: Uri, resource: Resource) -> Response<Body> {
    let config = vendor.inner.config.get();
    // The bare key: with `Bearer` before it, the vendor does not accept it.
    let sent = headers.get(AUTHORIZATION).and_then(|key| key.to_str().ok());
    let key = sent.and_then(|sent| config.keys.iter().position(|accepted| accepted == sent));
    let request = SessionRequest { vendor: vendor.clone(), config, key, uri, resource };
    vendor.inner.gateway.handle(request).await
}

impl VendorRequest for SessionRequest {
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

    fn violations(&self, arrival: &Arrival) -> Vec<Violation> {
        if self.key.is_none() {
            return vec![Violation::new(Rule::BAD_KEY, "no key that the vendor accepts", note(401, "Unauthorized"))];
        }
        let bad = |name: &str| vec![Violation::new(Rule::BAD_PARAMETER, name, note(400, &format!("invalid {name}")))];
        match &self.resource {
            Resource::Unknown => {
                vec![Violation::new(Rule::UNKNOWN_ROUTE, self.uri.path(), note(404, "not found"))]
            }
            Resource::Sessions(Some(poll), query) if !self.config.failing_polls.contains(poll) => match query {
                Err(name) => bad(name),
                Ok(query) => self.page(query, *poll, arrival).err().map(bad).unwrap_or_default(),
            },
            Resource::Polls | Resource::Sessions(..) | Resource::History(_) => Vec::new(),
        }
    }

    fn error(&self, _arrival: &Arrival, error: ErrorAnswer) -> Answer {
        match error {
            ErrorAnswer::Throttled(_) => note(429, "Too many requests"),
            ErrorAnswer::Internal => note(500, "internal error"),
            ErrorAnswer::WebPage => Answer::page(200, "Sign in"),
        }
    }

    fn answer(&self, arrival: &Arrival, _chance: Chance) -> Reply {
        match &self.resource {
            Resource::Polls => self.polls(),
            Resource::Sessions(None, _) | Resource::Unknown => self.unknown("poll"),
            Resource::Sessions(Some(poll), _) if self.config.failing_polls.contains(poll) => {
                self.reply(note(500, "internal error"), "failing_poll")
            }
            Resource::Sessions(Some(poll), query) => {
                let page = query.as_ref().map_err(|name| *name).and_then(|query| self.page(query, *poll, arrival));
                page.unwrap_or_else(|_| self.unknown("poll"))
            }
            Resource::History(session) => {
                session.and_then(|id| self.history(id, arrival)).unwrap_or_else(|| self.unknown("session"))
            }
        }
    }
}

impl SessionRequest {
    fn polls(&self) -> Reply {
        let polls = &self.vendor.inner.dataset.polls;
        let rows: Vec<Value> =
            polls.iter().map(|poll| json!({"id": poll.id, "name": poll.name, "settings": {}, "version": 3})).collect();
        self.reply(Answer::json(200, &Value::Array(rows)), "polls").with_rows(polls.len())
    }

    /// The page, or the name of the parameter that cannot be used.
    fn page(&self, query: &PageQuery, poll: usize, arrival: &Arrival) -> Result<Reply, &'static str> {
        let (config, dataset) = (&self.config, &self.vendor.inner.dataset);
        let now = self.vendor.inner.gateway.as_of(arrival.at).at;
        let page = query.page(dataset, poll, (now, config.order, config.repeats))?;
        let mut variant = Variant::of_request(config.times, config.seed, arrival.ordinal);
        let sessions = page.keys.iter().map(|key| dataset.lifecycle(*key).session_at(now));
        let rows: Vec<Value> = sessions.map(|session| variant.session(&session)).collect();
        let body = json!({"results": rows, "next_id": page.next});
        Ok(self.reply(Answer::json(200, &body), "sessions").with_rows(rows.len()))
    }

    fn history(&self, session: u64, arrival: &Arrival) -> Option<Reply> {
        let (config, dataset) = (&self.config, &self.vendor.inner.dataset);
        let now = self.vendor.inner.gateway.as_of(arrival.at).at;
        let messages = dataset.lifecycle(dataset.find(session, now)?).messages_at(now);
        let mut variant = Variant::of_request(config.times, config.seed, arrival.ordinal);
        let entries = variant.history(&messages, config.seed);
        Some(self.reply(Answer::json(200, &entries), "history").with_rows(messages.len()))
    }

    fn unknown(&self, item: &str) -> Reply {
        self.reply(note(404, &format!("{item} not found")), "unknown")
    }

    fn reply(&self, answer: Answer, outcome: &'static str) -> Reply {
        Reply::new(answer, self.config.limits.latency, outcome)
    }
}

/// An error body; texts and shape are guesses.
fn note(status: u16, message: &str) -> Answer {
    Answer::json(status, &json!({"message": message}))
}
