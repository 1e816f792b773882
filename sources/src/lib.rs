//! The vendors: one folder each builds requests and parses responses. Nothing here sends, waits, reads a clock, a file
//! or the environment, or draws a random number.
//!
//! | part | files |
//! |---|---|
//! | a vendor: README, settings, rules, requests, parsers, fixtures | [`wolkvox`], [`certainly`], [`ultimate`], [`truora`], [`treble`] |
//! | registration and settings | [`vendor`], [`settings`], `server_url` |
//! | one response: success or refusal, rows in batches, rejected rows | `response_reader`, `error_body`, `row_batcher`, `reject_log` |
//! | JSON: values in canonical form, long sequences, arrays, whole bodies | `json`, `fields`, `members` |
//! | CSV files | `csv_reader`, `csv_header`, `encoding` |
//! | values that vendors write in several ways | `timestamp`, `normalize`, `suggest` |
//! | secrets and personal data | `signature`, `webhook_secrets`, `base64url`, `redact` |
//!
//! A new vendor is a folder here, its entities with one migration, and one line in [`VENDORS`]. Commands, dashboard,
//! metrics and tests read that list.

mod base64url;
pub mod certainly;
mod csv_header;
mod csv_reader;
mod encoding;
mod error_body;
mod fields;
mod json;
mod malformed;
mod members;
mod normalize;
mod page_position;
mod preamble;
mod redact;
mod reject_log;
mod response_reader;
mod row_batcher;
mod server_url;
pub mod settings;
mod signature;
mod stand_in_id;
mod status_fault;
mod suggest;
#[cfg(test)]
mod test_support;
mod timestamp;
pub mod treble;
pub mod truora;
pub mod ultimate;
pub mod vendor;
mod webhook_secrets;
pub mod wolkvox;

pub use suggest::suggest;
pub use vendor::{ConfiguredAccount, SettingsProblem, Vendor};

use serde_json::{Map, Value};
use settings::Settings;

/// Every vendor.
pub const VENDORS: &[Vendor] = &[wolkvox::VENDOR, certainly::VENDOR, ultimate::VENDOR, truora::VENDOR, treble::VENDOR];

/// Opens the account of the vendor that `source` names. `settings` are the account's settings, secrets resolved.
///
/// # Errors
/// All problems with the settings, not only the first one.
pub fn open(account: &str, settings: &Map<String, Value>) -> Result<ConfiguredAccount, Vec<SettingsProblem>> {
    open_with(VENDORS, account, settings)
}

/// Opens an account like [`open`], of another list of vendors.
///
/// # Errors
/// All problems with the settings, not only the first one.
pub fn open_with(
    vendors: &[Vendor],
    account: &str,
    settings: &Map<String, Value>,
) -> Result<ConfiguredAccount, Vec<SettingsProblem>> {
    let mut settings = Settings::new(account, settings);
    let opened = settings.vendor(vendors).and_then(|vendor| {
        settings.check_keys(vendor);
        (vendor.open)(&mut settings)
    });
    let problems = settings.into_problems();
    opened.filter(|_| problems.is_empty()).ok_or(problems)
}

/// Each vendor's SELECT for the view `conversations`.
#[must_use]
pub fn conversations_view() -> Vec<&'static str> {
    VENDORS.iter().map(|vendor| vendor.conversations_view).collect()
}
