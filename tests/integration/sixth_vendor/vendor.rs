//! The vendor itself: events every 24 minutes, at most 50 in an answer, one request at a time.

use super::source::ROW_CAP;
use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use simulator::{Serving, serve};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub const TOKEN: &str = "tiny-token";
/// The time between two events, in seconds: 60 a day.
const EVERY: i64 = 24 * 60;

/// What the vendor saw.
#[derive(Default)]
pub struct Counts {
    in_flight: AtomicU32,
    /// Requests so far.
    pub requests: AtomicU32,
    /// Requests that came while another was in flight.
    pub breaches: AtomicU32,
}

pub struct TinyVendor {
    pub counts: Arc<Counts>,
    pub serving: Serving,
}

impl TinyVendor {
    pub async fn start() -> Self {
        let counts = Arc::new(Counts::default());
        let router = Router::new().route("/events", get(answer)).with_state(counts.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { counts, serving: serve(listener, router, &CancellationToken::new()).unwrap() }
    }
}

/// The ids, times and texts of the events in `from..to`, oldest first.
pub fn events(from: DateTime<Utc>, to: DateTime<Utc>) -> impl Iterator<Item = (String, DateTime<Utc>, String)> {
    let first = from.timestamp().div_euclid(EVERY) + i64::from(from.timestamp().rem_euclid(EVERY) > 0);
    let last = to.timestamp().div_euclid(EVERY) + i64::from(to.timestamp().rem_euclid(EVERY) > 0);
    (first..last).map(|number| {
        let at = DateTime::from_timestamp(number * EVERY, 0).unwrap();
        (format!("event-{number}"), at, format!("text {}", number % 7))
    })
}

async fn answer(
    State(counts): State<Arc<Counts>>,
    Query(range): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    counts.requests.fetch_add(1, Ordering::SeqCst);
    if headers.get("x-token").is_none_or(|token| token != TOKEN) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    if counts.in_flight.fetch_add(1, Ordering::SeqCst) > 0 {
        counts.breaches.fetch_add(1, Ordering::SeqCst);
    }
    tokio::time::sleep(Duration::from_millis(5)).await;
    counts.in_flight.fetch_sub(1, Ordering::SeqCst);
    let instant = |name: &str| range[name].parse::<DateTime<Utc>>().unwrap();
    let found = events(instant("from"), instant("to").min(now())).take(ROW_CAP);
    let rows: Vec<Value> = found
        .map(|(id, at, text)| json!({"id": id, "at": at.to_rfc3339_opts(SecondsFormat::Secs, true), "text": text}))
        .collect();
    axum::Json(rows).into_response()
}

/// The vendor's clock.
#[expect(clippy::disallowed_methods, reason = "the vendor has a clock of its own")]
fn now() -> DateTime<Utc> {
    Utc::now()
}
