//! The settings file of a test.

use super::zone;
use simulator::wolkvox::Config;
use std::fmt::Write;

/// The settings of an account at a simulated vendor, with intervals short enough for a test.
#[derive(Clone)]
pub struct AccountSettings {
    name: String,
    keys: Vec<(String, String)>,
}

impl AccountSettings {
    /// Creates the Wolkvox account `name` at `base`.
    pub fn new(name: &str, base: &str, token: &str) -> Self {
        let account = Self::of("wolkvox", name, base, token).with("maintenance_pause", "1s");
        if zone() == Config::default().zone { account } else { account.with("timezone", zone().name()) }
    }

    /// Creates the account `name` of a vendor with the settings that all vendors share.
    pub fn of(source: &str, name: &str, base: &str, token: &str) -> Self {
        let account = Self { name: name.to_owned(), keys: Vec::new() };
        account
            .with("source", source)
            .with("base_url", base)
            .with("token", token)
            .with("interval", "2s")
            .with("refresh", "4s")
            .with("spacing", "20ms")
            .with("timeout", "3s")
            .with("lease", "5s")
            .with("retry_min", "200ms")
            .with("retry_max", "2s")
    }

    /// Sets `key` to the text `value`.
    pub fn with(self, key: &str, value: &str) -> Self {
        self.written(key, format!("{value:?}"))
    }

    /// Sets `key` to a list of texts.
    pub fn with_list(self, key: &str, values: &[String]) -> Self {
        self.written(key, format!("{values:?}"))
    }

    fn written(mut self, key: &str, value: String) -> Self {
        self.keys.retain(|(known, _)| known != key);
        self.keys.push((key.to_owned(), value));
        self
    }

    /// Removes `key`.
    pub fn without(mut self, key: &str) -> Self {
        self.keys.retain(|(known, _)| known != key);
        self
    }

    /// The settings file with this account.
    pub fn file(&self, database: &str, queue: &str) -> String {
        Self::file_of(std::slice::from_ref(self), database, queue)
    }

    /// The settings file with several accounts.
    pub fn file_of(accounts: &[Self], database: &str, queue: &str) -> String {
        let mut text =
            format!("[database]\nurl = {database:?}\n[queue]\nurl = {queue:?}\n[server]\nbind = \"127.0.0.1:0\"\n");
        for account in accounts {
            let _ = writeln!(text, "[accounts.{}]", account.name);
            for (key, value) in &account.keys {
                let _ = writeln!(text, "{key} = {value}");
            }
        }
        text
    }
}
