//! An account's settings, read key by key. Problems are collected, so that one run tells all of them.
//!
//! Numbers may come as text, because environment variables are text; durations always are, with their unit.

use crate::nearest::nearest;
use crate::vendor::{Problem, Vendor};
use chrono::NaiveDate;
use domain::rules::{Limits, Rules, Tighten};
use secrecy::SecretString;
use serde_json::{Map, Value};
use std::time::Duration;

#[cfg(test)]
mod tests;

/// The keys that every account takes.
pub const KEYS: &[&str] = &[
    "source",
    "since",
    "interval",
    "settle",
    "refresh",
    "spacing",
    "width",
    "requests_per_second",
    "row_cap",
    "timeout",
    "lease",
    "retry_min",
    "retry_max",
];

/// The longest duration that is no mistake. Instants are computed from durations, and must not overflow.
const LONGEST: Duration = Duration::from_hours(366 * 24);

/// One account's settings, and what is wrong with them so far.
#[derive(Debug)]
pub struct Settings<'a> {
    account: &'a str,
    values: &'a Map<String, Value>,
    problems: Vec<Problem>,
}

impl<'a> Settings<'a> {
    /// The settings of `account`, not yet looked at.
    #[must_use]
    pub fn new(account: &'a str, values: &'a Map<String, Value>) -> Self {
        Self { account, values, problems: Vec::new() }
    }

    /// The account's name.
    #[must_use]
    pub fn account(&self) -> &'a str {
        self.account
    }

    /// Notes that `key` is wrong, and what to write.
    pub fn refuse(&mut self, key: &str, why: impl Into<String>, instead: impl Into<String>) {
        let (account, key) = (self.account.to_owned(), key.to_owned());
        self.problems.push(Problem { account, key, why: why.into(), instead: instead.into() });
    }

    /// What is wrong, in the order in which it was found.
    #[must_use]
    pub fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    /// The vendor that `source` names.
    pub fn vendor<'v>(&mut self, vendors: &'v [Vendor]) -> Option<&'v Vendor> {
        let names = || vendors.iter().map(|vendor| vendor.name);
        if self.value("source").is_none() {
            let known: Vec<String> = names().map(|name| format!("source = \"{name}\"")).collect();
            self.refuse("source", "missing", known.join(" or "));
            return None;
        }
        let written = self.text("source", "wolkvox")?;
        let found = vendors.iter().find(|vendor| vendor.name == written);
        if found.is_none() {
            let meant = nearest(&written, names()).unwrap_or_default();
            self.refuse("source", format!("no vendor is called {written:?}"), format!("source = \"{meant}\""));
        }
        found
    }

    /// Refuses every key that neither `vendor` nor any account takes.
    pub fn check_keys(&mut self, vendor: &Vendor) {
        let files: Vec<String> = vendor.secrets.iter().map(|secret| format!("{secret}_file")).collect();
        let known: Vec<&str> =
            KEYS.iter().chain(vendor.keys).copied().chain(files.iter().map(String::as_str)).collect();
        let values = self.values;
        for key in values.keys().filter(|key| !known.contains(&key.as_str())) {
            let meant = nearest(key, known.iter().copied()).unwrap_or_default();
            self.refuse(key, "there is no such setting", meant);
        }
    }

    /// A text, without blanks around it; `example` shows what to write.
    pub fn text(&mut self, key: &str, example: &str) -> Option<String> {
        match self.value(key)? {
            Value::String(text) if text.trim().is_empty() => self.wrong(key, "empty", format!("{key} = \"{example}\"")),
            Value::String(text) => Some(text.trim().to_owned()),
            _ => self.wrong(key, "must be a text, in quotes", format!("{key} = \"{example}\"")),
        }
    }

    /// A secret that must be there, fit to be sent as a header. What is wrong with it is told without showing it.
    pub fn secret(&mut self, key: &str) -> Option<SecretString> {
        let instead = format!("{key} = \"…\" or {key}_file = \"/path\"");
        match self.value(key) {
            None => self.wrong(key, "missing", instead),
            Some(Value::String(text)) => match text.trim() {
                "" => self.wrong(key, "empty", instead),
                secret if secret.bytes().all(|byte| byte.is_ascii_graphic()) => Some(SecretString::from(secret)),
                _ => self.wrong(key, "holds a blank, or a character beyond ASCII, and cannot be sent", instead),
            },
            Some(_) => self.wrong(key, "must be a text, in quotes", instead),
        }
    }

    /// A duration such as `"5s"`, `"5m"`, `"48h"`, `"250ms"`.
    pub fn duration(&mut self, key: &str) -> Option<Duration> {
        let instead = |number: &str| format!("{key} = \"{number}s\" for seconds, or \"{number}m\", \"{number}h\"");
        let written = match self.value(key)? {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => number.to_string(),
            _ => return self.wrong(key, "must be a duration", instead("5")),
        };
        if written.parse::<f64>().is_ok() {
            return self.wrong(key, format!("{written} has no unit"), instead(&written));
        }
        match humantime::parse_duration(&written) {
            Ok(duration) if duration <= LONGEST => Some(duration),
            Ok(_) => self.wrong(key, format!("{written:?} is longer than a year"), instead("5")),
            Err(_) => self.wrong(key, format!("{written:?} is no duration"), instead("5")),
        }
    }

    /// A whole number.
    pub fn whole<N: TryFrom<u64>>(&mut self, key: &str, example: u64) -> Option<N> {
        let number = match self.value(key)? {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        let fitting = number.and_then(|number| N::try_from(number).ok());
        fitting.or_else(|| self.wrong(key, "must be a whole number", format!("{key} = {example}")))
    }

    /// A number that may have decimals.
    pub fn decimal(&mut self, key: &str, example: f64) -> Option<f64> {
        let number = match self.value(key)? {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        number.or_else(|| self.wrong(key, "must be a number", format!("{key} = {example}")))
    }

    /// The day from which the live sync must cover everything.
    pub fn since(&mut self) -> Option<NaiveDate> {
        let text = self.text("since", "2026-10-01")?;
        // The parser alone would take a year of any length, and signs.
        let day = NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok().filter(|day| day.to_string() == text);
        day.or_else(|| self.wrong("since", format!("{text:?} is no day"), "since = \"2026-10-01\" (YYYY-MM-DD)"))
    }

    /// A source's `rules` with this account's wishes, which may permit nothing that `limits` forbid.
    pub fn rules(&mut self, rules: &Rules, limits: &Limits) -> Option<Rules> {
        let wishes = self.wishes();
        match rules.tighten(limits, &wishes) {
            Ok(rules) => Some(rules),
            Err(refusals) => {
                for refusal in refusals {
                    self.refuse(refusal.key, refusal.why, refusal.instead);
                }
                None
            }
        }
    }

    fn wishes(&mut self) -> Tighten {
        Tighten {
            interval: self.duration("interval"),
            settle: self.duration("settle"),
            refresh: self.duration("refresh"),
            spacing: self.duration("spacing"),
            width: self.whole("width", 1),
            requests_per_second: self.decimal("requests_per_second", 0.5),
            row_cap: self.whole("row_cap", 10_000),
            timeout: self.duration("timeout"),
            lease: self.duration("lease"),
            retry_min: self.duration("retry_min"),
            retry_max: self.duration("retry_max"),
        }
    }

    /// What is written under `key`.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<&'a Value> {
        self.values.get(key)
    }

    fn wrong<T>(&mut self, key: &str, why: impl Into<String>, instead: impl Into<String>) -> Option<T> {
        self.refuse(key, why, instead);
        None
    }
}
