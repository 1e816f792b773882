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

    /// Texts, without blanks around them: a list, or one text with commas between them; `example` shows one.
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

    /// A password that must be there. Blanks in it are its own; the end of the line of a file is not.
    pub fn password(&mut self, key: &str) -> Option<SecretString> {
        let instead = format!("{key} = \"…\" or {key}_file = \"/path\"");
        match self.value(key) {
            None => self.wrong(key, "missing", instead),
            Some(Value::String(text)) => match text.trim_end_matches(['\r', '\n']) {
                "" => self.wrong(key, "empty", instead),
                password if password.chars().all(|sign| !sign.is_control()) => Some(SecretString::from(password)),
                _ => self.wrong(key, "holds a character that no password can hold", instead),
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

    /// How soon to look again at what has not ended: `usual` where the settings say nothing.
    pub fn pending_interval(&mut self, usual: Duration) -> Option<Duration> {
        if self.value("pending_interval").is_none() {
            return Some(usual);
        }
        let interval = self.duration("pending_interval")?;
        if interval < Duration::from_secs(1) {
            return self.wrong(
                "pending_interval",
                "less than a second is no wait",
                "pending_interval = \"5m\"".to_owned(),
            );
        }
        Some(interval)
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Reads one key and tells what was found and what was wrong.
    fn read<T>(value: Value, how: impl FnOnce(&mut Settings<'_>) -> Option<T>) -> (Option<T>, Vec<String>) {
        let values = Map::from_iter([("key".to_owned(), value.clone()), ("since".to_owned(), value)]);
        let mut settings = Settings::new("account", &values);
        let found = how(&mut settings);
        (found, settings.into_problems().iter().map(ToString::to_string).collect())
    }

    fn since(settings: &mut Settings<'_>) -> Option<NaiveDate> {
        settings.since()
    }

    #[test]
    fn durations_have_units() {
        let good =
            [("5s", 5000), ("5m", 300_000), ("48h", 172_800_000), ("250ms", 250), (" 1h 30m ", 5_400_000), ("0s", 0)];
        for (text, milliseconds) in good {
            let (found, problems) = read(json!(text), |settings| settings.duration("key"));
            assert_eq!((found, problems), (Some(Duration::from_millis(milliseconds)), vec![]), "{text}");
        }
        let write = |number: &str| format!("write key = \"{number}s\" for seconds, or \"{number}m\", \"{number}h\"");
        let bad = [
            (json!(5), "5 has no unit", write("5")),
            (json!("300"), "300 has no unit", write("300")),
            (json!("0"), "0 has no unit", write("0")),
            (json!(1.5), "1.5 has no unit", write("1.5")),
            (json!("soon"), "\"soon\" is no duration", write("5")),
            (json!("-5s"), "\"-5s\" is no duration", write("5")),
            (json!(""), "\"\" is no duration", write("5")),
            (json!("5 parsecs"), "\"5 parsecs\" is no duration", write("5")),
            (json!("367d"), "\"367d\" is longer than a year", write("5")),
            (json!(true), "must be a duration", write("5")),
            (json!(["5s"]), "must be a duration", write("5")),
        ];
        for (value, why, instead) in bad {
            let (found, problems) = read(value.clone(), |settings| settings.duration("key"));
            assert_eq!((found, problems), (None, vec![format!("accounts.account.key: {why}; {instead}")]), "{value}");
        }
    }

    #[test]
    fn numbers_may_be_text() {
        for value in [json!(200), json!("200"), json!(" 200 ")] {
            assert_eq!(read(value.clone(), |settings| settings.whole::<u32>("key", 1)), (Some(200), vec![]), "{value}");
        }
        for value in [json!(-1), json!("many"), json!(1.5), json!(4_294_967_296_u64), json!(true), json!("")] {
            let (found, problems) = read(value.clone(), |settings| settings.whole::<u32>("key", 1));
            assert_eq!((found, problems.len()), (None, 1), "{value}");
        }
        for value in [json!(0.5), json!("0.5")] {
            let (found, problems) = read(value.clone(), |settings| settings.decimal("key", 0.5));
            assert_eq!((found, problems), (Some(0.5), vec![]), "{value}");
        }
        assert_eq!(read(json!("fast"), |settings| settings.decimal("key", 0.5)).1.len(), 1);
    }

    #[test]
    fn texts_may_be_a_list_or_one_text() {
        for value in [json!(["a", " b "]), json!("a,b"), json!(" a , b, "), json!(["a", "", "b"])] {
            let (found, problems) = read(value.clone(), |settings| settings.texts("key", "c"));
            assert_eq!((found, problems), (Some(vec!["a".to_owned(), "b".to_owned()]), vec![]), "{value}");
        }
        let cases = [
            (json!([]), "empty"),
            (json!([" "]), "empty"),
            (json!(" , "), "empty"),
            (json!(["a", 5]), "must be a list of texts, in quotes"),
            (json!(5), "must be a list of texts, in quotes"),
        ];
        for (value, why) in cases {
            let (found, problems) = read(value.clone(), |settings| settings.texts("key", "c"));
            let expected = vec![format!("accounts.account.key: {why}; write key = [\"c\"]")];
            assert_eq!((found, problems), (None, expected), "{value}");
        }
    }

    #[test]
    fn a_day_is_year_month_day() {
        assert_eq!(read(json!("2026-10-01"), since), (NaiveDate::from_ymd_opt(2026, 10, 1), vec![]));
        for bad in ["2026-13-01", "2026-02-30", "01.10.2026", "+2026-10-1", "today"] {
            let (found, problems) = read(json!(bad), since);
            assert_eq!(found, None, "{bad}");
            assert!(problems[0].ends_with("write since = \"2026-10-01\" (YYYY-MM-DD)"), "{problems:?}");
        }
    }

    #[test]
    fn secrets_are_never_shown() {
        let canary = "s3cret canary";
        let (found, problems) = read(json!(canary), |settings| settings.secret("key"));
        assert!(found.is_none() && problems.len() == 1);
        assert!(!problems[0].contains("s3cret"), "{problems:?}");
        let (found, _) = read(json!(" s3cret\n"), |settings| settings.secret("key"));
        assert_eq!(
            secrecy::ExposeSecret::expose_secret(&found.unwrap()),
            "s3cret",
            "a file's last line break is no part"
        );
    }

    #[test]
    fn every_vendor_is_registered_in_order() {
        for vendor in crate::VENDORS {
            assert!(vendor.secrets.iter().all(|secret| vendor.keys.contains(secret)), "{}", vendor.name);
            assert!(vendor.keys.iter().all(|key| !KEYS.contains(key)), "{}", vendor.name);
            assert_eq!(crate::VENDORS.iter().filter(|other| other.name == vendor.name).count(), 1, "{}", vendor.name);
        }
    }
}
