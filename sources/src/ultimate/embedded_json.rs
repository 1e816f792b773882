//! JSON that the export writes inside strings.

use crate::json::compact::{compact, is_json};
use crate::json::string;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// A list in compact form. The export writes a list as such, as strings that each hold an object, or as one string
/// that holds all of it. A string without a list stays a string; `null` and a blank string are `None`.
pub fn list(raw: &str) -> Option<Cow<'_, str>> {
    embedded(raw, array, |text| text.starts_with(['[', '{']) && is_json(text))
}

/// JSON in compact form, as such or inside a string. A string without JSON stays a string; `null` and a blank string
/// are `None`.
pub fn value(raw: &str) -> Option<Cow<'_, str>> {
    embedded(raw, compact, is_json)
}

/// The result of `convert` for the JSON in `raw`, or for the string in `raw` where `is_embedded` finds JSON in it.
fn embedded(raw: &str, convert: fn(&str) -> Cow<'_, str>, is_embedded: fn(&str) -> bool) -> Option<Cow<'_, str>> {
    match raw.as_bytes().first() {
        Some(b'n') | None => None,
        Some(b'"') => {
            let text = string::decode(raw).unwrap_or_default();
            match text.trim() {
                "" | "null" => None,
                inner if is_embedded(inner) => Some(convert(inner).into_owned().into()),
                _ => Some(string::encode(&text).into()),
            }
        }
        Some(_) => Some(convert(raw)),
    }
}

/// An array whose objects may be written as strings. Other strings stay strings.
fn array(raw: &str) -> Cow<'_, str> {
    if !raw.contains("\"{") {
        return compact(raw);
    }
    let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(raw) else { return compact(raw) };
    let item = |raw: &RawValue| {
        let text = string::decode(raw.get()).unwrap_or_default();
        let is_object = text.starts_with('{') && is_json(&text);
        if is_object { compact(&text).into_owned() } else { compact(raw.get()).into_owned() }
    };
    Cow::Owned(format!("[{}]", items.into_iter().map(item).collect::<Vec<_>>().join(",")))
}
