//! The members of a JSON object as the cells of a row.

use crate::json::Json;
use crate::timestamp;
use chrono::{DateTime, Utc};
use entities::rows::{Cell, Row};
use std::collections::BTreeMap;

/// A column and the member that fills it.
#[derive(Clone, Copy, Debug)]
pub struct Mapping {
    /// The column's name in the table.
    pub column: &'static str,
    /// The member's name at the vendor.
    pub member: &'static str,
    /// The type of the value.
    pub value: ValueType,
}

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    /// Text; numbers and booleans as the vendor writes them.
    Text,
    /// A whole number, or text that holds one.
    Int,
    /// A timestamp.
    Time,
    /// JSON.
    Json,
}

/// The members of an object. A member that was taken is no longer there.
#[derive(Clone, Debug)]
pub struct Members(BTreeMap<String, Json>);

/// A column that has the member's name.
#[must_use]
pub const fn same_name(name: &'static str, value: ValueType) -> Mapping {
    Mapping { column: name, member: name, value }
}

/// A column whose member is called `member`.
#[must_use]
pub const fn renamed(column: &'static str, member: &'static str, value: ValueType) -> Mapping {
    Mapping { column, member, value }
}

impl Members {
    /// The members of `json`; `None` where it is not an object.
    #[must_use]
    pub fn of(json: Json) -> Option<Self> {
        match json {
            Json::Object(members) => Some(Self(members)),
            _ => None,
        }
    }

    /// A single member.
    #[must_use]
    pub fn single(name: &str, value: Json) -> Self {
        Self(BTreeMap::from([(name.to_owned(), value)]))
    }

    /// These names and values.
    pub fn from_pairs(members: impl IntoIterator<Item = (String, Json)>) -> Self {
        Self(members.into_iter().collect())
    }

    /// These members and `others`; where both have a name, this object's value stays.
    #[must_use]
    pub fn merged_with(mut self, others: Self) -> Self {
        for (name, value) in others.0 {
            self.0.entry(name).or_insert(value);
        }
        self
    }

    /// The value of `name`. An absent member, `null`, an empty text and an empty list are `None`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.0.get(name).filter(|value| has_content(value))
    }

    /// Whether the member is there, even as `null`.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Whether the member is an empty text. For an answer of a customer that differs from no answer.
    #[must_use]
    pub fn is_blank(&self, name: &str) -> bool {
        matches!(self.0.get(name), Some(Json::Text(text)) if text.is_empty())
    }

    /// The list in `name`, empty where the member has no content; `None` where it is not a list.
    #[must_use]
    pub fn list(&self, name: &str) -> Option<Vec<Json>> {
        match self.get(name) {
            None => Some(Vec::new()),
            Some(Json::List(items)) => Some(items.clone()),
            Some(_) => None,
        }
    }

    /// The object in `name`.
    #[must_use]
    pub fn object(&self, name: &str) -> Option<Self> {
        self.get(name).cloned().and_then(Self::of)
    }

    /// The names of the members that have content.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|(_, value)| has_content(value)).map(|(name, _)| name.as_str())
    }

    /// Takes the value of `name` out.
    pub fn take(&mut self, name: &str) -> Option<Json> {
        self.0.remove(name).filter(has_content)
    }

    /// The text in `name`; a number as the vendor writes it.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        scalar_text(self.get(name)?)
    }

    /// The timestamp in `name`.
    #[must_use]
    pub fn time(&self, name: &str) -> Option<DateTime<Utc>> {
        timestamp::parse(&self.text(name)?)
    }

    /// Moves members into the columns of `row`. A value that does not fit its column stays, for `extra`.
    pub fn fill(&mut self, row: &mut Row<'_>, mappings: &[Mapping]) {
        for mapping in mappings {
            let Some(value) = self.take(mapping.member) else { continue };
            match cell(mapping.value, &value) {
                Some(cell) => row.set_named(mapping.column, cell),
                None => drop(self.0.insert(mapping.member.to_owned(), value)),
            }
        }
    }

    /// The remaining members that have content, as the cell of the column `extra`.
    #[must_use]
    pub fn into_extra(mut self) -> Cell<'static> {
        self.0.retain(|_, value| has_content(value));
        Cell::Json(Json::Object(self.0).to_string().into())
    }
}

/// A scalar as text; `None` for lists and objects.
pub fn scalar_text(value: &Json) -> Option<String> {
    match value {
        Json::Text(text) => Some(text.clone()),
        Json::Scalar(word) => Some(word.clone()),
        Json::List(_) | Json::Object(_) => None,
    }
}

/// Vendors write "nothing" as `null`, as an empty text and as an empty list.
fn has_content(value: &Json) -> bool {
    !value.is_empty() && *value != Json::List(Vec::new())
}

fn cell(value_type: ValueType, value: &Json) -> Option<Cell<'static>> {
    match value_type {
        ValueType::Text => scalar_text(value).map(|text| Cell::Text(text.into())),
        ValueType::Int => scalar_text(value)?.trim().parse().ok().map(Cell::Int),
        ValueType::Time => timestamp::parse(&scalar_text(value)?).map(Cell::Time),
        ValueType::Json => Some(Cell::Json(value.to_string().into())),
    }
}
