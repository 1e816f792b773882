//! Decodes and encodes JSON strings.

use serde::de::{Deserializer, Error, Visitor};
use serde_json::Value;
use std::borrow::Cow;
use std::fmt;

/// The text that a JSON string, quotes included, stands for. Half of a surrogate pair (an emoji cut in two) becomes
/// U+FFFD. `None` where `raw` is no JSON string.
pub fn decode(raw: &str) -> Option<Cow<'_, str>> {
    struct Bytes;
    impl Visitor<'_> for Bytes {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<String, E> {
            Ok(String::from_utf8_lossy(bytes).into_owned())
        }
    }
    match raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) if !inner.contains('\\') => return Some(Cow::Borrowed(inner)),
        Some(_) => {}
        None => return None,
    }
    if let Ok(text) = serde_json::from_str(raw) {
        return Some(Cow::Owned(text));
    }
    serde_json::Deserializer::from_slice(raw.as_bytes()).deserialize_bytes(Bytes).ok().map(Cow::Owned)
}

/// `text` as a JSON string. NUL, which no database stores, becomes U+FFFD.
pub fn encode(text: &str) -> String {
    Value::String(if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text.to_owned() }).to_string()
}
