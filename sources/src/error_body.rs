//! The body of a response that is not a success.

use crate::json::Json;
use crate::preamble::{is_html, trim};
use crate::redact::redact;

/// The most bytes that a reader keeps of such a body.
pub const MAX_BYTES: usize = 64 * 1024;
/// Members whose text needs no name before it.
const MESSAGE_NAMES: [&str; 5] = ["", "detail", "message", "error", "code"];

/// What a vendor, or a gateway before it, says about a failure. The text may name people; only [`redact`]ed parts of it
/// are for people to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorBody {
    text: String,
    /// The body, where it is JSON.
    json: Option<Json>,
}

impl ErrorBody {
    /// Parses a body: JSON, an HTML page, plain text or nothing.
    pub fn parse(body: &[u8]) -> Self {
        let text = trim(&String::from_utf8_lossy(body)).to_owned();
        let json = Json::parse(&text);
        Self { text, json }
    }

    /// Whether the body is an HTML page.
    pub fn is_html(&self) -> bool {
        is_html(&self.text)
    }

    /// The whole body, where it is not JSON. HTML counts.
    pub fn plain_text(&self) -> Option<&str> {
        self.json.is_none().then_some(self.text.as_str())
    }

    /// The text of the member `name` (in any case, blanks around it ignored) of a body that is a JSON object.
    pub fn member(&self, name: &str) -> Option<&str> {
        self.values(name).find_map(|value| match value {
            Json::Text(text) => Some(text.as_str()),
            _ => None,
        })
    }

    /// The number in the member `name`.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.values(name).find_map(|value| match value {
            Json::Scalar(word) => word.parse().ok(),
            _ => None,
        })
    }

    fn values<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Json> {
        let members = match &self.json {
            Some(Json::Object(members)) => Some(members),
            _ => None,
        };
        let named = move |(key, _): &(&String, &Json)| key.trim().eq_ignore_ascii_case(name);
        members.into_iter().flatten().filter(named).map(|(_, value)| value)
    }

    /// The text of a body that is one JSON string.
    pub fn json_text(&self) -> Option<&str> {
        match &self.json {
            Some(Json::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// All texts of the body in lower case, to search in. Never to be shown.
    pub fn lowercase(&self) -> String {
        self.texts().to_lowercase()
    }

    /// `label` and the body's texts, redacted.
    pub fn describe(&self, label: &str) -> String {
        let texts = if self.is_html() { String::new() } else { self.texts() };
        describe(label, [texts.as_str()])
    }

    /// The texts in a JSON body, whatever their names, or the body itself.
    fn texts(&self) -> String {
        let Some(json) = &self.json else { return self.text.clone() };
        let mut texts = Vec::new();
        collect(json, "", &mut texts);
        texts.join("; ")
    }
}

/// `label` and `texts`, redacted; empty ones are left out.
pub fn describe<'a>(label: &str, texts: impl IntoIterator<Item = &'a str>) -> String {
    let texts = texts.into_iter().map(redact).filter(|text| !text.is_empty());
    std::iter::once(label.to_owned()).chain(texts).collect::<Vec<_>>().join(": ")
}

/// Collects the texts of `json`. Django names the fields it complains about, so unusual names stay before their texts.
fn collect(json: &Json, name: &str, texts: &mut Vec<String>) {
    match json {
        Json::Text(text) if MESSAGE_NAMES.contains(&name) => texts.push(text.clone()),
        Json::Text(text) => texts.push(format!("{name}: {text}")),
        Json::List(items) => items.iter().for_each(|item| collect(item, name, texts)),
        Json::Object(members) => members.iter().for_each(|(name, value)| collect(value, name, texts)),
        Json::Scalar(_) => {}
    }
}
