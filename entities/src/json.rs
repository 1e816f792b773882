//! JSON that PostgreSQL's `jsonb` takes.

use serde_json::Value;
use std::borrow::Cow;

/// `text` as it is where `jsonb` takes it; else what is nearest. A NUL (`\u0000`) becomes U+FFFD, and what is no JSON at
/// all, or holds half a surrogate pair or a number beyond all bounds, becomes a JSON string of the text.
#[must_use]
pub fn storable(text: &str) -> Cow<'_, str> {
    if !needs_a_look(text) {
        return Cow::Borrowed(text);
    }
    match serde_json::from_str::<Value>(text) {
        Ok(mut value) => {
            mend(&mut value);
            Cow::Owned(value.to_string())
        }
        Err(_) => Cow::Owned(Value::String(text.replace('\0', "\u{fffd}")).to_string()),
    }
}

/// Escapes by number may be what `jsonb` refuses, and a number with an exponent of some digits may be too large. Both
/// are rare, and looking for them is much quicker than reading.
fn needs_a_look(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_number =
        |at: usize| at > 0 && bytes.get(at - 1).is_some_and(u8::is_ascii_digit) && is_large(bytes.get(at + 1..));
    text.contains("\\u") || memchr::memchr2_iter(b'e', b'E', bytes).any(is_number)
}

fn is_large(exponent: Option<&[u8]>) -> bool {
    let digits = |text: &[u8]| text.iter().take(3).filter(|byte| byte.is_ascii_digit()).count() == 3;
    match exponent {
        Some([b'+' | b'-', rest @ ..] | rest) => digits(rest),
        None => false,
    }
}

fn mend(value: &mut Value) {
    match value {
        Value::String(text) if text.contains('\0') => *text = text.replace('\0', "\u{fffd}"),
        Value::Array(items) => items.iter_mut().for_each(mend),
        Value::Object(members) => {
            if members.keys().any(|name| name.contains('\0')) {
                let old = std::mem::take(members);
                *members = old.into_iter().map(|(name, value)| (name.replace('\0', "\u{fffd}"), value)).collect();
            }
            members.values_mut().for_each(mend);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_jsonb_takes_stays_as_it_is() {
        for text in ["{}", r#"{"a": [1, 2.5, -3], "b": "é"}"#, "null", r#""a\\b""#, r#"["6a41cee6fb"]"#] {
            assert_eq!(storable(text), text);
        }
    }

    #[test]
    fn what_jsonb_refuses_is_mended_or_kept_as_text() {
        assert_eq!(storable(r#"{"a\u0000":["x\u0000y"]}"#), "{\"a\u{fffd}\":[\"x\u{fffd}y\"]}");
        assert_eq!(storable(r#"["\u00e9"]"#), r#"["é"]"#);
        assert_eq!(storable(r#"["\ud800"]"#), r#""[\"\\ud800\"]""#);
        assert_eq!(storable("[1e999999]"), r#""[1e999999]""#);
        assert_eq!(storable("[1e300]"), "[1e+300]");
        assert_eq!(storable("[1e3]"), "[1e3]");
    }
}
