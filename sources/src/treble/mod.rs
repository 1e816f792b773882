#![doc = include_str!("README.md")]

mod entries;
mod event;
mod message;
mod page;
mod phone;
mod poll;
mod question;
mod refusal;
mod report;
mod request;
mod rules;
mod session;
mod settings;
mod shelf;
mod spelling;

#[cfg(test)]
mod tests;

use crate::Vendor;
use crate::grid::Grid;
use crate::proof::is_same;
use crate::whole::Whole;
use chrono_tz::Tz;
use domain::fault::Fault;
use domain::hook::{Event, Hook, HookFault};
use domain::lane::LaneKey;
use domain::rules::Rules;
use domain::source::{Cursor, Reader, Request, Source, Stream};
use domain::want::Slice;
use entities::upsert::Batch;
use entries::Entries;
use message::Messages;
use page::Page;
use poll::Polls;
use question::Question;
use report::Report;
use secrecy::{ExposeSecret, SecretString};

/// Treble, as it is registered.
pub const VENDOR: Vendor = Vendor {
    name: NAME,
    title: "Treble",
    secrets: &["token", "webhook_secret"],
    keys: settings::KEYS,
    open: settings::open,
};

const NAME: &str = "treble";
const STREAM: &str = "sessions";

/// One company at Treble: a key, and perhaps the secret in the address that its webhooks are posted to.
#[derive(Debug)]
pub struct Treble {
    account: String,
    base: String,
    token: SecretString,
    webhook_secret: Option<SecretString>,
    rules: Rules,
}

impl Treble {
    fn known(stream: &str) -> Result<(), Fault> {
        let is_known = stream == STREAM;
        is_known.then_some(()).ok_or_else(|| Fault::Refused(format!("Treble has no stream {stream:?}")))
    }
}

impl Source<Batch> for Treble {
    fn account(&self) -> &str {
        &self.account
    }

    fn vendor(&self) -> &'static str {
        NAME
    }

    fn streams(&self) -> Vec<Stream> {
        vec![Stream { name: STREAM.to_owned(), table: "treble_sessions", at: "created_at", part: None }]
    }

    fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Instants are seconds since 1970, or without an offset and UTC's.
    fn zone(&self) -> Tz {
        Tz::UTC
    }

    fn lane(&self) -> LaneKey {
        LaneKey::of(NAME, self.token.expose_secret())
    }

    fn ask(&self, stream: &str, slice: &Slice, cursor: Option<&Cursor>) -> Result<Request, Fault> {
        Self::known(stream)?;
        Ok(request::request(self, &Question::of(slice, cursor)?))
    }

    fn reader(&self, stream: &str, slice: &Slice, cursor: Option<&Cursor>) -> Result<Box<dyn Reader<Batch>>, Fault> {
        Self::known(stream)?;
        Ok(match Question::of(slice, cursor)? {
            Question::Polls(window) => Box::new(Entries::new(Polls::new(&self.account, window))),
            Question::Sessions { poll, next, .. } => Box::new(Whole::new(Page::new(&self.account, poll, next))),
            Question::History(session) => Box::new(Entries::new(Messages::new(&self.account, session))),
        })
    }

    fn file_reader(&self, stream: &str) -> Result<Box<dyn Reader<Batch>>, Fault> {
        Self::known(stream)?;
        Ok(Box::new(Grid::new(Report::new(&self.account))))
    }

    fn hook(&self, hook: &Hook<'_>) -> Result<Vec<Event<Batch>>, HookFault> {
        let secret = self.webhook_secret.as_ref().ok_or(HookFault::Forged("the account has no webhook_secret"))?;
        let told = hook.secret.as_ref().ok_or(HookFault::Forged("no secret in the address"))?;
        if !is_same(secret, told) {
            return Err(HookFault::Forged("another secret in the address"));
        }
        event::read(&self.account, hook.body)
    }
}
