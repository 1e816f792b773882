//! A request for a report, and the vendor's answers to it.

use super::Wolkvox;
use super::config::{CodeStyle, Config, EmptyAnswer};
use super::row_stream::{ChatRows, RowKey};
use super::rules::{ReportQuery, SIMULTANEOUS, violations};
use crate::gateway::{Answer, Arrival, Chance, ErrorAnswer, Faults, Reply, RequestFacts, VendorRequest, Violation};
use crate::random::{generator, pick, unmix};
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Method, Response, Uri};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// One request, with the configuration at its arrival.
pub(super) struct ReportRequest {
    pub(super) vendor: Wolkvox,
    pub(super) config: Config,
    /// The accepted token, by its place.
    pub(super) key: Option<usize>,
    pub(super) has_token: bool,
    pub(super) query: ReportQuery,
    uri: Uri,
}

const JSON: &str = "application/json; charset=utf-8";
const SALT_CODE: u64 = 0xC0DE;

/// `GET /api/v2/reports_manager.php`.
pub(super) async fn report(
    State(vendor): State<Wolkvox>,
    headers: HeaderMap,
    uri: Uri,
    Query(parameters): Query<HashMap<String, String>>,
) -> Response<Body> {
    let request = ReportRequest::new(vendor.clone(), &headers, uri, parameters);
    vendor.inner.gateway.handle(request).await
}

/// The envelope of an answer with `data`.
pub(super) fn success(config: &Config, arrival: &Arrival, data: &Value) -> Answer {
    envelope(200, &code(config, arrival.ordinal, 200), &Value::Null, ("1 records were found", data))
}

/// The envelope of an error.
pub(super) fn error(config: &Config, arrival: &Arrival, status: u16, name: &str, message: &str) -> Answer {
    envelope(status, &code(config, arrival.ordinal, status), &json!(name), (message, &Value::Null))
}

impl VendorRequest for ReportRequest {
    fn facts(&self) -> RequestFacts {
        let (from, to) = (self.query.first.clone(), self.query.last.clone());
        RequestFacts { from, to, ..RequestFacts::new(self.key, Method::GET, &self.uri) }
    }

    fn faults(&self) -> Option<&Faults> {
        Some(&self.config.faults)
    }

    fn latency(&self) -> Duration {
        self.config.latency
    }

    fn violations(&self, arrival: &Arrival) -> Vec<Violation> {
        violations(self, arrival)
    }

    fn error(&self, arrival: &Arrival, error: ErrorAnswer) -> Answer {
        match error {
            ErrorAnswer::Throttled(_) => {
                self::error(&self.config, arrival, 429, "TOO MANY REQUESTS", "TOO MANY REQUESTS")
            }
            ErrorAnswer::Internal => Answer::page(500, "500 Internal Server Error"),
            ErrorAnswer::WebPage => Answer::page(200, "wolkvox Manager"),
        }
    }

    fn answer(&self, arrival: &Arrival, chance: Chance) -> Reply {
        self.own_fault(arrival, chance).unwrap_or_else(|| self.chats(arrival))
    }
}

impl ReportRequest {
    /// A call with these headers and parameters.
    pub(super) fn new(vendor: Wolkvox, headers: &HeaderMap, uri: Uri, parameters: HashMap<String, String>) -> Self {
        let config = vendor.inner.config.get();
        let token = headers.get("wolkvox-token").map(|token| String::from_utf8_lossy(token.as_bytes()).into_owned());
        let token = token.filter(|token| !token.is_empty());
        let key = token.as_ref().and_then(|token| config.tokens.iter().position(|accepted| accepted == token));
        let (has_token, query) = (token.is_some(), ReportQuery::new(parameters));
        Self { vendor, config, key, has_token, query, uri }
    }

