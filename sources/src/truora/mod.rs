#![doc = include_str!("README.md")]

mod claims;
mod event;
mod history;
mod list;
mod outcome;
mod process;
mod refusal;
mod request;
mod rules;
mod settings;

#[cfg(test)]
mod tests;

use crate::Vendor;
use crate::grid::Grid;
use crate::whole::Whole;
use chrono_tz::Tz;
use domain::fault::Fault;
use domain::hook::{Event, Hook, HookFault};
use domain::lane::LaneKey;
use domain::rules::Rules;
use domain::source::{Cursor, Reader, Request, Source, Stream};
use domain::want::Slice;
use entities::upsert::Batch;
use history::History;
use list::List;
use outcome::Outcome;
use request::Question;
use secrecy::{ExposeSecret, SecretString};

/// Truora, as it is registered.
pub const VENDOR: Vendor = Vendor {
    name: NAME,
    title: "Truora",
    secrets: &["token", "webhook_secret"],
    keys: settings::KEYS,
    open: settings::open,
};

const NAME: &str = "truora";
const STREAM: &str = "processes";

/// One account at Truora: a key, and perhaps the secret that its webhooks are signed with.
#[derive(Debug)]
pub struct Truora {
    account: String,
    base: String,
    token: SecretString,
    webhook_secret: Option<SecretString>,
    rules: Rules,
}

impl Truora {
    fn known(stream: &str) -> Result<(), Fault> {
        let is_known = stream == STREAM;
        is_known.then_some(()).ok_or_else(|| Fault::Refused(format!("Truora has no stream {stream:?}")))
    }
}

impl Source<Batch> for Truora {
    fn account(&self) -> &str {
        &self.account
    }

    fn vendor(&self) -> &'static str {
        NAME
    }

    fn streams(&self) -> Vec<Stream> {
        vec![Stream { name: STREAM.to_owned(), table: "truora_processes", at: "creation_date", part: None }]
    }

    fn rules(&self) -> &Rules {
        &self.rules
    }

    /// All instants that the vendor writes are UTC's.
    fn zone(&self) -> Tz {
        Tz::UTC
    }

    /// Limits are "per key and plan".
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
            Question::List { window, start } => Box::new(Whole::new(List::new(window, start))),
            Question::Process(id) => Box::new(Whole::new(Outcome::new(&self.account, id))),
        })
    }

    fn file_reader(&self, stream: &str) -> Result<Box<dyn Reader<Batch>>, Fault> {
        Self::known(stream)?;
        Ok(Box::new(Grid::new(History::default())))
    }

    fn hook(&self, hook: &Hook<'_>) -> Result<Vec<Event<Batch>>, HookFault> {
        let secret = self.webhook_secret.as_ref().ok_or(HookFault::Forged("the account has no webhook_secret"))?;
        event::read(&claims::believed(secret, hook.body)?)
    }
}
