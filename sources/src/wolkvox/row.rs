//! One row of a report, before it becomes a row of its table.

use super::json;
use super::report::Report;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

/// Whose rows they are, and whose clocks they were written by.
#[derive(Clone, Debug)]
pub struct Place {
    /// The account's name.
    pub account: String,
    /// Its zone.
    pub zone: Tz,
}

/// A row that could be read.
#[derive(Clone, Debug)]
pub struct Row {
    /// What tells it apart within its account.
    pub key: String,
    /// What the vendor sent beyond the report's columns.
    pub extra: Map<String, Value>,
    report: &'static Report,
    texts: BTreeMap<&'static str, String>,
}

/// The longest id that a database's index takes comfortably; the vendor's have some ten characters.
const LONGEST_KEY: usize = 512;

impl Row {
    /// Reads one element of `data`, which must be JSON.
    ///
    /// Names of columns drift (`"agent_anwers "` and `ASA` in the vendor's own samples), so they are compared without
    /// blanks around them and without case; where two then fit, the one that is written as documented goes first.
    pub fn read(report: &'static Report, raw: &[u8]) -> Result<Self, &'static str> {
        std::str::from_utf8(raw).map_err(|_| "holds bytes that are no UTF-8")?;
        let members = json::members(raw).ok_or("is no object")?;
        let mut members: BTreeMap<String, &[u8]> =
            members.into_iter().map(|(name, value)| (name.trim().to_owned(), value)).collect();
        let mut texts = BTreeMap::new();
        for column in report.columns {
            let value = members.remove(*column).or_else(|| {
                let name = members.keys().find(|name| name.eq_ignore_ascii_case(column)).cloned();
                name.and_then(|name| members.remove(&name))
            });
            texts.insert(*column, value.map(json::text).unwrap_or_default());
        }
        let extra = members.into_iter().map(|(name, value)| (name, json::value(value))).collect();
        let mut row = Self { key: String::new(), extra, report, texts };
        if report.identity.iter().all(|column| row.id(column).is_none()) {
            return Err("has neither an id nor a session nor a start");
        }
        row.key = row.make_key();
        if row.key.len() > LONGEST_KEY {
            return Err("has an id that is too long to be one");
        }
        Ok(row)
    }

    /// What `column` held; nothing where the row had no such column.
    pub fn text(&self, column: &str) -> &str {
        self.texts.get(column).map(String::as_str).unwrap_or_default()
    }

    /// What `column` held, which is thereby taken out.
    pub fn take(&mut self, column: &str) -> String {
        self.texts.get_mut(column).map(std::mem::take).unwrap_or_default()
    }

    /// The count that `column` held. A text that is none goes to `extra`, so that it is not lost.
    pub fn take_count(&mut self, column: &str) -> Option<i64> {
        let text = self.take(column);
        let count = text.trim().parse().ok();
        if count.is_none() && !text.trim().is_empty() {
            self.extra.insert(column.to_owned(), Value::String(text));
        }
        count
    }

    /// 32 hex digits that change when, and only when, the row says something else. The order of its columns and
    /// blanks between them make no difference. `moments` are what was made of its times: they depend on the
    /// account's zone, and must be written anew when that setting is corrected.
    pub fn digest(&self, moments: &[Option<DateTime<Utc>>]) -> String {
        let mut hash = Xxh3::new();
        for column in self.report.columns {
            part(&mut hash, self.text(column).as_bytes());
        }
        for moment in moments {
            part(&mut hash, &moment.map_or([0xFF; 8], |moment| moment.timestamp_millis().to_le_bytes()));
        }
        members(&mut hash, &self.extra);
        format!("{:032x}", hash.digest128())
    }

    /// The id in `column`; the vendor's own samples write `-` and `0` where there is none.
    fn id(&self, column: &str) -> Option<&str> {
        Some(self.text(column).trim()).filter(|id| !["", "-", "0"].contains(id))
    }

    fn make_key(&mut self) -> String {
        let report = self.report;
        let ids: Option<Vec<&str>> = report.key.iter().map(|column| self.id(column)).collect();
        if let Some(ids) = ids {
            return ids.join("|");
        }
        for column in report.key {
            self.extra.insert((*column).to_owned(), Value::String(self.text(column).to_owned()));
        }
        let parts: Vec<&str> = report.stand_in.iter().map(|column| self.text(column)).collect();
        format!("~{:032x}", xxh3_128(parts.join("|").as_bytes()))
    }
}

/// Each part goes in with its length before it, so that no two rows look alike by shifting text between columns.
fn part(hash: &mut Xxh3, bytes: &[u8]) {
    hash.update(&bytes.len().to_le_bytes());
    hash.update(bytes);
}

fn members(hash: &mut Xxh3, members: &Map<String, Value>) {
    let sorted: BTreeMap<&String, &Value> = members.iter().collect();
    hash.update(&sorted.len().to_le_bytes());
    for (key, member) in sorted {
        part(hash, key.as_bytes());
        value(hash, member);
    }
}

fn value(hash: &mut Xxh3, value_of: &Value) {
    match value_of {
        Value::Object(inner) => {
            hash.update(b"{");
            members(hash, inner);
        }
        Value::Array(inner) => {
            hash.update(b"[");
            hash.update(&inner.len().to_le_bytes());
            for one in inner {
                value(hash, one);
            }
        }
        scalar => {
            hash.update(b".");
            part(hash, scalar.to_string().as_bytes());
        }
    }
}
