//! The vendor's rules, and its answers to a request that breaks one.

use super::Inner;
use super::config::Config;
use super::report::{ReportRequest, error};
use crate::gateway::{Arrival, Rule, Violation};
use chrono::{NaiveDateTime, TimeDelta};
use std::collections::HashMap;

/// The operation makes more calls in a local day than its quota permits.
pub const OVER_QUOTA: Rule = Rule::new("over_quota");
/// The report does not exist.
pub const UNKNOWN_REPORT: Rule = Rule::new("unknown_report");

/// The vendor's text about simultaneous requests. The number is the vendor's, whatever the configuration permits: the
/// vendor's page says both 2 and "cannot be consumed simultaneously".
pub(super) const SIMULTANEOUS: &str = "EXCEEDS THE LIMIT OF SIMULTANEOUS REQUESTS PER TOKEN (2)";

/// The parameters of a query for a report.
#[derive(Clone, Debug, Default)]
pub(super) struct ReportQuery {
    report: Option<String>,
    pub(super) first: Option<String>,
    pub(super) last: Option<String>,
}

impl ReportQuery {
    pub(super) fn new(mut parameters: HashMap<String, String>) -> Self {
        let mut take = |name| parameters.remove(name).filter(|value: &String| !value.is_empty());
        Self { report: take("api"), first: take("date_ini"), last: take("date_end") }
    }

    /// The range, both ends included; `None` where it is missing or cannot be read.
    pub(super) fn range(&self) -> Option<(NaiveDateTime, NaiveDateTime)> {
        Some((parse(self.first.as_deref()?)?, parse(self.last.as_deref()?)?))
    }

    /// The parameter that breaks a rule, with the vendor's `msg`.
    fn violation(&self, config: &Config) -> Option<(Rule, String, &'static str)> {
        let missing = |detail: String| Some((Rule::MISSING_PARAMETER, detail, "SOME PARAMETERS ARE REQUIRED"));
        let Some(report) = &self.report else { return missing("api".to_owned()) };
        if report != "chat_8" {
            return Some((UNKNOWN_REPORT, report.clone(), "THE API YOU WANT TO CONSULT DOES NOT EXIST"));
        }
        let text = |end: &Option<String>| end.clone().unwrap_or_default();
        let range = format!("{}..{}", text(&self.first), text(&self.last));
        let Some((first, last)) = self.range() else { return missing(format!("range {range}")) };
        // The next two texts are guesses; the vendor's are not known.
        if first > last {
            return Some((Rule::INVERTED, range, "THE INITIAL DATE IS AFTER THE FINAL DATE"));
        }
        // Both ends count, so a range from midnight to midnight is a second more than a day. Whether the vendor
        // forgives that second is not known; the referee does not.
        let too_long = last - first + TimeDelta::seconds(1) > TimeDelta::days(i64::from(config.longest_days));
        too_long.then_some((Rule::RANGE_TOO_LONG, range, "THE DATE RANGE EXCEEDS THE MAXIMUM NUMBER OF DAYS"))
    }
}

/// The rules that a request for a report breaks. Texts without a comment are the vendor's own.
pub(super) fn violations(request: &ReportRequest, arrival: &Arrival) -> Vec<Violation> {
    let config = &request.config;
    let mut broken = violations_of_call(request, arrival);
    if request.key.is_some() {
        let query = request.query.violation(config);
        let refuse = |msg| Some(error(config, arrival, 400, "BAD REQUEST", msg));
        broken.extend(query.map(|(rule, detail, msg)| Violation { rule, detail, answer: refuse(msg) }));
    }
    broken
}

/// Checks a call against the rules about tokens, simultaneous calls and the quota. They apply to each kind of call.
pub(super) fn violations_of_call(request: &ReportRequest, arrival: &Arrival) -> Vec<Violation> {
    let (config, Inner { dataset, counters, .. }) = (&request.config, &*request.vendor.inner);
    let refuse = |status, name, message| Some(error(config, arrival, status, name, message));
    let violation = |rule, detail: String, answer| Violation { rule, detail, answer };
    let Some(key) = request.key else {
        // The vendor checks no further, so the referee does not either.
        return vec![if request.has_token {
            let answer = refuse(403, "FORBIDDEN", "PLEASE VALIDATE TOKEN");
            violation(Rule::BAD_KEY, "a token that the vendor does not accept".to_owned(), answer)
        } else {
            let answer = refuse(401, "UNAUTHORIZED", "PLEASE ENTER THE WOLKVOX-TOKEN");
            violation(Rule::BAD_KEY, "no token".to_owned(), answer)
        }];
    };
    let mut broken = Vec::new();
    broken.extend(arrival.too_many(config.max_in_flight, || refuse(403, "FORBIDDEN", SIMULTANEOUS)));
    let calls = counters.count_call(dataset.wall_clock(arrival.at).date(), key);
    if let Some(quota) = config.daily_quota.filter(|quota| calls > *quota) {
        let answer = refuse(403, "FORBIDDEN", "TOKEN LIMIT EXCEEDED");
        broken.push(violation(OVER_QUOTA, format!("call {calls} of the day, permitted {quota}"), answer));
    }
    broken
}

/// `YYYYmmddHHiiss`.
fn parse(text: &str) -> Option<NaiveDateTime> {
    let complete = text.len() == 14 && text.bytes().all(|byte| byte.is_ascii_digit());
    complete.then(|| NaiveDateTime::parse_from_str(text, "%Y%m%d%H%M%S").ok()).flatten()
}
