#![doc = include_str!("README.md")]

mod address;
mod conversation;
mod cursor;
mod file;
mod instant;
mod json;
mod list;
mod refusal;
mod request;
mod rules;
mod settings;
mod unpack;
mod value;

#[cfg(test)]
mod tests;

use crate::Vendor;
use chrono::NaiveDate;
use chrono_tz::Tz;
use conversation::Place;
use cursor::Files;
use domain::fault::Fault;
use domain::lane::LaneKey;
use domain::rules::Rules;
use domain::source::{Cursor, Reader, Request, Source, Stream};
use domain::want::Slice;
use entities::upsert::Batch;
use file::File;
use list::List;
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;

/// Ultimate, as it is registered.
pub const VENDOR: Vendor =
    Vendor { name: NAME, title: "Ultimate", secrets: &["token"], keys: settings::KEYS, open: settings::open };

const NAME: &str = "ultimate";

/// One organisation at Ultimate, with a key for it, and some of its bots.
#[derive(Debug)]
pub struct Ultimate {
    account: String,
    base: String,
    token: SecretString,
    organization: String,
    bots: Vec<String>,
    /// `v2` or `v3`, as it stands in the address.
    version: &'static str,
    /// Whether `Bearer` goes before the key.
    is_bearer: bool,
    /// How long addresses of files are to be good.
    ttl: Duration,
    rules: Rules,
}

impl Source<Batch> for Ultimate {
    fn account(&self) -> &str {
        &self.account
    }

    fn vendor(&self) -> &'static str {
        NAME
    }

    fn streams(&self) -> Vec<Stream> {
        let stream = |bot: &String| Stream {
            name: bot.clone(),
            table: "ultimate_conversations",
            at: "conversation_start_time",
            part: Some("bot_id"),
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

    /// An organisation has one key at a time: "the validity of the old token will be revoked". So the lane is the key's,
    /// and a new key has a lane that nobody has shut.
    fn lane(&self) -> LaneKey {
        LaneKey::of(NAME, self.token.expose_secret())
    }

    fn ask(&self, stream: &str, slice: &Slice, cursor: Option<&Cursor>) -> Result<Request, Fault> {
        let (bot, day) = self.known(stream, slice)?;
        match Files::read(cursor)? {
            Some(files) if !files.again => request::file(&files),
            _ => Ok(request::list(self, bot, day)),
        }
    }

    fn reader(&self, stream: &str, slice: &Slice, cursor: Option<&Cursor>) -> Result<Box<dyn Reader<Batch>>, Fault> {
        let (bot, _) = self.known(stream, slice)?;
        Ok(match Files::read(cursor)? {
            Some(files) if !files.again => {
                Box::new(File::new(Place { account: self.account.clone(), bot: bot.to_owned() }, files))
            }
            before => Box::new(List::new(before)),
        })
    }
}

impl Ultimate {
    fn known<'s>(&'s self, stream: &str, slice: &Slice) -> Result<(&'s str, NaiveDate), Fault> {
        let bot = self.bots.iter().find(|bot| *bot == stream);
        let bot = bot.ok_or_else(|| Fault::Refused(format!("Ultimate has no bot {stream:?} here")))?;
        match slice {
            Slice::Window(window) => Ok((bot, request::day(*window)?)),
            _ => Err(Fault::Refused("Ultimate is asked by days only".to_owned())),
        }
    }
}
