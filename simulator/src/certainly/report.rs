//! The vendor's routes, and its answers to requests for the report.

use super::config::{BusyAnswer, Config, Order, OverCapAnswer};
use super::rules::{NO_SLASH, ReportParameters, ReportQuery, detail, throttled, violations};
use super::variants::rows_answer;
use super::{BUSY, Certainly};
use crate::gateway::{Answer, Arrival, Chance, ErrorAnswer, Faults, Reply, RequestFacts, VendorRequest, Violation};
use crate::random::{generator, unmix};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, Method, Response, Uri};
use axum::routing::get;
use serde_json::json;
use std::collections::HashMap;
use std::time::Duration;

/// The report's path is not documented. These two are likely, with the slash at the end that its framework requires.
const PATHS: [&str; 2] = ["/api/frontend/reports/messages", "/api/reports/messages"];
const SALT_BUSY: u64 = 0xB057;

/// The vendor's routes.
pub(super) fn router(vendor: Certainly) -> Router {
    let mut router = Router::new();
    for path in PATHS {
        router = router
            .route(&format!("{path}/"), get(rows).post(export))
            .route(path, get(without_slash).post(without_slash));
    }
    router.with_state(vendor)
}

/// One request for the report, with the configuration at its arrival.
struct ReportRequest {
    vendor: Certainly,
    config: Config,
    /// The accepted token, by its place.
    key: Option<usize>,
    parameters: ReportParameters,
    uri: Uri,
}

/// A request to a path without its slash.
struct SlashlessRequest {
    method: Method,
    uri: Uri,
}

async fn rows(
    State(vendor): State<Certainly>,
    headers: HeaderMap,
    uri: Uri,
    Query(fields): Query<HashMap<String, String>>,
) -> Response<Body> {
    handle(vendor, ReportParameters::by_query(credentials(&headers), fields), uri).await
}

async fn export(State(vendor): State<Certainly>, headers: HeaderMap, uri: Uri, body: Bytes) -> Response<Body> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
    handle(vendor, ReportParameters::by_body(credentials(&headers), content_type, &body), uri).await
}

async fn without_slash(State(vendor): State<Certainly>, method: Method, uri: Uri) -> Response<Body> {
    vendor.inner.gateway.handle(SlashlessRequest { method, uri }).await
}

async fn handle(vendor: Certainly, parameters: ReportParameters, uri: Uri) -> Response<Body> {
    let config = vendor.inner.config.get();
    let token = parameters.token.as_ref();
    let key = token.and_then(|token| config.tokens.iter().position(|accepted| accepted == token));
    vendor.inner.gateway.handle(ReportRequest { vendor: vendor.clone(), config, key, parameters, uri }).await
}

/// The token after `JWT ` in the header `Authorization`. Under another scheme there are no credentials at all.
fn credentials(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("JWT") && !token.is_empty()).then(|| token.to_owned())
}

impl VendorRequest for ReportRequest {
    fn facts(&self) -> RequestFacts {
        let field = |name: &str| self.parameters.field(name).map(str::to_owned);
        let facts = RequestFacts::new(self.key, self.parameters.method.clone(), &self.uri);
        RequestFacts { bot: field("botId"), from: field("fromDate"), to: field("toDate"), ..facts }
    }

    fn faults(&self) -> Option<&Faults> {
        Some(&self.config.faults)
    }

    fn latency(&self) -> Duration {
        self.config.latency
    }

    fn violations(&self, arrival: &Arrival) -> Vec<Violation> {
        violations(&self.parameters, self.key, arrival, &self.vendor.inner.dataset, &self.config)
    }

    fn error(&self, _arrival: &Arrival, error: ErrorAnswer) -> Answer {
        match error {
            ErrorAnswer::Throttled(wait) => throttled(wait),
            ErrorAnswer::Internal => Answer::page(500, "Server Error (500)"),
            ErrorAnswer::WebPage => Answer::page(200, "Certainly"),
        }
    }

