//! The vendor's rules, and its answers to a request that breaks one.

use super::config::{Config, TooWideAnswer};
use super::dataset::Dataset;
use super::token;
use crate::calendar::utc_midnight;
use crate::gateway::{Answer, Arrival, Rule, Violation};
use axum::http::Method;
use axum::http::header::WWW_AUTHENTICATE;
use chrono::{DateTime, Days, NaiveDate, Utc};
use domain::window::Window;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::time::Duration;

/// The token has expired. It says itself when.
pub const EXPIRED_TOKEN: Rule = Rule::new("expired_token");
/// A POST goes to the path without its slash.
pub const NO_SLASH: Rule = Rule::new("no_slash");

/// The parameters of a request, before they are checked.
#[derive(Clone, Debug)]
pub(super) struct ReportParameters {
    pub(super) method: Method,
    /// The token after `JWT ` in the header `Authorization`.
    pub(super) token: Option<String>,
    /// The reason why the body cannot be read, with the status for it.
    unreadable: Option<(u16, &'static str)>,
    fields: HashMap<String, String>,
}

/// The checked parameters of a request: a bot, by its place, and days.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReportQuery {
    pub(super) bot: usize,
    pub(super) from: NaiveDate,
    pub(super) to: NaiveDate,
}

/// The names of the parameters, in a query and in a body.
const NAMES: [&str; 4] = ["fromDate", "toDate", "reportId", "botId"];

impl ReportParameters {
    /// A GET with its query.
    pub(super) fn by_query(token: Option<String>, fields: HashMap<String, String>) -> Self {
        Self { method: Method::GET, token, unreadable: None, fields }
    }

    /// A POST with its body: "the query parameters are the same as in the GET request".
    pub(super) fn by_body(token: Option<String>, content_type: Option<&str>, body: &[u8]) -> Self {
        let mut parameters = Self { method: Method::POST, token, unreadable: None, fields: HashMap::new() };
        // "It is necessary to indicate that the Content-Type is application/json."
        if !content_type.is_some_and(|it| it.trim_start().to_ascii_lowercase().starts_with("application/json")) {
            parameters.unreadable = Some((415, "Unsupported media type in request."));
            return parameters;
        }
        let Ok(Value::Object(object)) = serde_json::from_slice(body) else {
            parameters.unreadable = Some((400, "JSON parse error - expecting an object"));
            return parameters;
        };
        let text = |value: Value| match value {
            Value::String(text) => text,
            Value::Null => String::new(),
            other => other.to_string(),
        };
        parameters.fields = object.into_iter().map(|(name, value)| (name, text(value))).collect();
        parameters
    }

    /// A parameter; `None` where it is missing or empty.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// `YYYY-MM-DD` and nothing else.
    fn day(&self, name: &str) -> Option<NaiveDate> {
        let text = self.field(name)?;
        let has_shape = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        has_shape.then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()).flatten()
    }

    /// The rule that a parameter breaks, with the framework's text.
    fn complaint(&self, name: &str) -> Option<(Rule, String)> {
        let bad = |text: String| Some((Rule::BAD_PARAMETER, text));
        let Some(value) = self.field(name) else {
            return Some((Rule::MISSING_PARAMETER, String::from("This field is required.")));
        };
        match name {
            "fromDate" | "toDate" if self.day(name).is_none() => {
                bad(String::from("Date has wrong format. Use one of these formats instead: YYYY-MM-DD."))
            }
            "reportId" if !matches!(value, "1" | "2" | "3" | "4") => bad(format!("\"{value}\" is not a valid choice.")),
            "botId" if !is_uuid(value) => bad(String::from("Must be a valid UUID.")),
            _ => None,
        }
    }

    /// The query, or the violation of a request that cannot be read.
    pub(super) fn query(&self, dataset: &Dataset) -> Result<ReportQuery, Violation> {
        if let Some((status, why)) = self.unreadable {
            return Err(Violation::new(Rule::BAD_PARAMETER, why, detail(status, why)));
        }
        let complaints: Vec<_> =
            NAMES.into_iter().filter_map(|name| self.complaint(name).map(|(rule, text)| (name, rule, text))).collect();
        if let Some((_, rule, _)) = complaints.first() {
            let names: Vec<&str> = complaints.iter().map(|(name, _, _)| *name).collect();
            let body: Map<String, Value> =
                complaints.iter().map(|(name, _, text)| ((*name).to_owned(), json!([text]))).collect();
            return Err(Violation::new(*rule, names.join(", "), Answer::json(400, &Value::Object(body))));
        }
        let bot = self.field("botId").unwrap_or_default();
        let place = dataset.bot(bot).ok_or_else(|| {
            let answer = detail(403, "You do not have permission to perform this action.");
            Violation::new(Rule::UNKNOWN_BOT, bot, answer)
        })?;
        let (Some(from), Some(to)) = (self.day("fromDate"), self.day("toDate")) else {
            return Err(Violation::new(Rule::BAD_PARAMETER, "range", detail(400, "Not a range.")));
        };
        Ok(ReportQuery { bot: place, from, to })
    }

    /// The violation of the rules for tokens. `key` is the accepted token, by its place.
    fn token_violation(&self, key: Option<usize>, now: DateTime<Utc>) -> Option<Violation> {
        let refuse = |body: &Value| Answer::json(401, body).header(WWW_AUTHENTICATE, "JWT realm=\"api\"");
        let Some(token) = &self.token else {
            let answer = refuse(&json!({"detail": "Authentication credentials were not provided."}));
            return Some(Violation::new(Rule::BAD_KEY, "no token", answer));
        };
        if key.is_none() {
            let body = json!({"detail": "Given token not valid for any token type", "code": "token_not_valid"});
            return Some(Violation::new(Rule::BAD_KEY, "a token that the vendor does not accept", refuse(&body)));
        }
        let expired =
            || Violation::new(EXPIRED_TOKEN, "after its exp", refuse(&json!({"detail": "Signature has expired."})));
        token::has_expired(token, now).then(expired)
    }
}

