//! JSON in pieces. Where a value ends is found here; whether it is one is left to `serde_json`.

use crate::literal;
use serde_json::Value;

/// Looks for the end of one value in a buffer that grows. Each byte is looked at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct End {
    scanned: usize,
    depth: usize,
    in_text: bool,
    escaped: bool,
}

impl End {
    /// The length of the value that `buffer` begins with; `None` while its end is not in sight. The next call must
    /// bring the same bytes and perhaps more.
    pub fn find(&mut self, buffer: &[u8]) -> Option<usize> {
        let is_scalar = !matches!(buffer.first()?, b'{' | b'[' | b'"');
        for (at, byte) in buffer.iter().enumerate().skip(self.scanned) {
            if is_scalar && matches!(byte, b',' | b']' | b'}' | b' ' | b'\n' | b'\r' | b'\t') {
                return Some(at);
            }
            if !is_scalar && self.closes(*byte) {
                return Some(at + 1);
            }
        }
        self.scanned = buffer.len();
        None
    }

    /// Whether the value is over with `byte`.
    fn closes(&mut self, byte: u8) -> bool {
        if self.escaped {
            self.escaped = false;
            return false;
        }
        match byte {
            b'\\' => self.escaped = self.in_text,
            b'"' => {
                self.in_text = !self.in_text;
                return self.depth == 0 && !self.in_text;
            }
            b'{' | b'[' if !self.in_text => self.depth += 1,
            b'}' | b']' if !self.in_text => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            _ => {}
        }
        false
    }
}

/// Whether `raw` is one JSON value and nothing else.
pub fn is_value(raw: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(raw).is_ok()
}

/// The members of an object, each value as its bytes; `None` where `raw` is no object. `raw` must be a value.
pub fn members(raw: &[u8]) -> Option<Vec<(String, &[u8])>> {
    let mut rest = raw.trim_ascii().strip_prefix(b"{")?;
    let mut members = Vec::new();
    loop {
        rest = rest.trim_ascii_start();
        if rest.first()? == &b'}' {
            return Some(members);
        }
        rest = rest.strip_prefix(b",").unwrap_or(rest).trim_ascii_start();
        let (key, after) = rest.split_at_checked(End::default().find(rest)?)?;
        let value = after.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
        let (value, after) = value.split_at_checked(End::default().find(value)?)?;
        members.push((text(key), value));
        rest = after;
    }
}

/// A value as text: a text as it is, nothing for null, anything else as it is written. A number keeps all its digits.
///
/// No database holds the character NUL, so it is left out; half of a surrogate pair (an emoji cut in two) becomes U+FFFD.
pub fn text(raw: &[u8]) -> String {
    let text = match raw.first() {
        Some(b'"') => literal::text(raw).unwrap_or_default(),
        Some(b'n') => String::new(),
        // Written anew, so that blanks between its parts make no difference.
        Some(b'{' | b'[') => value(raw).to_string(),
        _ => String::from_utf8_lossy(raw).into_owned(),
    };
    without_nul(text)
}

/// A value as it came. A number that would lose digits becomes a text.
pub fn value(raw: &[u8]) -> Value {
    match serde_json::from_slice(raw) {
        Ok(Value::Number(number)) if number.to_string().as_bytes() != raw => Value::String(text(raw)),
        Ok(value) => clean(value),
        Err(_) if raw.first() == Some(&b'"') => Value::String(text(raw)),
        Err(_) => Value::String(without_nul(String::from_utf8_lossy(raw).into_owned())),
    }
}

fn clean(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(without_nul(text)),
        Value::Array(values) => values.into_iter().map(clean).collect(),
        Value::Object(members) => members.into_iter().map(|(key, value)| (without_nul(key), clean(value))).collect(),
        other => other,
    }
}

fn without_nul(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "") } else { text }
}