    fn answer(&self, arrival: &Arrival, _chance: Chance) -> Reply {
        match (self.parameters.query(&self.vendor.inner.dataset), self.key) {
            (Ok(query), Some(key)) if self.parameters.method == Method::POST => self.export(query, arrival, key),
            (Ok(query), _) => self.messages(query, arrival),
            (Err(_), _) => Reply::new(Answer::page(500, "Server Error (500)"), Duration::ZERO, "unknown"),
        }
    }
}

impl ReportRequest {
    /// The rows of a GET, up to the cap.
    fn messages(&self, query: ReportQuery, arrival: &Arrival) -> Reply {
        let (config, dataset) = (&self.config, &self.vendor.inner.dataset);
        let as_of = self.vendor.inner.gateway.as_of(arrival.at);
        let window = query.window(config);
        let mut keys = window.map(|window| dataset.visible(query.bot, window, as_of)).unwrap_or_default();
        let matched = keys.len();
        let over = matched > config.row_cap;
        if over && config.over_cap == OverCapAnswer::Refuse400 {
            // The text is a guess, and so is that the vendor refuses.
            let text = format!("The maximum number of data entries is {}.", config.row_cap);
            return Reply { matched, ..Reply::new(detail(400, &text), config.latency, "over_cap") };
        }
        if config.order == Order::NewestFirst {
            keys.reverse();
        }
        // "The maximum number of data entries returned is 500": the vendor leaves out the others silently.
        keys.truncate(config.row_cap);
        let messages: Vec<_> = keys.into_iter().map(|key| dataset.message(query.bot, key)).collect();
        let answer = rows_answer(&messages, config, arrival.ordinal);
        let outcome = match messages.len() {
            0 => "empty",
            _ if over => "capped",
            _ => "rows",
        };
        Reply { matched, rows: messages.len(), ..Reply::new(answer, config.latency, outcome) }
    }

    /// Accepts the export of a POST, unless another export of the token is running. All texts are guesses.
    fn export(&self, query: ReportQuery, arrival: &Arrival, key: usize) -> Reply {
        let (config, inner) = (&self.config, &self.vendor.inner);
        let bot = inner.dataset.uuid(query.bot);
        let Some(export) = inner.exports.accept((arrival.ordinal, arrival.at), key, (bot, query), config) else {
            let all = [BusyAnswer::Conflict409, BusyAnswer::TooMany429, BusyAnswer::Ok200];
            let mut random = generator(config.seed ^ SALT_BUSY, arrival.ordinal);
            let status = match unmix(config.busy, BusyAnswer::Mixed, &all, &mut random) {
                BusyAnswer::Conflict409 | BusyAnswer::Mixed => 409,
                BusyAnswer::TooMany429 => 429,
                BusyAnswer::Ok200 => 200,
            };
            let body = json!({"message": "There is already a report being generated, please wait"});
            return Reply::new(Answer::json(status, &body), config.post_latency, BUSY);
        };
        inner.gateway.spawn(export.run(self.vendor.clone()));
        let text = format!("The report will be sent to {}", config.mail_to);
        Reply::new(Answer::json(200, &json!({"message": text})), config.post_latency, "accepted")
    }
}

impl VendorRequest for SlashlessRequest {
    fn facts(&self) -> RequestFacts {
        RequestFacts::new(None, self.method.clone(), &self.uri)
    }

    /// A POST cannot be redirected without losing its body; Django answers 500.
    fn violations(&self, _arrival: &Arrival) -> Vec<Violation> {
        let refused = || Violation::new(NO_SLASH, "POST", Answer::page(500, "Server Error (500)"));
        (self.method == Method::POST).then(refused).into_iter().collect()
    }

    fn error(&self, _arrival: &Arrival, _error: ErrorAnswer) -> Answer {
        Answer::page(500, "Server Error (500)")
    }

    /// Redirects a GET to the path with the slash.
    fn answer(&self, _arrival: &Arrival, _chance: Chance) -> Reply {
        let query = self.uri.query().map_or_else(String::new, |query| format!("?{query}"));
        let answer = Answer::text(301, "text/plain", "").header(LOCATION, &format!("{}/{query}", self.uri.path()));
        Reply::new(answer, Duration::ZERO, "redirect")
    }
}
