//! Turns JSON text into text that PostgreSQL's `jsonb` accepts, and back into one form.

use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Returns `text` unchanged if `jsonb` accepts it. A NUL (`\u0000`) becomes U+FFFD. Text that is not JSON, or that has half a
/// surrogate pair or a number that is too large, becomes a JSON string.
#[must_use]
pub fn to_jsonb(text: &str) -> Cow<'_, str> {
    if !may_be_refused(text) {
        return Cow::Borrowed(text);
    }
    match serde_json::from_str::<Value>(text) {
        Ok(mut value) => {
            replace_nul(&mut value);
            Cow::Owned(value.to_string())
        }
        Err(_) => Cow::Owned(Value::String(text.replace('\0', "\u{fffd}")).to_string()),
    }
}

/// `jsonb` refuses some `\u` escapes and numbers with a large exponent. Both are rare, and this search for them is much
/// faster than a parser.
fn may_be_refused(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_number = |at: usize| {
        at > 0 && bytes.get(at - 1).is_some_and(u8::is_ascii_digit) && has_large_exponent(bytes.get(at + 1..))
    };
    text.contains("\\u") || memchr::memchr2_iter(b'e', b'E', bytes).any(is_number)
}

fn has_large_exponent(exponent: Option<&[u8]>) -> bool {
    let digits = |text: &[u8]| text.iter().take(3).filter(|byte| byte.is_ascii_digit()).count() == 3;
    match exponent {
        Some([b'+' | b'-', rest @ ..] | rest) => digits(rest),
        None => false,
    }
}

fn replace_nul(value: &mut Value) {
    match value {
        Value::String(text) if text.contains('\0') => *text = text.replace('\0', "\u{fffd}"),
        Value::Array(items) => items.iter_mut().for_each(replace_nul),
        Value::Object(members) => {
            if members.keys().any(|name| name.contains('\0')) {
                let old = std::mem::take(members);
                *members = old.into_iter().map(|(name, value)| (name.replace('\0', "\u{fffd}"), value)).collect();
            }
            members.values_mut().for_each(replace_nul);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The deepest nesting of JSON that [`canonical`] reads.
const MAX_DEPTH: usize = 100;

/// Returns JSON in one form: without spaces, members by name, numbers as they are written. PostgreSQL returns `jsonb` in
/// another order and with spaces. `None` if `text` is not JSON, or is nested too deeply.
#[must_use]
pub fn canonical(text: &str) -> Option<String> {
    let mut written = String::with_capacity(text.len());
    write(&mut written, text, MAX_DEPTH)?;
    Some(written)
}

fn write(written: &mut String, text: &str, depth: usize) -> Option<()> {
    let inner = depth.checked_sub(1)?;
    match text.trim_start().bytes().next()? {
        b'{' => {
            let members: BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
            written.push('{');
            for (index, (name, value)) in members.into_iter().enumerate() {
                if index > 0 {
                    written.push(',');
                }
                written.push_str(&Value::String(name).to_string());
                written.push(':');
                write(written, value.get(), inner)?;
            }
            written.push('}');
        }
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
            written.push('[');
            for (index, value) in items.into_iter().enumerate() {
                if index > 0 {
                    written.push(',');
                }
                write(written, value.get(), inner)?;
            }
            written.push(']');
        }
        b'"' => written.push_str(&serde_json::from_str::<Value>(text).ok()?.to_string()),
        _ => written.push_str(serde_json::from_str::<&RawValue>(text).ok()?.get()),
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_one_form_and_keeps_its_numbers() {
        let text = r#" { "bb" : [ 1.10 , {} , [ ] , null ], "a" : "\u00e9\n", "c": {"y": -1e2, "x": true} } "#;
        let expected = r#"{"a":"é\n","bb":[1.10,{},[],null],"c":{"x":true,"y":-1e2}}"#;
        assert_eq!(canonical(text).as_deref(), Some(expected));
        assert_eq!(canonical(expected).as_deref(), Some(expected));
        for text in ["", "{", "[1,]", "{\"a\":}", "nul"] {
            assert_eq!(canonical(text), None, "{text}");
        }
    }

    #[test]
    fn text_that_jsonb_accepts_stays_unchanged() {
        for text in ["{}", r#"{"a": [1, 2.5, -3], "b": "é"}"#, "null", r#""a\\b""#, r#"["6a41cee6fb"]"#] {
            assert_eq!(to_jsonb(text), text);
        }
    }

    #[test]
    fn text_that_jsonb_refuses_is_repaired_or_becomes_a_string() {
        assert_eq!(to_jsonb(r#"{"a\u0000":["x\u0000y"]}"#), "{\"a\u{fffd}\":[\"x\u{fffd}y\"]}");
        assert_eq!(to_jsonb(r#"["\u00e9"]"#), r#"["é"]"#);
        assert_eq!(to_jsonb(r#"["\ud800"]"#), r#""[\"\\ud800\"]""#);
        assert_eq!(to_jsonb("[1e999999]"), r#""[1e999999]""#);
        assert_eq!(to_jsonb("[1e300]"), "[1e+300]");
        assert_eq!(to_jsonb("[1e3]"), "[1e3]");
    }
}
