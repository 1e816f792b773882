//! The texts that operators meet first: help, and errors in the settings.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod help;
mod secrecy;
mod settings;

use convosync::settings::Settings;
use std::collections::BTreeMap;

/// The error that these settings end with, by their loading or by the opening of their accounts.
fn error_of(text: &str, variables: &[(&str, &str)]) -> Option<String> {
    let named = |(name, value): &(&str, &str)| (format!("CONVOSYNC__{name}"), (*value).to_owned());
    let variables: BTreeMap<String, String> = variables.iter().map(named).collect();
    let loaded = Settings::from_text(text, &variables);
    loaded.and_then(|settings| settings.accounts().map(drop)).err().map(|error| error.to_string())
}
