//! `GET /api/v2/information.php?api=token_info`: how much of the daily quota is used. "Calling it costs 1 unit".

use super::Wolkvox;
use super::config::Config;
use super::report::{ReportRequest, success};
use crate::gateway::{Answer, Arrival, Chance, ErrorAnswer, Reply, RequestFacts, VendorRequest, Violation};
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Response, Uri};
use serde_json::json;
use std::collections::HashMap;

/// The quota that an operation without a limit shows.
const NO_LIMIT: u32 = 1_000_000;

/// A call for the token's information, read like a call for a report.
struct TokenInfo(ReportRequest);

/// Answers the call.
pub(super) async fn token_info(
    State(vendor): State<Wolkvox>,
    headers: HeaderMap,
    uri: Uri,
    Query(parameters): Query<HashMap<String, String>>,
) -> Response<Body> {
    let request = ReportRequest::new(vendor.clone(), &headers, uri, parameters);
    vendor.inner.gateway.handle(TokenInfo(request)).await
}

impl TokenInfo {
    fn config(&self) -> &Config {
        &self.0.config
    }
}

impl VendorRequest for TokenInfo {
    fn facts(&self) -> RequestFacts {
        self.0.facts()
    }

    fn violations(&self, arrival: &Arrival) -> Vec<Violation> {
        super::rules::violations_of_call(&self.0, arrival)
    }

    fn error(&self, arrival: &Arrival, error: ErrorAnswer) -> Answer {
        self.0.error(arrival, error)
    }

    /// Numbers are texts in the vendor's sample.
    fn answer(&self, arrival: &Arrival, _: Chance) -> Reply {
        let (config, inner) = (self.config(), &self.0.vendor.inner);
        if !config.token_info {
            let message = "THE API YOU WANT TO CONSULT DOES NOT EXIST";
            let answer = super::report::error(config, arrival, 400, "BAD REQUEST", message);
            return Reply::new(answer, config.latency, "no_token_info");
        }
        let (limit, used) = (config.daily_quota.unwrap_or(NO_LIMIT), inner.counters.calls_today());
        let data = json!([{
            "description": "token",
            "token_limit": limit.to_string(),
            "token_use_today": self.0.key.map_or(0, |key| inner.counters.calls_of(key)).to_string(),
            "all_token_today": used.to_string(),
            "available_consumption_options": limit.saturating_sub(used).to_string(),
        }]);
        Reply::new(success(config, arrival, &data), config.latency, "token_info")
    }
}
