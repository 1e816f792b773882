//! The vendor's rules, and what it says to a caller who breaks one.

use super::config::{Config, TooWide};
use super::record::{Arrival, Kind, Method, Seen};
use super::token;
use super::truth::{Truth, midnight};
use chrono::{DateTime, Days, NaiveDate, Utc};
use domain::window::Window;
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// What a request asks for, as far as it can be read.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) method: Method,
    /// What stands behind `JWT ` in the header `Authorization`.
    pub(super) token: Option<String>,
    /// Why the body cannot be read, with the status for it.
    unreadable: Option<(u16, &'static str)>,
    fields: HashMap<String, String>,
}

/// A question that can be answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question {
    pub(super) bot: usize,
    pub(super) from: NaiveDate,
    pub(super) to: NaiveDate,
}

/// A rule that was broken, and what the vendor says to it, if anything.
pub(super) struct Broken {
    pub(super) kind: Kind,
    pub(super) detail: String,
    pub(super) answer: Option<(u16, Value)>,
}

/// The names of the parameters, in a query and in a body.
const NAMES: [&str; 4] = ["fromDate", "toDate", "reportId", "botId"];

impl Asked {
    /// A GET with its query.
    pub(super) fn by_query(token: Option<String>, fields: HashMap<String, String>) -> Self {
        Self { method: Method::Get, token, unreadable: None, fields }
    }