impl ReportQuery {
    /// The window of the query; `None` where it is empty.
    pub(super) fn window(&self, config: &Config) -> Option<Window> {
        let last = if config.exclusive_to { Some(self.to) } else { self.to.succ_opt() };
        Window::new(utc_midnight(self.from), utc_midnight(last?))
    }

    fn range_violation(self, method: &Method, config: &Config) -> Option<Violation> {
        let Self { from, to, .. } = self;
        let range = format!("{from}..{to}");
        // The texts of both answers are guesses; the vendor's are not known.
        if from > to {
            return Some(Violation::new(Rule::INVERTED, range, detail(400, "fromDate must not be after toDate.")));
        }
        // "The maximum time range supported is 15 days"; a POST "allows the export of data for time intervals of more
        // than 15 days". The vendor's own example is a day longer; the referee counts strictly.
        let last = from.checked_add_days(Days::new(u64::from(config.longest_days.saturating_sub(1))));
        let too_wide = method == Method::GET && last.is_some_and(|last| to > last);
        too_wide.then(|| match config.too_wide {
            TooWideAnswer::Rows => Violation::silent(Rule::RANGE_TOO_LONG, range),
            TooWideAnswer::Refuse400 => {
                let text = format!("The maximum time range supported is {} days.", config.longest_days);
                Violation::new(Rule::RANGE_TOO_LONG, range, detail(400, &text))
            }
        })
    }
}

/// The rules that a request breaks.
pub(super) fn violations(
    parameters: &ReportParameters,
    key: Option<usize>,
    arrival: &Arrival,
    dataset: &Dataset,
    config: &Config,
) -> Vec<Violation> {
    if let Some(violation) = parameters.token_violation(key, arrival.at) {
        // The vendor checks no further, so the referee does not either.
        return vec![violation];
    }
    let wait = Duration::from_secs(1);
    let mut broken = Vec::from_iter(arrival.too_many(config.max_in_flight, || Some(throttled(wait).retry_after(wait))));
    match parameters.query(dataset) {
        Ok(query) => broken.extend(query.range_violation(&parameters.method, config)),
        Err(unreadable) => broken.push(unreadable),
    }
    broken
}

/// The throttling of the vendor's framework; the vendor's own answer is not known.
pub(super) fn throttled(wait: Duration) -> Answer {
    let unit = if wait.as_secs() == 1 { "second" } else { "seconds" };
    detail(429, &format!("Request was throttled. Expected available in {} {unit}.", wait.as_secs()))
}

/// An answer with the framework's `detail`.
pub(super) fn detail(status: u16, text: &str) -> Answer {
    Answer::json(status, &json!({"detail": text}))
}

fn is_uuid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    lengths == [8, 4, 4, 4, 12] && parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
