//! Parses the response to a GET of the message report.

use super::days::next;
use super::message::Message;
use super::message_rows::MessageRows;
use super::query::{CONFIRM, Query, REPEAT};
use super::refusal::refusal;
use crate::error_body::ErrorBody;
use crate::json::Json;
use crate::json::body::ResponseParser;
use crate::malformed::malformed;
use chrono::NaiveDate;
use domain::fault::Fault;
use domain::source::{Cursor, ResponseHead, ResponseSummary};
use entities::rows::RowBatch;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The members that may hold the rows.
const ROWS: [&str; 3] = ["results", "data", "messages"];
const EXCLUSIVE: &str = "the vendor excludes toDate; write to_date = \"exclusive\" in the account's settings";

/// A response.
#[derive(Debug)]
pub struct ReportResponse {
    rows: MessageRows,
    query: Query,
    row_cap: u64,
    /// Whether the vendor is known to include `toDate`; `None` where the setting makes that irrelevant.
    includes_to_date: Option<Arc<AtomicBool>>,
}

impl ReportResponse {
    /// The response to `query`. A response with `row_cap` rows is cut off by the vendor. `includes_to_date` is what the
    /// account has learned about `toDate` so far.
    pub fn new(rows: MessageRows, query: Query, row_cap: u64, includes_to_date: Option<Arc<AtomicBool>>) -> Self {
        Self { rows, query, row_cap, includes_to_date }
    }

    /// Adds one row, and returns its day.
    fn add(&mut self, number: usize, raw: &RawValue) -> Result<Option<NaiveDate>, Fault> {
        let message = Message::parse(raw, self.rows.bot());
        let day = message.as_ref().ok().map(|message| message.at.date_naive());
        self.rows.add(message, &format!("row {number}"), raw.get())?;
        Ok(day)
    }

    fn last_day(&self) -> NaiveDate {
        match self.query {
            Query::RowBatch(days) | Query::Mail(days) => days.last,
            Query::Confirm(day) | Query::Repeat(day) => day,
        }
    }

    /// The next query of the same exchange.
    ///
    /// If the vendor excluded `toDate`, each response would lack its last day, and no error would show that. So the
    /// source checks every response that has no row of its last day, until one response has shown that the vendor
    /// includes `toDate`. A row that appears in the second response may have been sent between the two; only a row that
    /// the first query, repeated, does not bring proves that the vendor excludes `toDate`.
    fn cursor(&self, days: DaysFound) -> Result<Option<&'static str>, Fault> {
        let Some(includes_to_date) = &self.includes_to_date else { return Ok(None) };
        let (is_proven, next) = match self.query {
            Query::RowBatch(_) | Query::Repeat(_) if days.last => (true, None),
            Query::RowBatch(_) if self.rows.count >= self.row_cap || includes_to_date.load(Ordering::Relaxed) => {
                (false, None)
            }
            Query::RowBatch(_) => (false, Some(CONFIRM)),
            // In that query `toDate` was the day after.
            Query::Confirm(_) if days.after => (true, None),
            Query::Confirm(_) => (false, days.last.then_some(REPEAT)),
            Query::Repeat(_) => return Err(Fault::Refused(EXCLUSIVE.to_owned())),
            Query::Mail(_) => (false, None),
        };
        if is_proven {
            includes_to_date.store(true, Ordering::Relaxed);
        }
        Ok(next)
    }
}

/// The days of which the response has rows.
#[derive(Clone, Copy, Debug, Default)]
struct DaysFound {
    /// The last day of the query.
    last: bool,
    /// The day after it.
    after: bool,
}

impl ResponseParser for ReportResponse {
    /// 500 rows of 64 kB.
    const MAX_BODY: usize = 32 * 1024 * 1024;

    fn parse(&mut self, body: &str) -> Result<(ResponseSummary, Vec<RowBatch>), Fault> {
        let last = self.last_day();
        let mut days = DaysFound::default();
        for (index, raw) in rows(body, self.row_cap)?.into_iter().enumerate() {
            let day = self.add(index + 1, raw)?;
            days.last |= day == Some(last);
            days.after |= day == Some(next(last));
        }
        let cursor = self.cursor(days)?.map(|step| Cursor(step.to_owned()));
        // The rows of a second query for the same day must not count towards the cap.
        let rows = if matches!(self.query, Query::Confirm(_)) { 0 } else { self.rows.count };
        let step = ResponseSummary { rows, rejects: self.rows.rejects.take(), cursor, ..ResponseSummary::default() };
        Ok((step, self.rows.finish()))
    }

    fn refusal(&self, head: ResponseHead, body: &ErrorBody) -> Result<ResponseSummary, Fault> {
        Err(refusal(head, body))
    }
}

/// The rows of a body: a list, or an object with a list.
fn rows(body: &str, row_cap: u64) -> Result<Vec<&RawValue>, Fault> {
    if body.is_empty() {
        return Err(malformed("an empty body"));
    }
    let cut_off = |_| malformed("the body is cut off, or not JSON");
    if !body.starts_with('{') {
        // Parsed twice, so that the fault tells another value from a list that is cut off.
        serde_json::from_str::<&RawValue>(body).map_err(cut_off)?;
        return serde_json::from_str(body).map_err(|_| malformed("neither a list nor an object"));
    }
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(body).map_err(cut_off)?;
    let found = ROWS
        .iter()
        .find_map(|name| members.get(*name).and_then(|rows| serde_json::from_str::<Vec<&RawValue>>(rows.get()).ok()));
    let rows = found.ok_or_else(|| malformed("an object without rows"))?;
    check_complete(&members, u64::try_from(rows.len()).unwrap_or(u64::MAX), row_cap)?;
    Ok(rows)
}

/// Refuses a response that names a next page or states more rows than it has; at the cap that is expected.
fn check_complete(members: &BTreeMap<String, &RawValue>, count: u64, row_cap: u64) -> Result<(), Fault> {
    let member = |name: &str| members.get(name).and_then(|raw| Json::from_raw(raw)).filter(|value| !value.is_empty());
    if member("next").is_some() {
        return Err(Fault::Refused("the response has several pages, which this version does not read".to_owned()));
    }
    match member("count").and_then(|value| value.to_cell().parse::<u64>().ok()) {
        Some(stated) if stated > count && count < row_cap => {
            Err(malformed(format!("the response states {stated} rows and holds {count}")))
        }
        _ => Ok(()),
    }
}
