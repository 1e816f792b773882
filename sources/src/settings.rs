//! Reads the settings of one account, key by key. The reader collects all problems, so that one run names them all.
//!
//! Numbers may come as text, because environment variables are text. Durations are always text, with a unit.

#[cfg(test)]
mod tests;

use crate::suggest::suggest;
use crate::vendor::{SettingsProblem, Vendor};
use chrono::{NaiveDate, TimeDelta};
use domain::rules::{Limits, RuleOverrides, Rules};
use secrecy::SecretString;
use serde_json::{Map, Value};
use std::time::Duration;

/// The settings of every account, whatever its vendor.
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

/// The longest duration. The program computes instants from durations, and those must not overflow.
const MAX_DURATION: Duration = Duration::from_hours(366 * 24);

/// The settings of one account, and the problems found so far.
#[derive(Debug)]
pub struct Settings<'a> {
    account: &'a str,
    values: &'a Map<String, Value>,
    problems: Vec<SettingsProblem>,
}

impl<'a> Settings<'a> {
    /// The settings of `account`.
    #[must_use]
    pub fn new(account: &'a str, values: &'a Map<String, Value>) -> Self {
        Self { account, values, problems: Vec::new() }
    }

    /// The account's name.
    #[must_use]
    pub fn account(&self) -> &'a str {
        self.account
    }

    /// The value of `key`, as written.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<&'a Value> {
        self.values.get(key)
    }

    /// Notes that the value of `key` is wrong, why, and what to write instead.
    pub fn refuse(&mut self, key: &str, why: impl Into<String>, instead: impl Into<String>) {
        let (account, key) = (self.account.to_owned(), key.to_owned());
        self.problems.push(SettingsProblem { account, key, why: why.into(), instead: instead.into() });
    }

    /// The problems, in the order in which the reader found them.
    #[must_use]
    pub fn into_problems(self) -> Vec<SettingsProblem> {
        self.problems
    }

    /// The vendor that the setting `source` names.
    pub fn vendor<'v>(&mut self, vendors: &'v [Vendor]) -> Option<&'v Vendor> {
        let names = || vendors.iter().map(|vendor| vendor.name);
        if self.value("source").is_none() {
            let known: Vec<String> = names().map(|name| format!("source = \"{name}\"")).collect();
            return self.missing("source", known.join(" or "));
        }
        let written = self.text("source", names().next().unwrap_or_default())?;
        let found = vendors.iter().find(|vendor| vendor.name == written);
        if found.is_none() {
            let closest = suggest(&written, names()).unwrap_or_default();
            self.refuse("source", format!("no vendor is called {written:?}"), format!("source = \"{closest}\""));
        }
        found
    }

    /// Refuses every key that neither `vendor` nor every account has.
    pub fn check_keys(&mut self, vendor: &Vendor) {
        let files: Vec<String> = vendor.secrets.iter().map(|secret| format!("{secret}_file")).collect();
        let known: Vec<&str> =
            KEYS.iter().chain(vendor.keys).copied().chain(files.iter().map(String::as_str)).collect();
        let values = self.values;
        for key in values.keys().filter(|key| !known.contains(&key.as_str())) {
            let closest = suggest(key, known.iter().copied()).unwrap_or_default();
            self.refuse(key, "there is no such setting", closest);
        }
    }

    /// A text without blanks around it; `example` shows what to write.
    pub fn text(&mut self, key: &str, example: &str) -> Option<String> {
        match self.value(key)? {
            Value::String(text) if text.trim().is_empty() => self.wrong(key, "empty", format!("{key} = \"{example}\"")),
            Value::String(text) => Some(text.trim().to_owned()),
            _ => self.wrong(key, "must be a text, in quotes", format!("{key} = \"{example}\"")),
        }
    }

    /// A list of texts without blanks around them, or one text with commas; `example` shows one text.
    pub fn texts(&mut self, key: &str, example: &str) -> Option<Vec<String>> {
        let instead = format!("{key} = [\"{example}\"]");
        let written: Option<Vec<&str>> = match self.value(key)? {
            Value::String(text) => Some(text.split(',').collect()),
            Value::Array(values) => values.iter().map(Value::as_str).collect(),
            _ => None,
        };
        let Some(written) = written else {
            return self.wrong(key, "must be a list of texts, in quotes", instead);
        };
        let texts = written.into_iter().map(str::trim).filter(|text| !text.is_empty());
        let texts: Vec<String> = texts.map(str::to_owned).collect();
        if texts.is_empty() { self.wrong(key, "empty", instead) } else { Some(texts) }
    }

    /// A list of ids that must be set: letters, digits, `-` and `_`, none of them twice. `hint` says where to find them.
    pub fn ids(&mut self, key: &str, example: &str, hint: &str) -> Option<Vec<String>> {
        let instead = format!("{key} = [\"{example}\"]{hint}");
        if self.value(key).is_none() {
            return self.missing(key, instead);
        }
        let ids = self.texts(key, example)?;
        if let Some(bad) = ids.iter().find(|id| !is_id(id)) {
            return self.wrong(key, format!("{bad:?} is not an id"), instead);
        }
        let is_repeated = |id: &&String| ids.iter().filter(|other| other.eq_ignore_ascii_case(id)).count() > 1;
        if let Some(id) = ids.iter().find(is_repeated) {
            return self.wrong(key, format!("{id:?} is in the list twice"), instead);
        }
        Some(ids)
    }

    /// One of several words; the first one where the account does not set it.
    pub fn one_of(&mut self, key: &str, words: &[&'static str]) -> Option<&'static str> {
        let default = words.first().copied()?;
        if self.value(key).is_none() {
            return Some(default);
        }
        let written = self.text(key, default)?;
        let found = words.iter().find(|word| **word == written).copied();
        found.or_else(|| {
            let closest = suggest(&written, words.iter().copied()).unwrap_or(default);
            let quoted: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
            self.wrong(key, format!("must be {}", quoted.join(" or ")), format!("{key} = \"{closest}\""))
        })
    }

    /// A secret that must be set, and fits into a header. No problem shows the secret.
    pub fn secret(&mut self, key: &str) -> Option<SecretString> {
        let is_sendable = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        let why = "contains a blank or a character outside ASCII, which a header cannot carry";
        self.secret_text(key, str::trim, is_sendable, why)
    }

    /// A password that must be set. Blanks belong to it; the line end of a file does not.
    pub fn password(&mut self, key: &str) -> Option<SecretString> {
        let is_typed = |text: &str| text.chars().all(|character| !character.is_control());
        self.secret_text(key, |text| text.trim_end_matches(['\r', '\n']), is_typed, "contains a control character")
    }

    fn secret_text(
        &mut self,
        key: &str,
        trim: fn(&str) -> &str,
        is_valid: fn(&str) -> bool,
        why: &str,
    ) -> Option<SecretString> {
        let instead = format!("{key} = \"…\" or {key}_file = \"/path\"");
        match self.value(key) {
            None => self.missing(key, instead),
            Some(Value::String(text)) => match trim(text) {
                "" => self.wrong(key, "empty", instead),
                secret if is_valid(secret) => Some(SecretString::from(secret)),
                _ => self.wrong(key, why, instead),
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
            Ok(duration) if duration <= MAX_DURATION => Some(duration),
            Ok(_) => self.wrong(key, format!("{written:?} is longer than a year"), instead("5")),
            Err(_) => self.wrong(key, format!("{written:?} is not a duration"), instead("5")),
        }
    }

    /// A duration of at least a second; `default` where the account does not set it.
    pub fn wait(&mut self, key: &str, default: Duration) -> Option<Duration> {
        if self.value(key).is_none() {
            return Some(default);
        }
        let wait = self.duration(key)?;
        if wait < Duration::from_secs(1) {
            return self.wrong(key, "must be at least a second", format!("{key} = \"{}s\"", default.as_secs()));
        }
        Some(wait)
    }

    /// A span of the vendor's data, of at least a second; `default` where the account does not set it.
    pub fn span(&mut self, key: &str, default: Duration) -> Option<TimeDelta> {
        self.wait(key, default).and_then(|span| TimeDelta::from_std(span).ok())
    }

    /// A whole number.
    pub fn whole<N: TryFrom<u64>>(&mut self, key: &str, example: u64) -> Option<N> {
        let number = match self.value(key)? {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        let number = number.and_then(|number| N::try_from(number).ok());
        number.or_else(|| self.wrong(key, "must be a whole number", format!("{key} = {example}")))
    }

    /// A number with or without decimals.
    pub fn decimal(&mut self, key: &str, example: f64) -> Option<f64> {
        let number = match self.value(key)? {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        number.or_else(|| self.wrong(key, "must be a number", format!("{key} = {example}")))
    }

    /// The first day that the live sync must cover.
    pub fn since(&mut self) -> Option<NaiveDate> {
        let text = self.text("since", "2026-10-01")?;
        // chrono alone would accept signs, and years of any length.
        let day = NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok().filter(|day| day.to_string() == text);
        day.or_else(|| self.wrong("since", format!("{text:?} is not a day"), "since = \"2026-10-01\" (YYYY-MM-DD)"))
    }

    /// The source's `rules` with this account's changes, which may not go beyond `limits`.
    pub fn rules(&mut self, rules: &Rules, limits: &Limits) -> Option<Rules> {
        let changes = self.rule_changes();
        match rules.tighten(limits, &changes) {
            Ok(rules) => Some(rules),
            Err(refusals) => {
                for refusal in refusals {
                    self.refuse(refusal.key, refusal.reason, refusal.suggestion);
                }
                None
            }
        }
    }

    fn rule_changes(&mut self) -> RuleOverrides {
        RuleOverrides {
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

    /// Notes that `key` must be set.
    pub fn missing<T>(&mut self, key: &str, instead: impl Into<String>) -> Option<T> {
        self.wrong(key, "missing", instead)
    }

    /// Notes a problem with `key`; returns no value.
    pub fn wrong<T>(&mut self, key: &str, why: impl Into<String>, instead: impl Into<String>) -> Option<T> {
        self.refuse(key, why, instead);
        None
    }
}

/// Whether `text` fits into a header and a query, and can be the name of a stream.
#[must_use]
pub fn is_id(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}
