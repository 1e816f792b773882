//! Rewrites JSON text in compact form without building values: members keep their order, numbers their digits.
//!
//! Long exports consist mostly of text that is compact already; one scan shows that, and nothing is copied.

use super::string;
use std::borrow::Cow;

/// The deepest nesting that every reader of the database takes. Deeper JSON is stored as a string.
const MAX_DEPTH: usize = 100;

/// `text`, which must be JSON, without spaces between its parts and with no escape that JSON can do without.
pub fn compact(text: &str) -> Cow<'_, str> {
    let scan = Scan::of(text);
    if scan.depth > MAX_DEPTH {
        return string::encode(text).into();
    }
    if scan.is_compact {
        return Cow::Borrowed(text);
    }
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.bytes().next() {
        let length = match first {
            b'"' => string_length(rest),
            _ => rest.bytes().position(|byte| byte == b'"').unwrap_or(rest.len()),
        };
        let (part, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        match first {
            b'"' if has_no_spare_escape(part) => kept.push_str(part),
            b'"' => kept.push_str(&string::encode(&string::decode(part).unwrap_or_default())),
            _ => kept.extend(part.chars().filter(|character| !character.is_ascii_whitespace())),
        }
        rest = after;
    }
    kept.into()
}

/// Whether all of `text` is one JSON value.
pub fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// The result of one scan over JSON text.
struct Scan {
    is_compact: bool,
    depth: usize,
}

impl Scan {
    fn of(text: &str) -> Self {
        let (mut scan, mut depth) = (Self { is_compact: true, depth: 0 }, 0_usize);
        let (bytes, mut at) = (text.as_bytes(), 0);
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'"' => {
                    let rest = text.get(at..).unwrap_or_default();
                    let length = string_length(rest);
                    scan.is_compact &= rest.get(..length).is_some_and(has_no_spare_escape);
                    at += length - 1;
                }
                b'[' | b'{' => {
                    depth += 1;
                    scan.depth = scan.depth.max(depth);
                }
                b']' | b'}' => depth = depth.saturating_sub(1),
                b' ' | b'\n' | b'\r' | b'\t' => scan.is_compact = false,
                _ => {}
            }
            at += 1;
        }
        scan
    }
}

/// The length of the JSON string that `rest` begins with, quotes included.
fn string_length(rest: &str) -> usize {
    let (bytes, mut at) = (rest.as_bytes(), 1);
    while let Some(found) = bytes.get(at..).and_then(|bytes| memchr::memchr2(b'"', b'\\', bytes)) {
        at += found;
        if bytes.get(at) == Some(&b'"') {
            return at + 1;
        }
        at += 2;
    }
    rest.len()
}

/// Whether every escape in a JSON string is one that it needs.
fn has_no_spare_escape(string: &str) -> bool {
    memchr::memchr(b'\\', string.as_bytes()).is_none() || !string.contains("\\u") && !string.contains("\\/")
}