    /// The answer where a maintenance refuses the call or one of Wolkvox's own faults is drawn.
    fn own_fault(&self, arrival: &Arrival, Chance { roll, .. }: Chance) -> Option<Reply> {
        let (mut roll, faults, counters) = (roll?, &self.config.wolkvox_faults, &self.vendor.inner.counters);
        let maintenance = "maintenance_403";
        let shares = [
            (faults.maintenance_403, maintenance),
            (faults.simultaneous_403, "simultaneous_403"),
            (faults.error_in_200, "error_in_200"),
        ];
        let drawn = pick(shares, &mut roll);
        let fault = if counters.is_in_maintenance() { maintenance } else { drawn? };
        if drawn == Some(maintenance) {
            counters.start_maintenance(faults.maintenance_calls.saturating_sub(1));
        }
        let answer = match fault {
            // The vendor's text is not known.
            "maintenance_403" => error(&self.config, arrival, 403, "FORBIDDEN", "SERVER UNDER MAINTENANCE"),
            "simultaneous_403" => error(&self.config, arrival, 403, "FORBIDDEN", SIMULTANEOUS),
            _ => {
                let message = ("THE REPORT COULD NOT BE MADE", &Value::Null);
                envelope(200, &code(&self.config, arrival.ordinal, 500), &json!("INTERNAL SERVER ERROR"), message)
            }
        };
        Some(Reply::new(answer, self.config.latency, fault))
    }

    /// The rows of the range, up to the cap.
    fn chats(&self, arrival: &Arrival) -> Reply {
        let (config, inner) = (&self.config, &self.vendor.inner);
        let as_of = inner.gateway.as_of(arrival.at);
        // One over the cap, to know whether the cap cuts.
        let mut rows = self.rows(arrival, config.row_cap.saturating_add(1));
        let capped = rows.len() > config.row_cap;
        // "60,000 rows down": the vendor leaves out the others silently.
        rows.truncate(config.row_cap);
        let count = rows.len();
        let extra = u32::try_from(count).map_or(Duration::MAX, |count| config.latency_per_1000_rows * count / 1000);
        let latency = config.latency.saturating_add(extra);
        if latency > config.longest_call {
            return Reply::new(Answer::page(504, "504 Gateway Time-out"), config.longest_call, "timeout_504");
        }
        if rows.is_empty() {
            return Reply::new(self.no_chats(arrival), latency, "empty");
        }
        let code = code(config, arrival.ordinal, 200);
        let head = format!(r#"{{"code":{code},"error":null,"msg":"{count} records were found","data":["#);
        let mut rows = ChatRows::new(Arc::clone(&inner.dataset), as_of, head, rows, "]}");
        rows.odd_columns = config.odd_columns;
        let reply = Reply::new(Answer::rows(JSON, rows), latency, if capped { "capped" } else { "rows" });
        // "60 s per call": work and transfer together.
        Reply { read_within: Some(config.longest_call.saturating_sub(latency)), ..reply.with_rows(count) }
    }

    fn no_chats(&self, arrival: &Arrival) -> Answer {
        let found_none = |data: &Value| {
            let code = code(&self.config, arrival.ordinal, 200);
            envelope(200, &code, &Value::Null, ("0 records were found", data))
        };
        match self.config.empty {
            EmptyAnswer::NotFound404 => error(&self.config, arrival, 404, "NOT FOUND", "Validate dates entered"),
            EmptyAnswer::NullData => found_none(&Value::Null),
            EmptyAnswer::EmptyData => found_none(&json!([])),
        }
    }

    /// The chats of the range, oldest first, some of them twice.
    fn rows(&self, arrival: &Arrival, at_most: usize) -> Vec<RowKey> {
        let inner = &self.vendor.inner;
        let as_of = inner.gateway.as_of(arrival.at);
        let range = self.query.range();
        let keys = range.into_iter().flat_map(|(first, last)| inner.dataset.on_wall_clock(first, last, as_of));
        let rows = keys.flat_map(|key| {
            let (current, initial) = (RowKey::current(key), RowKey { key, initial: true });
            match inner.dataset.duplicate_order(key, self.config.duplicates) {
                None => [Some(current), None],
                Some(false) => [Some(initial), Some(current)],
                Some(true) => [Some(current), Some(initial)],
            }
        });
        rows.flatten().take(at_most).collect()
    }
}

fn envelope(status: u16, code: &Value, error: &Value, (message, data): (&str, &Value)) -> Answer {
    let envelope = json!({"code": code, "error": error, "msg": message, "data": data});
    Answer::text(status, JSON, envelope.to_string())
}

/// `status` as the configuration wants `code` written.
fn code(config: &Config, ordinal: u64, status: u16) -> Value {
    let styles = [CodeStyle::Number, CodeStyle::Text];
    match unmix(config.code, CodeStyle::Mixed, &styles, &mut generator(config.seed ^ SALT_CODE, ordinal)) {
        CodeStyle::Text => json!(status.to_string()),
        CodeStyle::Number | CodeStyle::Mixed => json!(status),
    }
}
