//! Tests of the command line: exit codes, printed text and JSON.

mod closed_pipes;
mod environment;
mod exit_codes;
mod health;
mod help;
mod import_proof;
mod imports;
mod invalid_settings;
mod job_lists;
mod json_output;
mod operations;
mod pending_migrations;

use crate::harness::{AccountSettings, Engine, convosync_in};
use crate::store::Store;
use serde_json::Value;

/// The exit code and the output of a command.
pub struct CommandOutput {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl CommandOutput {
    /// Parses stdout as JSON; panics if it holds anything else.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}\n{}\n{}", self.out, self.err))
    }
}

/// Runs a command with these environment variables.
pub async fn run_command_with(variables: &[(&str, &str)], settings: &str, arguments: &[&str]) -> CommandOutput {
    let output = convosync_in(variables, settings, arguments).await;
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    CommandOutput { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

/// Runs a command.
pub async fn run_command(settings: &str, arguments: &[&str]) -> CommandOutput {
    run_command_with(&[], settings, arguments).await
}

/// Runs a command that must succeed and print JSON.
pub async fn json(settings: &str, arguments: &[&str]) -> Value {
    let output = run_command(settings, &[&["--output", "json"], arguments].concat()).await;
    assert_eq!(output.code, 0, "{arguments:?}: {}", output.err);
    output.json()
}

/// A store and the settings of its account `a`. The vendor of `a` does not answer, and its days are days in UTC.
pub async fn store_and_settings() -> (Store, String) {
    let store = Store::fresh(Engine::Sqlite).await;
    let settings = unreachable_account().file(&store.made.url, "memory:");
    (store, settings)
}

/// An account whose vendor does not answer. It has the token of the account in [`Store`], so both use one lane.
pub fn unreachable_account() -> AccountSettings {
    AccountSettings::new("a", "http://127.0.0.1:9", "a").with("timezone", "UTC")
}
