//! The list of processes: which page is asked for, and what is on it.

use super::spelled::short;
use super::truth::{Key, Truth};
use chrono::{DateTime, NaiveDate, Utc};
use domain::window::Window;
use serde_json::{Value, json};
use std::collections::HashMap;

/// A page that is asked for. The list's parameters are a guess: only `page_size` and `start_key` are known of.
pub(super) struct Asked {
    size: usize,
    before: Option<Key>,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    /// `start_date` and `end_date` as written.
    dates: [Option<String>; 2],
}

/// Rows of a page that does not say how many.
const ROWS: usize = 20;
const PATH: &str = "/v1/processes";

impl Asked {
    /// The page, or the name of the parameter that is wrong.
    pub(super) fn read(fields: &HashMap<String, String>, largest: usize) -> Result<Self, &'static str> {
        let field = |name: &str| fields.get(name).filter(|value| !value.is_empty());
        let size = match field("page_size") {
            None => ROWS,
            Some(size) => size.parse().ok().filter(|size| (1..=largest).contains(size)).ok_or("page_size")?,
        };
        let before = field("start_key").map(|text| read_key(text).ok_or("start_key")).transpose()?;
        let from = field("start_date").map(|text| instant(text).ok_or("start_date")).transpose()?;
        let to = field("end_date").map(|text| instant(text).ok_or("end_date")).transpose()?;
        if from.zip(to).is_some_and(|(from, to)| from >= to) {
            return Err("end_date");
        }
        let dates = ["start_date", "end_date"].map(|name| field(name).cloned());
        Ok(Self { size, before, from, to, dates })
    }

    /// The page as JSON, and how many rows are on it. Newest first.
    pub(super) fn page(&self, truth: &Truth, now: DateTime<Utc>) -> (Value, usize) {
        let history = truth.history(now);
        let (from, to) = (self.from.or(history.map(|it| it.from())), self.to.or(history.map(|it| it.to())));
        let window = from.zip(to).and_then(|(from, to)| Window::new(from, to));
        let most = self.size.saturating_add(1);
        let mut keys = window.map(|window| truth.newest(window, now, self.before, most)).unwrap_or_default();
        let more = keys.len() > self.size;
        keys.truncate(self.size);
        let rows: Vec<Value> = keys.iter().map(|key| short(&truth.process(*key, now))).collect();
        let mut page = json!({"processes": rows, "self": self.link(self.before)});
        if let (true, Some(last), Some(page)) = (more, keys.last(), page.as_object_mut()) {
            page.insert(String::from("next"), json!(self.link(Some(*last))));
        }
        (page, keys.len())
    }

    fn link(&self, before: Option<Key>) -> String {
        let names = ["start_date", "end_date"];
        let dates = names.iter().zip(&self.dates).filter_map(|(name, date)| {
            let date = date.as_ref()?.replace('+', "%2B");
            Some(format!("&{name}={date}"))
        });
        let dates: String = dates.collect();
        let key = before.map(|key| format!("&start_key={}", written_key(key))).unwrap_or_default();
        format!("{PATH}?page_size={}{dates}{key}", self.size)
    }
}

/// Where a page goes on: after the instant and the number, so that no arrival moves it.
fn written_key(key: Key) -> String {
    format!("{:x}.{:x}", key.at.timestamp_nanos_opt().unwrap_or_default(), key.number)
}

fn read_key(text: &str) -> Option<Key> {
    let (at, number) = text.split_once('.')?;
    let at = DateTime::from_timestamp_nanos(i64::from_str_radix(at, 16).ok()?);
    Some(Key { at, number: u64::from_str_radix(number, 16).ok()? })
}

/// RFC 3339, or a day for its first instant.
fn instant(text: &str) -> Option<DateTime<Utc>> {
    let day = || text.parse::<NaiveDate>().ok().map(|day| day.and_time(chrono::NaiveTime::MIN).and_utc());
    DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc()).or_else(day)
}
