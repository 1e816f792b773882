//! A JSON value in canonical form: compact, members sorted by name, every digit of a number kept. Equal values have
//! equal texts, whether they come from a response or from a cell of a file.

use super::string;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json {
    /// A number, `true`, `false` or `null`, as the vendor writes it, but without zeros at the end of decimals.
    Scalar(String),
    /// A string, decoded.
    Text(String),
    /// An array.
    List(Vec<Json>),
    /// An object.
    Object(BTreeMap<String, Json>),
}

/// The deepest nesting of arrays and objects. The vendors' documents show five levels.
const MAX_DEPTH: u32 = 64;

impl Json {
    /// Parses `text`; `None` where it is not JSON, or nested more than 64 levels deep.
    pub fn parse(text: &str) -> Option<Self> {
        Self::from_raw(serde_json::from_str(text).ok()?)
    }

    /// The value in `raw`; `None` where it is nested more than 64 levels deep.
    pub fn from_raw(raw: &RawValue) -> Option<Self> {
        from_raw(raw.get(), MAX_DEPTH)
    }

    /// Whether the value is `null` or an empty string.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Scalar(word) => word == "null",
            Self::Text(text) => text.is_empty(),
            Self::List(_) | Self::Object(_) => false,
        }
    }

    /// The value as a cell of a CSV file shows it: a string without quotes, nothing for `null`, anything else as JSON.
    pub fn to_cell(&self) -> String {
        match self {
            Self::Scalar(_) if self.is_empty() => String::new(),
            Self::Text(text) => text.clone(),
            other => other.to_string(),
        }
    }

    /// The value without its type, so that a cell of a file, which has no type, and a response agree: lists and objects
    /// also where a string holds them; `true` and `false` in any case; every other scalar as a string.
    pub fn untyped(self) -> Self {
        let text = match self {
            Self::List(_) | Self::Object(_) => return self,
            Self::Scalar(word) if word == "null" => return Self::Scalar(word),
            Self::Scalar(word) | Self::Text(word) => word,
        };
        let may_be_json = text.trim_start().starts_with(['{', '[', '"', 'n']);
        match Self::parse(&text).filter(|_| may_be_json) {
            Some(value) => value,
            None if text.eq_ignore_ascii_case("true") => Self::Scalar("true".to_owned()),
            None if text.eq_ignore_ascii_case("false") => Self::Scalar("false".to_owned()),
            None => Self::Text(text),
        }
    }

    /// Turns the number in every member called `id` into a string, because vendors write ids in both ways.
    pub fn ids_to_text(&mut self) {
        match self {
            Self::List(items) => items.iter_mut().for_each(Self::ids_to_text),
            Self::Object(members) => {
                for (name, value) in members {
                    if name == "id" { value.numbers_to_text() } else { value.ids_to_text() }
                }
            }
            Self::Scalar(_) | Self::Text(_) => {}
        }
    }

    /// Turns a number, or each number of a list, into a string.
    pub fn numbers_to_text(&mut self) {
        match self {
            Self::Scalar(number) if number.starts_with(|first: char| first == '-' || first.is_ascii_digit()) => {
                *self = Self::Text(std::mem::take(number));
            }
            Self::List(items) => items.iter_mut().for_each(Self::numbers_to_text),
            _ => {}
        }
    }

    /// Sets the member at `path` to `value` unless it holds something; returns `false` where `path` crosses a value that
    /// is not an object.
    pub fn set_default(&mut self, path: &[String], value: Json) -> bool {
        let Self::Object(members) = self else { return false };
        match path {
            [] => false,
            [name] => {
                let member = members.entry(name.clone()).or_insert(Self::Scalar("null".to_owned()));
                if member.is_empty() {
                    *member = value;
                }
                true
            }
            [name, rest @ ..] => {
                let member = members.entry(name.clone()).or_insert_with(|| Self::Object(BTreeMap::new()));
                member.set_default(rest, value)
            }
        }
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scalar(word) => f.write_str(word),
            Self::Text(text) => f.write_str(&string::encode(text)),
            Self::List(items) => {
                f.write_str("[")?;
                for (at, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if at > 0 { "," } else { "" })?;
                }
                f.write_str("]")
            }
            Self::Object(members) => {
                f.write_str("{")?;
                for (at, (name, value)) in members.iter().enumerate() {
                    write!(f, "{}{}:{value}", if at > 0 { "," } else { "" }, string::encode(name))?;
                }
                f.write_str("}")
            }
        }
    }
}

fn from_raw(raw: &str, depth: u32) -> Option<Json> {
    let nested = |raw: &RawValue| from_raw(raw.get(), depth.checked_sub(1)?);
    Some(match raw.as_bytes().first()? {
        b'"' => Json::Text(string::decode(raw)?.into_owned()),
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(raw).ok()?;
            Json::List(items.into_iter().map(nested).collect::<Option<_>>()?)
        }
        b'{' => {
            let members: BTreeMap<String, &RawValue> = serde_json::from_str(raw).ok()?;
            let members = members.into_iter().map(|(name, value)| Some((name, nested(value)?)));
            Json::Object(members.collect::<Option<_>>()?)
        }
        _ => Json::Scalar(without_trailing_zeros(raw).to_owned()),
    })
}

/// 1500.0 and 1500 are one number.
fn without_trailing_zeros(word: &str) -> &str {
    let has_decimals = word.contains('.') && !word.contains(['e', 'E']);
    if has_decimals { word.trim_end_matches('0').trim_end_matches('.') } else { word }
}
