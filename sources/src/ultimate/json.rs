//! JSON in one spelling, so that what means the same is stored as the same bytes.

use crate::literal;
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// So deep a nesting is read by everyone; what is deeper is kept as text.
const DEEPEST: usize = 100;

/// A list that came as one, as texts that hold its objects, or as one text that holds all of it. `None` where it says
/// nothing. A text that holds no list stays a text.
pub fn list(raw: &str) -> Option<Cow<'_, str>> {
    match raw.as_bytes().first() {
        Some(b'n') | None => None,
        Some(b'"') => {
            let text = decoded(raw);
            match text.trim() {
                "" | "null" => None,
                inner if inner.starts_with(['[', '{']) && is_json(inner) => Some(array(inner).into_owned().into()),
                _ => Some(quoted(&text).into()),
            }
        }
        Some(_) => Some(array(raw)),
    }
}

/// JSON that came inside a text, or as it is. A text that holds none stays a text; `None` where it says nothing.
pub fn inside(raw: &str) -> Option<Cow<'_, str>> {
    match raw.as_bytes().first() {
        Some(b'n') | None => None,
        Some(b'"') => {
            let text = decoded(raw);
            match text.trim() {
                "" | "null" => None,
                inner if is_json(inner) => Some(compact(inner).into_owned().into()),
                _ => Some(quoted(&text).into()),
            }
        }
        Some(_) => Some(compact(raw)),
    }
}

/// `text`, which must be JSON, without blanks between its parts and with as few escapes as can be.
pub fn compact(text: &str) -> Cow<'_, str> {
    let look = Look::at(text);
    if look.depth > DEEPEST {
        return quoted(text).into();
    }
    if look.is_compact {
        return Cow::Borrowed(text);
    }
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.bytes().next() {
        let length = match first {
            b'"' => token(rest),
            _ => rest.bytes().position(|byte| byte == b'"').unwrap_or(rest.len()),
        };
        let (part, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        match first {
            b'"' if is_plain(part) => kept.push_str(part),
            b'"' => kept.push_str(&quoted(&decoded(part))),
            _ => kept.extend(part.chars().filter(|character| !character.is_ascii_whitespace())),
        }
        rest = after;
    }
    kept.into()
}

/// `text` as a JSON text. Neither half of a surrogate pair nor NUL is in it, which no database holds.
pub fn quoted(text: &str) -> String {
    Value::String(if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text.to_owned() }).to_string()
}

/// What a JSON text says; half of a surrogate pair (an emoji cut in two) becomes U+FFFD.
pub fn decoded(raw: &str) -> Cow<'_, str> {
    match raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) if !inner.contains('\\') => Cow::Borrowed(inner),
        _ => Cow::Owned(literal::text(raw.as_bytes()).unwrap_or_default()),
    }
}

/// An array whose objects may be written as texts; anything else as it is. Words stay words.
fn array(raw: &str) -> Cow<'_, str> {
    if !raw.contains("\"{") {
        return compact(raw);
    }
    let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(raw) else { return compact(raw) };
    let item = |raw: &RawValue| {
        let text = if raw.get().starts_with('"') { decoded(raw.get()) } else { Cow::Borrowed("") };
        let is_object = text.starts_with('{') && is_json(&text);
        if is_object { compact(&text).into_owned() } else { compact(raw.get()).into_owned() }
    };
    Cow::Owned(format!("[{}]", items.into_iter().map(item).collect::<Vec<_>>().join(",")))
}

/// What one scan over JSON shows.
struct Look {
    is_compact: bool,
    depth: usize,
}

impl Look {
    fn at(text: &str) -> Self {
        let (mut look, mut depth) = (Self { is_compact: true, depth: 0 }, 0_usize);
        let (bytes, mut at) = (text.as_bytes(), 0);
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'"' => {
                    let rest = text.get(at..).unwrap_or_default();
                    let length = token(rest);
                    look.is_compact &= rest.get(..length).is_some_and(is_plain);
                    at += length - 1;
                }
                b'[' | b'{' => {
                    depth += 1;
                    look.depth = look.depth.max(depth);
                }
                b']' | b'}' => depth = depth.saturating_sub(1),
                b' ' | b'\n' | b'\r' | b'\t' => look.is_compact = false,
                _ => {}
            }
            at += 1;
        }
        look
    }
}

/// Whether `text` is JSON from end to end.
fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// The length of the JSON text that `rest` begins with, quotes included.
fn token(rest: &str) -> usize {
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

/// Whether a JSON text has only escapes that cannot be left out.
fn is_plain(token: &str) -> bool {
    memchr::memchr(b'\\', token.as_bytes()).is_none() || !token.contains("\\u") && !token.contains("\\/")
}
