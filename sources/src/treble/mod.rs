#![doc = include_str!("README.md")]

mod event;
mod history;
mod phone;
mod poll_list;
mod query;
mod refusal;
mod registration;
mod request;
mod rules;
mod session;
mod session_page;
mod session_report;
mod settings;
mod timestamps;

#[cfg(test)]
mod tests;

pub use registration::VENDOR;

use crate::csv_reader::CsvReader;
use crate::json::array::JsonArray;
use crate::json::body::JsonBody;
use crate::response_reader::ResponseReader;
use crate::webhook_secrets::WebhookSecrets;
use chrono::TimeDelta;
use chrono_tz::Tz;
use domain::fault::Fault;
use domain::lane::LaneKey;
use domain::rules::Rules;
use domain::slice::Slice;
use domain::source::{Cursor, Reader, Request, Source, Stream};
use domain::webhook::{Webhook, WebhookEvent, WebhookFault};
use entities::rows::RowBatch;
use history::History;
use poll_list::PollList;
use query::Query;
use secrecy::{ExposeSecret, SecretString};
use session_page::SessionPage;
use session_report::SessionReport;

const STREAM: &str = "sessions";

/// One account at Treble: a company's key, and the secrets in the URL of its webhooks.
#[derive(Debug)]
pub struct Treble {
    account: String,
    base: String,
    token: SecretString,
    webhook_secrets: WebhookSecrets,
    /// How long after its start the source reads a session again.
    session_lookback: TimeDelta,
    rules: Rules,
}

impl Treble {
    /// Refuses an unknown stream.
    fn check(stream: &str) -> Result<(), Fault> {
        let is_known = stream == STREAM;
        is_known.then_some(()).ok_or_else(|| Fault::Refused(format!("Treble has no stream {stream:?}")))
    }
}

impl Source<RowBatch> for Treble {
    fn account(&self) -> &str {
        &self.account
    }

    fn vendor(&self) -> &'static str {
        VENDOR.name
    }

    fn streams(&self) -> Vec<Stream> {
        vec![Stream {
            name: STREAM.to_owned(),
            table: "treble_sessions",
            at: "created_at",
            partition: None,
            names_all_rows: false,
        }]
    }

    fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Timestamps are seconds since 1970, or UTC without an offset.
    fn zone(&self) -> Tz {
        Tz::UTC
    }

    fn lane(&self) -> LaneKey {
        LaneKey::new(VENDOR.name, self.token.expose_secret())
    }

    fn request(&self, stream: &str, slice: &Slice, cursor: Option<&Cursor>) -> Result<Request, Fault> {
        Self::check(stream)?;
        Ok(request::request(self, &Query::of(slice, cursor)?))
    }

    fn reader(&self, stream: &str, slice: &Slice, cursor: Option<&Cursor>) -> Result<Box<dyn Reader<RowBatch>>, Fault> {
        Self::check(stream)?;
        Ok(match Query::of(slice, cursor)? {
            Query::Polls(window) => Box::new(ResponseReader::new(JsonArray::new(PollList::new(&self.account, window)))),
            Query::Sessions { poll, page, .. } => {
                Box::new(ResponseReader::new(JsonBody::new(SessionPage::new(&self.account, poll, page))))
            }
            Query::History(session) => {
                let history = History::new(&self.account, session, self.session_lookback);
                Box::new(ResponseReader::new(JsonArray::new(history)))
            }
        })
    }

    fn file_reader(&self, stream: &str) -> Result<Box<dyn Reader<RowBatch>>, Fault> {
        Self::check(stream)?;
        Ok(Box::new(ResponseReader::new(CsvReader::new(SessionReport::new(&self.account)))))
    }

    fn webhook_address(&self, secret: Option<&SecretString>) -> Result<(), WebhookFault> {
        if self.webhook_secrets.is_empty() {
            return Err(WebhookFault::Forged("the account has no webhook_secret"));
        }
        let received = secret.ok_or(WebhookFault::Forged("the URL has no secret"))?;
        if !self.webhook_secrets.contain(received) {
            return Err(WebhookFault::Forged("the secret in the URL is wrong"));
        }
        Ok(())
    }

    fn webhook(&self, hook: &Webhook<'_>) -> Result<Vec<WebhookEvent<RowBatch>>, WebhookFault> {
        self.webhook_address(hook.secret.as_ref())?;
        event::parse(&self.account, hook.body)
    }
}
