//! The vendor's rules for list calls, and what it says to a caller who breaks one.

use super::answer::Answer;
use super::config::{Auth, Config, TooOld};
use super::record::{Arrival, Kind};
use axum::http::HeaderMap;
use chrono::{Days, NaiveDate};
use serde_json::Value;
use std::time::Duration;

/// What a list call asks for, as far as it can be read.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    authorization: Option<String>,
    organization: Option<String>,
    /// The header `botid`, where it is 24 hexadecimal digits.
    pub(super) bot: Option<String>,
    /// The day, where it can be read.
    pub(super) day: Option<NaiveDate>,
    /// How long the URLs are to be good.
    pub(super) ttl: Duration,
    /// What of it cannot be read.
    wrong: Option<&'static str>,
}

/// "Default 1440".
const A_DAY: u64 = 1440;

impl Asked {
    pub(super) fn new(headers: &HeaderMap, body: &[u8]) -> Self {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let id =
            |name: &str| header(name).filter(|id| id.len() == 24 && id.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let json = header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
        let question: Value = serde_json::from_slice(body).unwrap_or_default();
        let day = question.get("date").and_then(Value::as_str).and_then(day);
        let minutes = question.get("ttl").map_or(Some(A_DAY), Value::as_u64).filter(|minutes| *minutes > 0);
        let (organization, bot) = (id("organizationid"), id("botid"));
        let wrong = [
            (!json, "content-type"),
            (organization.is_none(), "organizationid"),
            (bot.is_none(), "botid"),
            (!question.is_object(), "body"),
            (day.is_none(), "date"),
            (minutes.is_none(), "ttl"),
        ];
        Self {
            authorization: header("authorization"),
            organization,
            bot,
            day,
            ttl: Duration::from_secs(minutes.unwrap_or_default().saturating_mul(60)),
            wrong: wrong.into_iter().find_map(|(is_wrong, what)| is_wrong.then_some(what)),
        }
    }

    /// Whether it came with a good key, sent as it must be.
    pub(super) fn has_key(&self, config: &Config) -> bool {
        let sent = self.authorization.as_deref();
        let key = match config.auth {
            Auth::Raw => sent,
            Auth::Bearer => sent.and_then(|sent| sent.strip_prefix("Bearer ")),
        };
        key.is_some_and(|key| config.tokens.iter().any(|good| good == key))
    }

    /// The rules that it broke. The first decides what it is answered; the others are recorded as well.
    pub(super) fn broken(&self, arrival: Arrival, config: &Config) -> Vec<(Kind, String)> {
        if !self.has_key(config) {
            // The gateway looks no further, so neither does the referee.
            let detail = match self.authorization.as_deref() {
                None => "no key",
                Some(sent) if sent.starts_with("Bearer ") && config.auth == Auth::Raw => "sent with Bearer",
                Some(_) => "a key that is not good",
            };
            return vec![(Kind::BadKey, detail.to_owned())];
        }
        let mut broken = Vec::new();
        broken.extend(simultaneous(arrival, config));
        if let Some(wrong) = self.wrong {
            broken.push((Kind::Malformed, wrong.to_owned()));
            return broken;
        }
        if self.organization.as_ref() != Some(&config.organization) {
            broken.push((Kind::OtherOrganization, "organizationid".to_owned()));
        }
        if !self.bot.as_ref().is_some_and(|bot| config.bots.contains(bot)) {
            broken.push((Kind::UnknownBot, self.bot.clone().unwrap_or_default()));
        }
        // "Only dates within 30 days of today."
        let oldest = arrival.at.date_naive().checked_sub_days(Days::new(u64::from(config.retention_days)));
        if let Some(day) = self.day.filter(|day| oldest.is_some_and(|oldest| *day < oldest)) {
            broken.push((Kind::TooOld, day.to_string()));
        }
        broken
    }

    /// What a caller is told who broke a rule. But for 401 the texts are guesses; the vendor's are not known.
    pub(super) fn refusal(&self, kind: Kind, config: &Config) -> Answer {
        match kind {
            Kind::BadKey | Kind::OtherOrganization => Answer::text(401, "Unauthorized"),
            Kind::UnknownBot => Answer::json(404, "Not Found"),
            Kind::Simultaneous => Answer::text(429, "Too Many Requests").come_again(Duration::from_secs(1)),
            Kind::TooOld if config.too_old == TooOld::EmptyList => Answer::list("urls", self.day, &[]),
            Kind::Malformed | Kind::TooOld | Kind::KeySentToFileHost | Kind::BadLink => {
                Answer::json(400, "Bad Request")
            }
        }
    }
}

/// The breach, where more is under way than may be.
pub(super) fn simultaneous(arrival: Arrival, config: &Config) -> Option<(Kind, String)> {
    let too_many = arrival.in_flight > config.max_in_flight;
    too_many.then(|| (Kind::Simultaneous, format!("{} at once, permitted {}", arrival.in_flight, config.max_in_flight)))
}

impl Kind {
    /// Its name in the record of requests.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::BadKey => "bad_key",
            Self::OtherOrganization => "other_organization",
            Self::Malformed => "malformed",
            Self::UnknownBot => "unknown_bot",
            Self::Simultaneous => "simultaneous",
            Self::TooOld => "too_old",
            Self::KeySentToFileHost => "key_sent_to_file_host",
            Self::BadLink => "bad_link",
        }
    }
}

/// `YYYY-MM-DD`.
fn day(text: &str) -> Option<NaiveDate> {
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    (day.to_string() == text).then_some(day)
}
