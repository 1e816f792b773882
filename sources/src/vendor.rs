//! What the rest of the house knows of a vendor.

use crate::settings::Settings;
use chrono::NaiveDate;
use domain::source::Source;
use entities::upsert::Batch;
use std::fmt;
use std::sync::Arc;

/// A vendor, as it is registered.
#[derive(Clone, Copy, Debug)]
pub struct Vendor {
    /// The word in `source = "…"`.
    pub name: &'static str,
    /// Its name as people write it.
    pub title: &'static str,
    /// Keys whose value is secret. Whoever reads the settings also takes `<key>_file` and puts that file's text under
    /// `<key>` before calling [`crate::open`].
    pub secrets: &'static [&'static str],
    /// Its own keys, the secret ones included, beside those that every account takes ([`crate::settings::KEYS`]).
    pub keys: &'static [&'static str],
    /// Opens an account; whatever is wrong it tells the settings.
    pub open: fn(&mut Settings<'_>) -> Option<Opened>,
}

/// An account that is ready to be asked.
pub struct Opened {
    /// What to ask.
    pub source: Arc<dyn Source<Batch>>,
    /// The day, in the account's zone, from which the live sync must cover everything.
    pub since: Option<NaiveDate>,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (vendor, account) = (self.source.vendor(), self.source.account());
        f.debug_struct("Opened")
            .field("vendor", &vendor)
            .field("account", &account)
            .field("since", &self.since)
            .finish()
    }
}

/// Something wrong with an account's settings. It never repeats a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("accounts.{account}.{key}: {why}; write {instead}")]
pub struct Problem {
    /// The account's name.
    pub account: String,
    /// The setting's name inside the account.
    pub key: String,
    /// What is wrong with it.
    pub why: String,
    /// What to write.
    pub instead: String,
}
