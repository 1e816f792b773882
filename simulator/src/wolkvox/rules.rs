//! The vendor's rules, and what it says to a caller who breaks one.

use super::config::Config;
use super::record::{Arrival, Kind};
use chrono::{NaiveDateTime, TimeDelta};
use std::collections::HashMap;

/// What a request asks for, as far as it can be read.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    /// The header `wolkvox-token`.
    pub(super) token: Option<String>,
    report: Option<String>,
    first: Option<String>,
    last: Option<String>,
}

impl Asked {
    pub(super) fn new(token: Option<String>, mut parameters: HashMap<String, String>) -> Self {
        let mut take = |name| parameters.remove(name).filter(|value: &String| !value.is_empty());
        Self { token, report: take("api"), first: take("date_ini"), last: take("date_end") }
    }

    /// The range as it was written.
    pub(super) fn range_as_written(&self) -> String {
        format!("{}..{}", self.first.as_deref().unwrap_or_default(), self.last.as_deref().unwrap_or_default())
    }

    /// The range, both ends included; `None` where it is missing or cannot be read.
    pub(super) fn range(&self) -> Option<(NaiveDateTime, NaiveDateTime)> {
        Some((stamp(self.first.as_deref()?)?, stamp(self.last.as_deref()?)?))
    }
}

/// The rules that a request broke. The first decides what it is answered; the others are recorded as well.
pub(super) fn broken(asked: &Asked, token: Option<usize>, arrival: Arrival, config: &Config) -> Vec<(Kind, String)> {
    if token.is_none() {
        // The vendor looks no further, so neither does the referee.
        let detail = if asked.token.is_some() { "a token that is not good" } else { "no token" };
        return vec![(Kind::BadToken, detail.to_owned())];
    }
    let mut broken = Vec::new();
    if arrival.in_flight > config.max_in_flight {
        broken.push((Kind::Simultaneous, format!("{} at once, permitted {}", arrival.in_flight, config.max_in_flight)));
    }
    if let Some(quota) = config.daily_quota.filter(|quota| arrival.calls_today > *quota) {
        broken.push((Kind::OverQuota, format!("call {} of the day, permitted {quota}", arrival.calls_today)));
    }
    broken.extend(broken_by_question(asked, config));
    broken
}

/// Status, `error` and `msg` for a caller who broke a rule. Texts without a comment are the vendor's own.
pub(super) fn refusal(kind: Kind, asked: &Asked) -> (u16, &'static str, &'static str) {
    match kind {
        Kind::BadToken if asked.token.is_none() => (401, "UNAUTHORIZED", "PLEASE ENTER THE WOLKVOX-TOKEN"),
        Kind::BadToken => (403, "FORBIDDEN", "PLEASE VALIDATE TOKEN"),
        // The number is the vendor's, whatever is permitted here: its page says both 2 and "cannot be
        // consumed simultaneously".
        Kind::Simultaneous => (403, "FORBIDDEN", SIMULTANEOUS),
        Kind::OverQuota => (403, "FORBIDDEN", "TOKEN LIMIT EXCEEDED"),
        Kind::MissingParameter => (400, "BAD REQUEST", "SOME PARAMETERS ARE REQUIRED"),
        Kind::UnknownReport => (400, "BAD REQUEST", "THE API YOU WANT TO CONSULT DOES NOT EXIST"),
        // The last two texts are guesses; the vendor's are not known.
        Kind::Inverted => (400, "BAD REQUEST", "THE INITIAL DATE IS AFTER THE FINAL DATE"),
        Kind::RangeTooLong => (400, "BAD REQUEST", "THE DATE RANGE EXCEEDS THE MAXIMUM NUMBER OF DAYS"),
    }
}

/// What the vendor says about simultaneous requests.
pub(super) const SIMULTANEOUS: &str = "EXCEEDS THE LIMIT OF SIMULTANEOUS REQUESTS PER TOKEN (2)";

impl Kind {
    /// Its name in the record of requests.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::BadToken => "bad_token",
            Self::Simultaneous => "simultaneous",
            Self::OverQuota => "over_quota",
            Self::MissingParameter => "missing_parameter",
            Self::UnknownReport => "unknown_report",
            Self::Inverted => "inverted",
            Self::RangeTooLong => "range_too_long",
        }
    }
}

fn broken_by_question(asked: &Asked, config: &Config) -> Option<(Kind, String)> {
    let Some(report) = &asked.report else { return Some((Kind::MissingParameter, "api".to_owned())) };
    if report != "chat_8" {
        return Some((Kind::UnknownReport, report.clone()));
    }
    let Some((first, last)) = asked.range() else {
        return Some((Kind::MissingParameter, format!("range {}", asked.range_as_written())));
    };
    if first > last {
        return Some((Kind::Inverted, asked.range_as_written()));
    }
    // Both ends count, so a range from midnight to midnight is a second more than a day. Whether the vendor
    // forgives that second is not known; the referee does not.
    let too_long = last - first + TimeDelta::seconds(1) > TimeDelta::days(i64::from(config.longest_days));
    too_long.then(|| (Kind::RangeTooLong, asked.range_as_written()))
}

/// `YYYYmmddHHiiss`.
fn stamp(text: &str) -> Option<NaiveDateTime> {
    let whole = text.len() == 14 && text.bytes().all(|byte| byte.is_ascii_digit());
    whole.then(|| NaiveDateTime::parse_from_str(text, "%Y%m%d%H%M%S").ok()).flatten()
}
