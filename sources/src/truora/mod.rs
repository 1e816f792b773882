#![doc = include_str!("README.md")]

mod claims;
mod event;
mod history_file;
mod list_call;
mod process;
mod process_list;
mod process_result;
mod query;
mod refusal;
mod registration;
mod rules;
mod settings;

#[cfg(test)]
mod tests;

pub use registration::VENDOR;

use crate::csv_reader::CsvReader;
use crate::json::body::JsonBody;
use crate::response_reader::ResponseReader;
use crate::webhook_secrets::WebhookSecrets;
use chrono_tz::Tz;
use domain::fault::Fault;
use domain::lane::LaneKey;
use domain::rules::Rules;
use domain::slice::Slice;
use domain::source::{Cursor, Reader, Request, Source, Stream};
use domain::webhook::{Webhook, WebhookEvent, WebhookFault};
use entities::rows::RowBatch;
use history_file::HistoryFile;
use list_call::ListCall;
use process_list::ProcessList;
use process_result::{Lifetime, ProcessResult};
use query::Query;
use secrecy::{ExposeSecret, SecretString};

const STREAM: &str = "processes";

/// One account at Truora: a key, and the secrets of its webhooks' signatures.
#[derive(Debug)]
pub struct Truora {
    account: String,
    base: String,
    token: SecretString,
    webhook_secrets: WebhookSecrets,
    list: ListCall,
    lifetime: Lifetime,
    rules: Rules,
}

impl Truora {
    /// Refuses an unknown stream.
    fn check(stream: &str) -> Result<(), Fault> {
        let is_known = stream == STREAM;
        is_known.then_some(()).ok_or_else(|| Fault::Refused(format!("Truora has no stream {stream:?}")))
    }
}

impl Source<RowBatch> for Truora {
    fn account(&self) -> &str {
        &self.account
    }

    fn vendor(&self) -> &'static str {
        VENDOR.name
    }

    fn streams(&self) -> Vec<Stream> {
        vec![Stream {
            name: STREAM.to_owned(),
            table: "truora_processes",
            at: "creation_date",
            partition: None,
            names_all_rows: false,
        }]
    }

    fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The vendor writes all timestamps in UTC.
    fn zone(&self) -> Tz {
        Tz::UTC
    }

    /// Limits are "per key and plan": the lane belongs to the key.
    fn lane(&self) -> LaneKey {
        LaneKey::new(VENDOR.name, self.token.expose_secret())
    }

    fn request(&self, stream: &str, slice: &Slice, cursor: Option<&Cursor>) -> Result<Request, Fault> {
        Self::check(stream)?;
        Ok(query::request(self, &Query::of(slice, cursor)?))
    }

    fn reader(&self, stream: &str, slice: &Slice, cursor: Option<&Cursor>) -> Result<Box<dyn Reader<RowBatch>>, Fault> {
        Self::check(stream)?;
        Ok(match Query::of(slice, cursor)? {
            Query::List { window, page } => {
                Box::new(ResponseReader::new(JsonBody::new(ProcessList::new(self.list.clone(), window, page))))
            }
            Query::Process(id) => {
                Box::new(ResponseReader::new(JsonBody::new(ProcessResult::new(&self.account, id, self.lifetime))))
            }
        })
    }

    fn file_reader(&self, stream: &str) -> Result<Box<dyn Reader<RowBatch>>, Fault> {
        Self::check(stream)?;
        Ok(Box::new(ResponseReader::new(CsvReader::new(HistoryFile::default()))))
    }

    /// The body proves the sender, so every address of the account will do.
    fn webhook_address(&self, _: Option<&SecretString>) -> Result<(), WebhookFault> {
        if self.webhook_secrets.is_empty() {
            return Err(WebhookFault::Forged("the account has no webhook_secret"));
        }
        Ok(())
    }

    fn webhook(&self, hook: &Webhook<'_>) -> Result<Vec<WebhookEvent<RowBatch>>, WebhookFault> {
        self.webhook_address(hook.secret.as_ref())?;
        event::parse(&claims::verify(&self.webhook_secrets, hook.body)?)
    }
}
