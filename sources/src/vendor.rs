//! The registration of a vendor: everything that the rest of the program needs to know of it.

use crate::settings::Settings;
use chrono::NaiveDate;
use domain::source::Source;
use entities::rows::RowBatch;
use std::fmt;
use std::sync::Arc;

/// A vendor. Commands, dashboard, views, documents and tests iterate over [`crate::VENDORS`], so that a new vendor is a
/// folder and a line in that list.
#[derive(Clone, Copy, Debug)]
pub struct Vendor {
    /// The vendor's name in the setting `source = "…"`: lower-case letters.
    pub name: &'static str,
    /// The vendor's name as people write it.
    pub title: &'static str,
    /// The settings whose values are secret. The caller of [`crate::open`] also accepts `<key>_file` for each, and puts
    /// the text of that file under `<key>`.
    pub secrets: &'static [&'static str],
    /// The vendor's own settings, the secret ones included, besides those of every account
    /// ([`crate::settings::KEYS`]).
    pub keys: &'static [&'static str],
    /// Opens an account. Problems go to the settings; `None` where there is one.
    pub open: fn(&mut Settings<'_>) -> Option<ConfiguredAccount>,
    /// The vendor's row in the table of vendors that the README shows.
    pub summary: Summary,
    /// An account in TOML, with a comment beside each setting, for `convosync init`.
    pub settings_example: &'static str,
    /// The vendor's part of the view `conversations`.
    pub conversations_view: &'static str,
    /// Examples for the tests that every vendor must pass.
    pub examples: Examples,
}

/// The columns of the view `conversations`, in the order in which every [`Vendor::conversations_view`] selects them.
/// A column that the vendor does not offer is `NULL`.
pub const CONVERSATIONS_COLUMNS: [(&str, &str); 12] = [
    ("source", "the vendor's name"),
    ("account", "the account's name in the settings"),
    ("conversation_id", "the conversation's id at the vendor"),
    ("started_at", "when the conversation began"),
    ("ended_at", "when it ended; NULL while it is open"),
    ("channel", "the channel, in the vendor's words"),
    ("customer_phone", "the customer's phone number"),
    ("customer_name", "the customer's name"),
    ("reached_agent", "whether the conversation was handed to a person"),
    ("agent_name", "that person's name"),
    ("messages", "the number of messages, or the nearest count that the vendor offers"),
    ("synced_at", "when this state was stored"),
];

/// A vendor in one row of a table. The README shows it in the words of these texts.
#[derive(Clone, Copy, Debug)]
pub struct Summary {
    /// What the vendor offers, and by what a request asks for it.
    pub data: &'static str,
    /// The tables that hold it.
    pub tables: &'static [&'static str],
    /// When a day is complete, as a clause after "a day is complete when".
    pub final_when: &'static str,
    /// Where the vendor posts webhooks, below `/hooks/`, and what an event brings; `None` without webhooks.
    pub webhooks: Option<(&'static str, &'static str)>,
}

/// Examples of settings and responses.
#[derive(Clone, Copy, Debug)]
pub struct Examples {
    /// The settings that an account needs besides `source` and `token`, as a JSON object.
    pub settings: &'static str,
    /// The request of the first examples: whole days up to 2026-11-20, in UTC.
    pub days: i64,
    /// A body under the status 200 that holds rows, or names leads to fetch.
    pub response: &'static [u8],
    /// A body under the status 200 without rows.
    pub empty_response: &'static [u8],
    /// Refusals: the HTTP status, the body, and the kind of the fault that they mean.
    pub refusals: &'static [(u16, &'static [u8], &'static str)],
    /// A file that the vendor offers for download or by mail, and the number of its rows; `None` without files.
    pub file: Option<(&'static [u8], u64)>,
}

/// An account whose settings are complete and valid.
pub struct ConfiguredAccount {
    /// Builds the account's requests and parses the responses.
    pub source: Arc<dyn Source<RowBatch>>,
    /// The first day, in the account's zone, that the live sync must cover.
    pub since: Option<NaiveDate>,
}

impl fmt::Debug for ConfiguredAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfiguredAccount")
            .field("vendor", &self.source.vendor())
            .field("account", &self.source.account())
            .field("since", &self.since)
            .finish()
    }
}

/// A problem with one setting of an account. The text never contains a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("accounts.{account}.{key}: {why}; write {instead}")]
pub struct SettingsProblem {
    /// The account's name.
    pub account: String,
    /// The setting's name inside the account.
    pub key: String,
    /// What is wrong with the value.
    pub why: String,
    /// What to write instead.
    pub instead: String,
}
