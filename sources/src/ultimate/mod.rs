#![doc = include_str!("README.md")]

mod cell_type;
mod conversation;
mod day_file;
mod decompressor;
mod embedded_json;
mod file_cursor;
mod file_list;
mod file_url;
mod refusal;
mod registration;
mod request;
mod rules;
mod settings;
mod unpacked_size;

#[cfg(test)]
mod tests;

pub use registration::VENDOR;

use crate::json::body::JsonBody;
use crate::response_reader::ResponseReader;
use crate::server_url;
use chrono::NaiveDate;
use chrono_tz::Tz;
use conversation::ConversationMapper;
use day_file::DayFile;
use domain::fault::Fault;
use domain::lane::LaneKey;
use domain::rules::Rules;
use domain::slice::Slice;
use domain::source::{Cursor, Reader, Request, Source, Stream};
use entities::rows::RowBatch;
use file_cursor::FileCursor;
use file_list::FileList;
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;

/// One account at Ultimate: an organisation, its key, and the bots to fetch.
#[derive(Debug)]
pub struct Ultimate {
    account: String,
    base: String,
    token: SecretString,
    organization: String,
    bots: Vec<String>,
    /// The version of the export in the path, `v2` or `v3`.
    version: &'static str,
    /// Whether the header has `Bearer` before the key.
    is_bearer: bool,
    /// How long the URLs of files are valid.
    ttl: Duration,
    rules: Rules,
}

impl Source<RowBatch> for Ultimate {
    fn account(&self) -> &str {
        &self.account
    }

    fn vendor(&self) -> &'static str {
        VENDOR.name
    }

    fn streams(&self) -> Vec<Stream> {
        let stream = |bot: &String| Stream {
            name: bot.clone(),
            table: "ultimate_conversations",
            at: "conversation_start_time",
            partition: Some("bot_id"),
            // The file of a day has the conversations that ended on it; one that ends again moves to another file.
            names_all_rows: false,
        };
        self.bots.iter().map(stream).collect()
    }

    fn rules(&self) -> &Rules {
        &self.rules
    }

    /// "Based on UTC timezone."
    fn zone(&self) -> Tz {
        Tz::UTC
    }

    /// An organisation has one key at a time ("the validity of the old token will be revoked"): the lane belongs to the
    /// key, and a new key gets an open lane.
    fn lane(&self) -> LaneKey {
        LaneKey::new(VENDOR.name, self.token.expose_secret())
    }

    fn request(&self, stream: &str, slice: &Slice, cursor: Option<&Cursor>) -> Result<Request, Fault> {
        let (bot, day) = self.known(stream, slice)?;
        match FileCursor::parse(cursor)? {
            Some(files) if !files.again => request::file(&files, self.is_local()),
            _ => Ok(request::list(self, bot, day)),
        }
    }

    fn reader(&self, stream: &str, slice: &Slice, cursor: Option<&Cursor>) -> Result<Box<dyn Reader<RowBatch>>, Fault> {
        let (bot, _) = self.known(stream, slice)?;
        Ok(match FileCursor::parse(cursor)? {
            Some(files) if !files.again => {
                let mapper = ConversationMapper { account: self.account.clone(), bot: bot.to_owned() };
                Box::new(ResponseReader::new(DayFile::new(mapper, files)))
            }
            first => Box::new(ResponseReader::new(JsonBody::new(FileList::new(first, self.is_local())))),
        })
    }
}

impl Ultimate {
    /// Whether the API is on this machine, as a simulated one is.
    fn is_local(&self) -> bool {
        server_url::parse(&self.base).is_some_and(|base| server_url::is_loopback(&base))
    }

    fn known<'s>(&'s self, stream: &str, slice: &Slice) -> Result<(&'s str, NaiveDate), Fault> {
        let bot = self.bots.iter().find(|bot| *bot == stream);
        let bot = bot.ok_or_else(|| Fault::Refused(format!("Ultimate has no bot {stream:?} here")))?;
        match slice {
            Slice::Window(window) => Ok((bot, request::day(*window)?)),
            _ => Err(Fault::Refused("Ultimate answers days only".to_owned())),
        }
    }
}
