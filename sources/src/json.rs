//! JSON in one spelling: compact, members in order, a number with all its digits. What means the same is then the same
//! text, whether it came in an answer or in a cell of a file.

use crate::literal;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json {
    /// A number, `true`, `false` or `null`, as it is written.
    Plain(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Json>),
    /// An object.
    Object(BTreeMap<String, Json>),
}

/// Lists and objects inside each other. The report has five.
const DEEPEST: u32 = 64;

impl Json {
    /// Reads `text`; `None` where it is no JSON, or nested beyond all sense.
    pub fn read(text: &str) -> Option<Self> {
        Self::of(serde_json::from_str(text).ok()?)
    }

    /// The value in `raw`.
    pub fn of(raw: &RawValue) -> Option<Self> {
        of(raw.get(), DEEPEST)
    }

    /// Nothing, or a text without a letter in it.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Plain(word) => word == "null",
            Self::Text(text) => text.is_empty(),
            Self::List(_) | Self::Object(_) => false,
        }
    }

    /// As a cell of a file shows it: a text as it is, nothing for null, anything else as JSON.
    pub fn shown(&self) -> String {
        match self {
            Self::Plain(_) if self.is_empty() => String::new(),
            Self::Text(text) => text.clone(),
            other => other.to_string(),
        }
    }

    /// What a file's cell, which has no types, and an answer, which has, agree on: lists and objects as such, also from
    /// a text that holds them; `true` and `false` however they are written; every other scalar as a text.
    pub fn agreed(self) -> Self {
        let text = match self {
            Self::List(_) | Self::Object(_) => return self,
            Self::Plain(word) if word == "null" => return Self::Plain(word),
            Self::Plain(word) | Self::Text(word) => word,
        };
        let may_be_json = text.trim_start().starts_with(['{', '[', '"', 'n']);
        match Self::read(&text).filter(|_| may_be_json) {
            Some(read) => read,
            None if text.eq_ignore_ascii_case("true") => Self::Plain("true".to_owned()),
            None if text.eq_ignore_ascii_case("false") => Self::Plain("false".to_owned()),
            None => Self::Text(text),
        }
    }

    /// Ids are written as numbers and as texts; here they are texts, wherever a member is called `id`.
    pub fn spell_ids(&mut self) {
        match self {
            Self::List(items) => items.iter_mut().for_each(Self::spell_ids),
            Self::Object(members) => {
                for (name, value) in members {
                    if name == "id" { value.number_to_text() } else { value.spell_ids() }
                }
            }
            Self::Plain(_) | Self::Text(_) => {}
        }
    }

    /// A number as a text, and so each number of a list.
    pub fn number_to_text(&mut self) {
        match self {
            Self::Plain(number) if number.starts_with(['-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']) => {
                *self = Self::Text(std::mem::take(number));
            }
            Self::List(items) => items.iter_mut().for_each(Self::number_to_text),
            _ => {}
        }
    }

    /// Puts `value` where `path` leads, unless something is there; `false` where no way leads there.
    pub fn fill(&mut self, path: &[String], value: Json) -> bool {
        let Self::Object(members) = self else { return false };
        match path {
            [] => false,
            [name] => {
                let place = members.entry(name.clone()).or_insert(Self::Plain("null".to_owned()));
                if place.is_empty() {
                    *place = value;
                }
                true
            }
            [name, rest @ ..] => {
                let place = members.entry(name.clone()).or_insert_with(|| Self::Object(BTreeMap::new()));
                place.fill(rest, value)
            }
        }
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(word) => f.write_str(word),
            Self::Text(text) => write_text(f, text),
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
                    f.write_str(if at > 0 { "," } else { "" })?;
                    write_text(f, name)?;
                    write!(f, ":{value}")?;
                }
                f.write_str("}")
            }
        }
    }
}

fn write_text(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str(&serde_json::to_string(text).map_err(|_| fmt::Error)?)
}

fn of(raw: &str, deepest: u32) -> Option<Json> {
    let inner = |raw: &RawValue| of(raw.get(), deepest.checked_sub(1)?);
    Some(match raw.trim_ascii().as_bytes().first()? {
        b'"' => Json::Text(literal::text(raw.as_bytes())?),
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(raw).ok()?;
            Json::List(items.into_iter().map(inner).collect::<Option<_>>()?)
        }
        b'{' => {
            let members: BTreeMap<String, &RawValue> = serde_json::from_str(raw).ok()?;
            let members = members.into_iter().map(|(name, value)| Some((name, inner(value)?)));
            Json::Object(members.collect::<Option<_>>()?)
        }
        _ => Json::Plain(plain(raw.trim_ascii())),
    })
}

/// A number without zeros that say nothing: 1500.0 is 1500.
fn plain(word: &str) -> String {
    let has_decimals = word.contains('.') && !word.contains(['e', 'E']);
    if has_decimals { word.trim_end_matches('0').trim_end_matches('.').to_owned() } else { word.to_owned() }
}
