//! The vendor's rules for list calls, and its answers to a call that breaks one.

use super::answers::{list, message, text};
use super::config::{AuthScheme, Config, TooOldAnswer};
use crate::gateway::{Arrival, Rule, Violation};
use axum::http::HeaderMap;
use chrono::{Days, NaiveDate};
use serde_json::Value;
use std::time::Duration;

/// The id of an organisation that is not the key's.
pub const OTHER_ORGANIZATION: Rule = Rule::new("other_organization");
/// A header or the body of a list call is missing or cannot be read.
pub const MALFORMED: Rule = Rule::new("malformed");
/// The day is before the retention.
pub const TOO_OLD: Rule = Rule::new("too_old");
/// The caller sends the key or an id to the file host.
pub const KEY_SENT_TO_FILE_HOST: Rule = Rule::new("key_sent_to_file_host");
/// The vendor did not sign the address of the file.
pub const BAD_LINK: Rule = Rule::new("bad_link");

/// The query of a list call.
#[derive(Clone, Debug, Default)]
pub(super) struct ListQuery {
    authorization: Option<String>,
    organization: Option<String>,
    /// The header `botid`, where it is 24 hexadecimal digits.
    pub(super) bot: Option<String>,
    /// The day, where it can be read.
    pub(super) day: Option<NaiveDate>,
    /// How long the URLs are to be valid.
    pub(super) ttl: Duration,
    /// The first part that cannot be read.
    malformed: Option<&'static str>,
}

/// "Default 1440".
const DEFAULT_TTL_MINUTES: u64 = 1440;

impl ListQuery {
    pub(super) fn new(headers: &HeaderMap, body: &[u8]) -> Self {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let id =
            |name: &str| header(name).filter(|id| id.len() == 24 && id.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let json = header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
        let query: Value = serde_json::from_slice(body).unwrap_or_default();
        let day = query.get("date").and_then(Value::as_str).and_then(parse_day);
        let minutes = query.get("ttl").map_or(Some(DEFAULT_TTL_MINUTES), Value::as_u64).filter(|minutes| *minutes > 0);
        let (organization, bot) = (id("organizationid"), id("botid"));
        let checks = [
            (json, "content-type"),
            (organization.is_some(), "organizationid"),
            (bot.is_some(), "botid"),
            (query.is_object(), "body"),
            (day.is_some(), "date"),
            (minutes.is_some(), "ttl"),
        ];
        Self {
            authorization: header("authorization"),
            organization,
            bot,
            day,
            ttl: Duration::from_secs(minutes.unwrap_or_default().saturating_mul(60)),
            malformed: checks.into_iter().find_map(|(readable, part)| (!readable).then_some(part)),
        }
    }

    /// Whether it has an accepted key under the right scheme.
    pub(super) fn has_key(&self, config: &Config) -> bool {
        let sent = self.authorization.as_deref();
        let key = match config.auth {
            AuthScheme::Raw => sent,
            AuthScheme::Bearer => sent.and_then(|sent| sent.strip_prefix("Bearer ")),
        };
        key.is_some_and(|key| config.tokens.iter().any(|accepted| accepted == key))
    }

    /// The rules that it breaks. But for 401 the vendor's texts are not known; these are guesses.
    pub(super) fn violations(&self, arrival: &Arrival, config: &Config) -> Vec<Violation> {
        if !self.has_key(config) {
            // The gateway checks no further, so the referee does not either.
            let detail = match self.authorization.as_deref() {
                None => "no key",
                Some(sent) if sent.starts_with("Bearer ") && config.auth == AuthScheme::Raw => "sent with Bearer",
                Some(_) => "a key that the vendor does not accept",
            };
            return vec![Violation::new(Rule::BAD_KEY, detail, text(401, "Unauthorized"))];
        }
        let busy = || Some(text(429, "Too Many Requests").retry_after(Duration::from_secs(1)));
        let mut broken = Vec::from_iter(arrival.too_many(config.max_in_flight, busy));
        if let Some(part) = self.malformed {
            broken.push(Violation::new(MALFORMED, part, message(400, "Bad Request")));
            return broken;
        }
        if self.organization.as_ref() != Some(&config.organization) {
            broken.push(Violation::new(OTHER_ORGANIZATION, "organizationid", text(401, "Unauthorized")));
        }
        if !self.bot.as_ref().is_some_and(|bot| config.bots.contains(bot)) {
            let bot = self.bot.clone().unwrap_or_default();
            broken.push(Violation::new(Rule::UNKNOWN_BOT, bot, message(404, "Not Found")));
        }
        // "Only dates within 30 days of today."
        let oldest = arrival.at.date_naive().checked_sub_days(Days::new(u64::from(config.retention_days)));
        if let Some(day) = self.day.filter(|day| oldest.is_some_and(|oldest| *day < oldest)) {
            let answer = match config.too_old {
                TooOldAnswer::EmptyList => list("urls", self.day, &[]),
                TooOldAnswer::BadRequest400 => message(400, "Bad Request"),
            };
            broken.push(Violation::new(TOO_OLD, day.to_string(), answer));
        }
        broken
    }
}

/// `YYYY-MM-DD` and nothing else.
fn parse_day(text: &str) -> Option<NaiveDate> {
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    (day.to_string() == text).then_some(day)
}