    /// A POST with its body: "the query parameters are the same as in the GET request".
    pub(super) fn by_body(token: Option<String>, kind: Option<&str>, body: &[u8]) -> Self {
        let mut asked = Self { method: Method::Post, token, unreadable: None, fields: HashMap::new() };
        // "It is necessary to indicate that the Content-Type is application/json."
        if !kind.is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("application/json")) {
            asked.unreadable = Some((415, "Unsupported media type in request."));
            return asked;
        }
        let Ok(Value::Object(object)) = serde_json::from_slice(body) else {
            asked.unreadable = Some((400, "JSON parse error - expecting an object"));
            return asked;
        };
        let written = |value: Value| match value {
            Value::String(text) => text,
            Value::Null => String::new(),
            other => other.to_string(),
        };
        asked.fields = object.into_iter().map(|(name, value)| (name, written(value))).collect();
        asked
    }

    /// Its page in the record.
    pub(super) fn seen(&self, at: DateTime<Utc>, token: Option<usize>) -> Seen {
        let (from, to) = (self.day("fromDate"), self.day("toDate"));
        let bot = self.field("botId").map(str::to_owned);
        Seen { token, bot, from, to, ..Seen::new(at, self.method) }
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// `YYYY-MM-DD` and nothing else.
    fn day(&self, name: &str) -> Option<NaiveDate> {
        let text = self.field(name)?;
        let shape = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        shape.then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()).flatten()
    }

    fn complaint(&self, name: &str) -> Option<(Kind, String)> {
        let bad = |text: String| Some((Kind::BadParameter, text));
        let Some(value) = self.field(name) else {
            return Some((Kind::MissingParameter, String::from("This field is required.")));
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
}

impl Question {
    /// The span it asks for; `None` where that is empty.
    pub(super) fn window(&self, config: &Config) -> Option<Window> {
        let last = if config.exclusive_to { Some(self.to) } else { self.to.succ_opt() };
        Window::new(midnight(self.from), midnight(last?))
    }
}

impl Broken {
    fn new(kind: Kind, detail: impl Into<String>, status: u16, body: Value) -> Self {
        Self { kind, detail: detail.into(), answer: Some((status, body)) }
    }
}

/// The question, where there is one, and the rules that the request broke. The first with an answer decides what is
/// answered; the others are recorded as well.
pub(super) fn judged(
    asked: &Asked,
    token: Option<usize>,
    arrival: Arrival,
    truth: &Truth,
    config: &Config,
) -> (Option<Question>, Vec<Broken>) {
    if let Some(broken) = broken_by_token(asked, token, arrival.at) {
        // The vendor looks no further, so neither does the referee.
        return (None, vec![broken]);
    }
    let mut broken = Vec::new();
    if arrival.in_flight > config.max_in_flight {
        let detail = format!("{} at once, permitted {}", arrival.in_flight, config.max_in_flight);
        // The vendor's answer is not known. Its framework throttles with this.
        let body = json!({"detail": "Request was throttled. Expected available in 1 second."});
        broken.push(Broken::new(Kind::Simultaneous, detail, 429, body));
    }
    match question(asked, truth) {
        Ok(question) => {
            broken.extend(broken_by_range(asked.method, question, config));
            (Some(question), broken)
        }
        Err(unanswerable) => {
            broken.push(unanswerable);
            (None, broken)
        }
    }
}

fn broken_by_token(asked: &Asked, token: Option<usize>, now: DateTime<Utc>) -> Option<Broken> {
    let Some(written) = &asked.token else {
        let body = json!({"detail": "Authentication credentials were not provided."});
        return Some(Broken::new(Kind::BadToken, "no token", 401, body));
    };
    if token.is_none() {
        let body = json!({"detail": "Given token not valid for any token type", "code": "token_not_valid"});
        return Some(Broken::new(Kind::BadToken, "a token that is not good", 401, body));
    }
    token::has_expired(written, now)
        .then(|| Broken::new(Kind::ExpiredToken, "after its exp", 401, json!({"detail": "Signature has expired."})))
}

fn question(asked: &Asked, truth: &Truth) -> Result<Question, Broken> {
    if let Some((status, why)) = asked.unreadable {
        return Err(Broken::new(Kind::BadParameter, why, status, json!({"detail": why})));
    }
    let complaints: Vec<_> =
        NAMES.into_iter().filter_map(|name| asked.complaint(name).map(|(kind, text)| (name, kind, text))).collect();
    if let Some((_, kind, _)) = complaints.first() {
        let names: Vec<&str> = complaints.iter().map(|(name, _, _)| *name).collect();
        let body: Map<String, Value> =
            complaints.iter().map(|(name, _, text)| ((*name).to_owned(), json!([text]))).collect();
        return Err(Broken::new(*kind, names.join(", "), 400, Value::Object(body)));
    }
    let bot = asked.field("botId").and_then(|bot| truth.bot(bot)).ok_or_else(|| {
        let body = json!({"detail": "You do not have permission to perform this action."});
        Broken::new(Kind::UnknownBot, asked.field("botId").unwrap_or_default(), 403, body)
    })?;
    let (Some(from), Some(to)) = (asked.day("fromDate"), asked.day("toDate")) else {
        let body = json!({"detail": "Not a range."});
        return Err(Broken::new(Kind::BadParameter, "range", 400, body));
    };
    Ok(Question { bot, from, to })
}

fn broken_by_range(method: Method, Question { from, to, .. }: Question, config: &Config) -> Option<Broken> {
    let detail = format!("{from}..{to}");
    // The texts of both answers are guesses; the vendor's are not known.
    if from > to {
        let body = json!({"detail": "fromDate must not be after toDate."});
        return Some(Broken::new(Kind::Inverted, detail, 400, body));
    }
    // "The maximum time range supported is 15 days"; a POST "allows the export of data for time intervals of more
    // than 15 days". The vendor's own example is a day longer, the referee counts strictly.
    let last = from.checked_add_days(Days::new(u64::from(config.longest_days.saturating_sub(1))));
    let too_wide = method == Method::Get && last.is_some_and(|last| to > last);
    let text = format!("The maximum time range supported is {} days.", config.longest_days);
    let refused = config.too_wide == TooWide::Refuse400;
    let answer = refused.then(|| (400, json!({"detail": text})));
    too_wide.then_some(Broken { kind: Kind::TooWide, detail, answer })
}

impl Kind {
    /// Its name in the record of requests.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::BadToken => "bad_token",
            Self::ExpiredToken => "expired_token",
            Self::Simultaneous => "simultaneous",
            Self::MissingParameter => "missing_parameter",
            Self::BadParameter => "bad_parameter",
            Self::UnknownBot => "unknown_bot",
            Self::Inverted => "inverted",
            Self::TooWide => "too_wide",
            Self::NoSlash => "no_slash",
        }
    }
}

fn is_uuid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    lengths == [8, 4, 4, 4, 12] && parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
