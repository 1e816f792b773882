#![doc = include_str!("README.md")]

mod accepted;
mod answer;
mod days;
mod fields;
mod message;
mod names;
mod refusal;
mod request;
mod rules;
mod settings;
mod sheet;
mod shelf;
mod token;

#[cfg(test)]
mod tests;

use crate::Vendor;
use accepted::Accepted;
use answer::Answer;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use days::ToDate;
use domain::fault::Fault;
use domain::lane::LaneKey;
use domain::rules::Rules;
use domain::source::{Cursor, Mailbox, Reader, Request, Source, Stream};
use domain::want::Slice;
use entities::upsert::Batch;
use request::Question;
use secrecy::{ExposeSecret, SecretString};
use sheet::Sheet;
use shelf::Shelf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Certainly, as it is registered.
pub const VENDOR: Vendor = Vendor {
    name: NAME,
    title: "Certainly",
    secrets: &["token", "mailbox_password"],
    keys: settings::KEYS,
    open: settings::open,
};

const NAME: &str = "certainly";
const TABLE: &str = "certainly_messages";
const AT: &str = "timestamp";

/// One account at Certainly: a user's token, and the bots that are asked about.
#[derive(Debug)]
pub struct Certainly {
    account: String,
    base: String,
    path: String,
    token: SecretString,
    bots: Vec<String>,
    report: u8,
    to_date: ToDate,
    /// Whether an answer has shown that the vendor counts `toDate` in. Forgotten when the process ends; asking again
    /// costs a request.
    counts_in: Arc<AtomicBool>,
    mailbox: Option<Mailbox>,
    rules: Rules,
}

impl Certainly {
    /// Refuses a stream that is none.
    fn known<'a>(&self, stream: &'a str) -> Result<&'a str, Fault> {
        let is_known = self.bots.iter().any(|bot| bot == stream);
        is_known.then_some(stream).ok_or_else(|| Fault::Refused(format!("Certainly has no bot {stream:?} here")))
    }
}

impl Source<Batch> for Certainly {
    fn account(&self) -> &str {
        &self.account
    }

    fn vendor(&self) -> &'static str {
        NAME
    }

    fn streams(&self) -> Vec<Stream> {
        self.bots.iter().map(|bot| Stream { name: bot.clone(), table: TABLE, at: AT, part: Some("bot_id") }).collect()
    }

    fn rules(&self) -> &Rules {
        &self.rules
    }

    fn zone(&self) -> Tz {
        Tz::UTC
    }

    /// An export is one for each token, "if another previous request was requested"; so the lane is the token's.
    fn lane(&self) -> LaneKey {
        LaneKey::of(NAME, self.token.expose_secret())
    }

    fn ask(&self, stream: &str, slice: &Slice, cursor: Option<&Cursor>) -> Result<Request, Fault> {
        Ok(request::request(self, self.known(stream)?, Question::of(slice, cursor)?))
    }

    fn reader(&self, stream: &str, slice: &Slice, cursor: Option<&Cursor>) -> Result<Box<dyn Reader<Batch>>, Fault> {
        let shelf = Shelf::new(&self.account, self.known(stream)?);
        let question = Question::of(slice, cursor)?;
        if matches!(question, Question::Mail(_)) {
            return Ok(Box::new(Accepted::default()));
        }
        let counts_in = (self.to_date == ToDate::Inclusive).then(|| Arc::clone(&self.counts_in));
        Ok(Box::new(Answer::new(shelf, question, self.rules.row_cap, counts_in)))
    }

    fn file_reader(&self, stream: &str) -> Result<Box<dyn Reader<Batch>>, Fault> {
        Ok(Box::new(Sheet::new(Shelf::new(&self.account, self.known(stream)?))))
    }

    fn mailbox(&self) -> Option<&Mailbox> {
        self.mailbox.as_ref()
    }

    fn credential_ends(&self) -> Option<DateTime<Utc>> {
        token::ends(self.token.expose_secret())
    }
}
