//! Settings as a user would write them.

use std::fmt::Write;

/// One Wolkvox account at a simulated vendor, quick enough for a test.
#[derive(Clone)]
pub struct AccountText {
    name: String,
    keys: Vec<(String, String)>,
}

impl AccountText {
    /// The account `name` at `base`, with `token`.
    pub fn new(name: &str, base: &str, token: &str) -> Self {
        let account = Self { name: name.to_owned(), keys: Vec::new() };
        account
            .with("source", "wolkvox")
            .with("base_url", base)
            .with("token", token)
            .with("interval", "2s")
            .with("refresh", "4s")
            .with("spacing", "20ms")
            .with("timeout", "3s")
            .with("lease", "5s")
            .with("retry_min", "200ms")
            .with("retry_max", "2s")
            .with("maintenance_pause", "1s")
    }

    /// With `key` set to the text `value`, replacing what was there.
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.keys.retain(|(known, _)| known != key);
        self.keys.push((key.to_owned(), format!("{value:?}")));
        self
    }

    /// The whole file.
    pub fn file(&self, database: &str, queue: &str) -> String {
        let mut text = format!(
            "[database]\nurl = {database:?}\n[queue]\nurl = {queue:?}\n[server]\nbind = \"127.0.0.1:0\"\n[accounts.{}]\n",
            self.name
        );
        for (key, value) in &self.keys {
            let _ = writeln!(text, "{key} = {value}");
        }
        text
    }
}
