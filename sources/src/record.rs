//! A JSON object's members as the cells of a row.

use crate::json::Json;
use crate::moment::instant;
use chrono::{DateTime, Utc};
use entities::rows::{Cell, Row};
use std::collections::BTreeMap;

/// A column, the vendor's name for it, and what it is made of.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name in the table.
    pub column: &'static str,
    /// Its name at the vendor.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text; numbers and truths as they are written.
    Text,
    /// A whole number, or a text that says one.
    Int,
    /// An instant.
    Time,
    /// JSON.
    Json,
}

/// An object's members; what is taken out is no longer there.
#[derive(Clone, Debug)]
pub struct Members(BTreeMap<String, Json>);

/// A column whose name at the vendor is its own.
#[must_use]
pub const fn field(name: &'static str, kind: Kind) -> Field {
    Field { column: name, name, kind }
}

/// A column that the vendor calls `name`.
#[must_use]
pub const fn named(column: &'static str, name: &'static str, kind: Kind) -> Field {
    Field { column, name, kind }
}

impl Members {
    /// Those of `json`; `None` where it is no object.
    #[must_use]
    pub fn of(json: Json) -> Option<Self> {
        match json {
            Json::Object(members) => Some(Self(members)),
            _ => None,
        }
    }

    /// Only `name`.
    #[must_use]
    pub fn one(name: &str, value: Json) -> Self {
        Self(BTreeMap::from([(name.to_owned(), value)]))
    }

    /// What has these names.
    pub fn named(members: impl IntoIterator<Item = (String, Json)>) -> Self {
        Self(members.into_iter().collect())
    }

    /// These and `others`; of two with one name this one.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        for (name, value) in others.0 {
            self.0.entry(name).or_insert(value);
        }
        self
    }

    /// The value of `name`. What is left out, `null`, an empty text or an empty list is none.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.0.get(name).filter(|value| says(value))
    }

    /// Whether `name` is there at all, be it `null`.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Whether `name` is an empty text, which may say something all the same: that nothing was answered.
    #[must_use]
    pub fn is_blank(&self, name: &str) -> bool {
        matches!(self.0.get(name), Some(Json::Text(text)) if text.is_empty())
    }

    /// The list of `name`, empty where it says nothing; `None` where it is something else.
    #[must_use]
    pub fn list(&self, name: &str) -> Option<Vec<Json>> {
        match self.get(name) {
            None => Some(Vec::new()),
            Some(Json::List(items)) => Some(items.clone()),
            Some(_) => None,
        }
    }

    /// The names of those that say something.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|(_, value)| says(value)).map(|(name, _)| name.as_str())
    }

    /// The value of `name`, taken out.
    pub fn take(&mut self, name: &str) -> Option<Json> {
        self.0.remove(name).filter(says)
    }

    /// The text of `name`; a number as it is written.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        text(self.get(name)?)
    }

    /// The instant of `name`.
    #[must_use]
    pub fn time(&self, name: &str) -> Option<DateTime<Utc>> {
        instant(&self.text(name)?)
    }

    /// Takes `fields` out and puts them into `row`. What does not fit its column stays, for `extra`.
    pub fn fill(&mut self, row: &mut Row<'_>, fields: &[Field]) {
        for field in fields {
            let Some(value) = self.take(field.name) else { continue };
            match cell(field.kind, &value) {
                Some(cell) => row.put(field.column, cell),
                None => drop(self.0.insert(field.name.to_owned(), value)),
            }
        }
    }

    /// Whatever is left, as JSON; without what says nothing.
    #[must_use]
    pub fn rest(mut self) -> Cell<'static> {
        self.0.retain(|_, value| says(value));
        Cell::Json(Json::Object(self.0).to_string().into())
    }
}

/// Whether there is something: vendors say nothing in several ways.
fn says(value: &Json) -> bool {
    !value.is_empty() && *value != Json::List(Vec::new())
}

/// A scalar as text.
pub fn text(value: &Json) -> Option<String> {
    match value {
        Json::Text(text) => Some(text.clone()),
        Json::Plain(word) => Some(word.clone()),
        Json::List(_) | Json::Object(_) => None,
    }
}

fn cell(kind: Kind, value: &Json) -> Option<Cell<'static>> {
    match kind {
        Kind::Text => text(value).map(|text| Cell::Text(text.into())),
        Kind::Int => text(value)?.trim().parse().ok().map(Cell::Int),
        Kind::Time => instant(&text(value)?).map(Cell::Time),
        Kind::Json => Some(Cell::Json(value.to_string().into())),
    }
}
