//! The list of processes: the query of a page, and the page.

use super::dataset::{Dataset, ProcessKey};
use super::variants::short_form;
use crate::calendar::utc_midnight;
use chrono::{DateTime, NaiveDate, Utc};
use domain::window::Window;
use serde_json::{Value, json};
use std::collections::HashMap;

/// The query of a page. The parameters are a guess: the documents name only `page_size` and `start_key`.
pub(super) struct PageQuery {
    size: usize,
    before: Option<ProcessKey>,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    /// `start_date` and `end_date` as the caller wrote them.
    dates: [Option<String>; 2],
}

/// Rows of a page without `page_size`.
const DEFAULT_ROWS: usize = 20;
const PATH: &str = "/v1/processes";

impl PageQuery {
    /// The query, or the name of the parameter that cannot be used.
    pub(super) fn read(fields: &HashMap<String, String>, largest: usize) -> Result<Self, &'static str> {
        let field = |name: &str| fields.get(name).filter(|value| !value.is_empty());
        let size = match field("page_size") {
            None => DEFAULT_ROWS,
            Some(size) => size.parse().ok().filter(|size| (1..=largest).contains(size)).ok_or("page_size")?,
        };
        let before = field("start_key").map(|text| parse_key(text).ok_or("start_key")).transpose()?;
        let from = field("start_date").map(|text| timestamp(text).ok_or("start_date")).transpose()?;
        let to = field("end_date").map(|text| timestamp(text).ok_or("end_date")).transpose()?;
        if from.zip(to).is_some_and(|(from, to)| from >= to) {
            return Err("end_date");
        }
        let dates = ["start_date", "end_date"].map(|name| field(name).cloned());
        Ok(Self { size, before, from, to, dates })
    }

    /// The page as JSON and its number of rows, newest first.
    pub(super) fn page(&self, dataset: &Dataset, now: DateTime<Utc>) -> (Value, usize) {
        let history = dataset.history(now);
        let (from, to) = (self.from.or(history.map(|all| all.from())), self.to.or(history.map(|all| all.to())));
        let window = from.zip(to).and_then(|(from, to)| Window::new(from, to));
        let most = self.size.saturating_add(1);
        let mut keys = window.map(|window| dataset.newest(window, now, self.before, most)).unwrap_or_default();
        let more = keys.len() > self.size;
        keys.truncate(self.size);
        let rows: Vec<Value> = keys.iter().map(|key| short_form(&dataset.process(*key, now))).collect();
        let mut page = json!({"processes": rows, "self": self.link(self.before)});
        if let (true, Some(last), Some(page)) = (more, keys.last(), page.as_object_mut()) {
            page.insert(String::from("next"), json!(self.link(Some(*last))));
        }
        (page, keys.len())
    }

    fn link(&self, before: Option<ProcessKey>) -> String {
        let names = ["start_date", "end_date"];
        let dates = names.iter().zip(&self.dates).filter_map(|(name, date)| {
            let date = date.as_ref()?.replace('+', "%2B");
            Some(format!("&{name}={date}"))
        });
        let dates: String = dates.collect();
        let key = before.map(|key| format!("&start_key={}", start_key(key))).unwrap_or_default();
        format!("{PATH}?page_size={}{dates}{key}", self.size)
    }
}

/// The position after which the next page begins: instant and number, so that new processes do not move it.
fn start_key(key: ProcessKey) -> String {
    format!("{:x}.{:x}", key.at.timestamp_nanos_opt().unwrap_or_default(), key.number)
}

fn parse_key(text: &str) -> Option<ProcessKey> {
    let (at, number) = text.split_once('.')?;
    let at = DateTime::from_timestamp_nanos(i64::from_str_radix(at, 16).ok()?);
    Some(ProcessKey { at, number: u64::from_str_radix(number, 16).ok()? })
}

/// RFC 3339, or a day for its first instant.
fn timestamp(text: &str) -> Option<DateTime<Utc>> {
    let day = || text.parse::<NaiveDate>().ok().map(utc_midnight);
    DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc()).or_else(day)
}
