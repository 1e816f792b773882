//! A text of JSON, in its quotes → what it says.

use serde::de::{Deserializer, Error, Visitor};
use std::fmt;

/// What `raw` says; half of a surrogate pair (an emoji cut in two) becomes U+FFFD. `None` where it is no text.
pub fn text(raw: &[u8]) -> Option<String> {
    struct Bytes;
    impl Visitor<'_> for Bytes {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text")
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<String, E> {
            Ok(String::from_utf8_lossy(bytes).into_owned())
        }
    }
    if let Ok(text) = serde_json::from_slice(raw) {
        return Some(text);
    }
    serde_json::Deserializer::from_slice(raw).deserialize_bytes(Bytes).ok()
}
