#![doc = include_str!("README.md")]

mod chat;
mod chat_report;
mod duration;
mod local_time;
mod refusal;
mod registration;
mod request;
mod rules;
mod settings;
mod token_info;

#[cfg(test)]
mod tests;

pub use registration::VENDOR;

use crate::response_reader::ResponseReader;
use chat::ChatMapper;
use chat_report::ChatReport;
use chrono_tz::Tz;
use domain::fault::Fault;
use domain::lane::LaneKey;
use domain::quota::QuotaReport;
use domain::rules::Rules;
use domain::slice::Slice;
use domain::source::{Cursor, Reader, Request, ResponseHead, Source, Stream};
use domain::window::Window;
use entities::rows::RowBatch;
use request::REPORT;
use secrecy::{ExposeSecret, SecretString};

/// One account at Wolkvox: the server of an operation, and a token for it.
#[derive(Debug)]
pub struct Wolkvox {
    account: String,
    base: String,
    token: SecretString,
    server: Option<ServerHeader>,
    zone: Tz,
    rules: Rules,
}

/// The header by which some of the vendor's clients name the server, besides the host.
#[derive(Debug)]
struct ServerHeader {
    name: String,
    digits: String,
}

impl Source<RowBatch> for Wolkvox {
    fn account(&self) -> &str {
        &self.account
    }

    fn vendor(&self) -> &'static str {
        VENDOR.name
    }

    fn streams(&self) -> Vec<Stream> {
        // It is not known which of a chat's times the vendor goes by. An open chat has only its start.
        vec![Stream {
            name: REPORT.to_owned(),
            table: "wolkvox_chats",
            at: "start_at",
            partition: None,
            names_all_rows: true,
        }]
    }

    fn rules(&self) -> &Rules {
        &self.rules
    }

    fn zone(&self) -> Tz {
        self.zone
    }

    /// "The same token cannot be consumed simultaneously": the lane belongs to the token, whatever the server.
    fn lane(&self) -> LaneKey {
        LaneKey::new(VENDOR.name, self.token.expose_secret())
    }

    /// "Licences × 1,000 requests a day, which all tokens of the operation share." A server is one operation.
    fn quota_group(&self) -> Option<LaneKey> {
        Some(LaneKey::new("wolkvox operation", &self.base))
    }

    fn quota_request(&self) -> Option<Request> {
        self.rules.daily_quota.is_none().then(|| token_info::request(self))
    }

    fn read_quota(&self, head: ResponseHead, body: &[u8]) -> Option<QuotaReport> {
        token_info::read(head, body)
    }

    fn request(&self, stream: &str, slice: &Slice, cursor: Option<&Cursor>) -> Result<Request, Fault> {
        let window = window(stream, slice)?;
        if cursor.is_some() {
            return Err(Fault::Refused("Wolkvox answers a window in one response; it has no cursor".to_owned()));
        }
        request::request(self, window)
    }

    fn reader(&self, stream: &str, slice: &Slice, _: Option<&Cursor>) -> Result<Box<dyn Reader<RowBatch>>, Fault> {
        window(stream, slice)?;
        let mapper = ChatMapper { account: self.account.clone(), zone: self.zone };
        Ok(Box::new(ResponseReader::new(ChatReport::new(mapper, self.rules.row_cap))))
    }
}

/// The window of a slice that Wolkvox answers.
fn window(stream: &str, slice: &Slice) -> Result<Window, Fault> {
    if stream != REPORT {
        return Err(Fault::Refused(format!("Wolkvox has no stream {stream:?}")));
    }
    slice.window().ok_or_else(|| Fault::Refused("Wolkvox answers windows of time only".to_owned()))
}
