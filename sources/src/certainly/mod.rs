#![doc = include_str!("README.md")]

mod days;
mod export_reply;
mod field_names;
mod fields;
mod mail_policy;
mod message;
mod message_rows;
mod query;
mod refusal;
mod registration;
mod report_file;
mod report_response;
mod rules;
mod settings;
mod token;

#[cfg(test)]
mod tests;

pub use registration::VENDOR;

use crate::csv_reader::CsvReader;
use crate::json::body::JsonBody;
use crate::response_reader::ResponseReader;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use days::ToDate;
use domain::fault::Fault;
use domain::lane::LaneKey;
use domain::rules::Rules;
use domain::slice::Slice;
use domain::source::{Cursor, Mailbox, Reader, Request, Source, Stream};
use entities::rows::RowBatch;
use export_reply::ExportReply;
use message_rows::MessageRows;
use query::Query;
use report_file::ReportFile;
use report_response::ReportResponse;
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// One account at Certainly: a user's token, and the bots to fetch.
#[derive(Debug)]
pub struct Certainly {
    account: String,
    base: String,
    path: String,
    token: SecretString,
    bots: Vec<String>,
    report: u8,
    to_date: ToDate,
    /// Whether a response has shown that the vendor includes `toDate`. The process forgets it when it ends; learning it
    /// again costs one request.
    includes_to_date: Arc<AtomicBool>,
    mailbox: Option<Mailbox>,
    rules: Rules,
}

impl Certainly {
    /// The rows of the bot that is called `stream`.
    fn rows_of(&self, stream: &str) -> Result<MessageRows, Fault> {
        self.bot(stream).map(|bot| MessageRows::new(&self.account, bot))
    }

    fn bot<'a>(&self, stream: &'a str) -> Result<&'a str, Fault> {
        let is_known = self.bots.iter().any(|bot| bot == stream);
        is_known.then_some(stream).ok_or_else(|| Fault::Refused(format!("Certainly has no bot {stream:?} here")))
    }
}

impl Source<RowBatch> for Certainly {
    fn account(&self) -> &str {
        &self.account
    }

    fn vendor(&self) -> &'static str {
        VENDOR.name
    }

    fn streams(&self) -> Vec<Stream> {
        let stream = |bot: &String| Stream {
            name: bot.clone(),
            table: "certainly_messages",
            at: "timestamp",
            partition: Some("bot_id"),
            names_all_rows: true,
        };
        self.bots.iter().map(stream).collect()
    }

    fn rules(&self) -> &Rules {
        &self.rules
    }

    fn zone(&self) -> Tz {
        Tz::UTC
    }

    /// A token has one export at a time ("if another previous request was requested"): the lane belongs to the token.
    fn lane(&self) -> LaneKey {
        LaneKey::new(VENDOR.name, self.token.expose_secret())
    }

    fn request(&self, stream: &str, slice: &Slice, cursor: Option<&Cursor>) -> Result<Request, Fault> {
        Ok(query::request(self, self.bot(stream)?, Query::of(slice, cursor)?))
    }

    fn reader(&self, stream: &str, slice: &Slice, cursor: Option<&Cursor>) -> Result<Box<dyn Reader<RowBatch>>, Fault> {
        let rows = self.rows_of(stream)?;
        let query = Query::of(slice, cursor)?;
        if matches!(query, Query::Mail(_)) {
            return Ok(Box::new(ResponseReader::new(ExportReply::default())));
        }
        let includes_to_date = (self.to_date == ToDate::Inclusive).then(|| Arc::clone(&self.includes_to_date));
        let response = ReportResponse::new(rows, query, self.rules.row_cap, includes_to_date);
        Ok(Box::new(ResponseReader::new(JsonBody::new(response))))
    }

    fn file_reader(&self, stream: &str) -> Result<Box<dyn Reader<RowBatch>>, Fault> {
        Ok(Box::new(ResponseReader::new(CsvReader::new(ReportFile::new(self.rows_of(stream)?)))))
    }

    /// The vendor files a message by its time; the message keeps its conversation and its text.
    fn fixed_columns(&self) -> &'static [&'static str] {
        &["timestamp", "conversation_id", "message"]
    }

    fn mailbox(&self) -> Option<&Mailbox> {
        self.mailbox.as_ref()
    }

    fn credential_expires(&self) -> Option<DateTime<Utc>> {
        token::expires_at(self.token.expose_secret())
    }
}
