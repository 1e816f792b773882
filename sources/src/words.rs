//! The words of a body that is no success.

use crate::json::Json;
use crate::quote::shown;

/// The most that is kept of a body which is no success.
pub const NOTE: usize = 64 * 1024;

/// The text of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    text: String,
    is_page: bool,
}

impl Words {
    /// What `body` says: the texts in it where it is JSON, whatever they are called, else the body itself.
    pub fn read(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let text = text.trim_start_matches('\u{feff}').trim();
        let is_page = text.starts_with('<');
        let mut words = Vec::new();
        match Json::read(text) {
            Some(json) => collect(&json, "", &mut words),
            None => words.push(text.to_owned()),
        }
        Self { text: words.join("; "), is_page }
    }

    /// Whether it is a page for people.
    pub fn is_page(&self) -> bool {
        self.is_page
    }

    /// All of it without case, to look for words in it. It may name people: it is not to be shown.
    pub fn lowercase(&self) -> String {
        self.text.to_lowercase()
    }

    /// What it says, fit to be shown, after `label`.
    pub fn quote(&self, label: &str) -> String {
        let words = if self.is_page { String::new() } else { shown(&self.text) };
        if words.is_empty() { label.to_owned() } else { format!("{label}: {words}") }
    }
}

/// The texts of `json`, with the names that Django gives the fields it complains about.
fn collect(json: &Json, name: &str, words: &mut Vec<String>) {
    match json {
        Json::Text(text) if ["", "detail", "message", "error", "code"].contains(&name) => words.push(text.clone()),
        Json::Text(text) => words.push(format!("{name}: {text}")),
        Json::List(items) => items.iter().for_each(|item| collect(item, name, words)),
        Json::Object(members) => members.iter().for_each(|(name, value)| collect(value, name, words)),
        Json::Plain(_) => {}
    }
}
