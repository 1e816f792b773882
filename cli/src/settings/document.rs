//! A settings file's keys with their lines. The crate `config` merges values and forgets lines; errors need them.

use super::error::SettingsError;
use super::origin::Origin;
use toml::de::{DeTable, DeValue};

/// A key of a settings file.
#[derive(Debug)]
pub struct Entry {
    /// The key and the tables around it, outermost first; at most three.
    pub path: Vec<String>,
    /// The line of the key, counted from 1.
    pub line: usize,
    /// The type of its value.
    pub value: ValueType,
}

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    /// Text in quotes.
    Text,
    /// A whole number.
    Integer,
    /// A table.
    Table,
    /// Anything else that can be stored.
    Other,
    /// A number that no 64 bits can hold, or a list or table with such a number.
    OutOfRange,
}

impl Entry {
    /// The place of this entry in `file`.
    pub fn origin(&self, file: &str) -> Origin {
        Origin::Line { file: file.to_owned(), line: self.line }
    }
}

/// The most tables that a key of the settings has around it, and itself: `accounts.shop.token`.
const DEPTH: usize = 3;

/// The entries of `text`, in the order of their lines, tables before what they hold.
///
/// # Errors
/// Text that is not TOML.
pub fn entries(file: &str, text: &str) -> Result<Vec<Entry>, SettingsError> {
    let table = DeTable::parse(text).map_err(|error| SettingsError::Syntax {
        origin: Origin::Line { file: file.to_owned(), line: line_at(text, error.span().map_or(0, |span| span.start)) },
        // The error's own text would quote the line, which may hold a secret.
        reason: error.message().to_owned(),
    })?;
    let mut found = Vec::new();
    collect(text, &[], table.get_ref(), &mut found);
    found.sort_by_key(|entry: &Entry| (entry.line, entry.path.len()));
    Ok(found)
}

fn collect(text: &str, tables: &[String], table: &DeTable<'_>, found: &mut Vec<Entry>) {
    for (key, value) in table {
        let path = [tables, &[key.get_ref().to_string()]].concat();
        let value = match value.get_ref() {
            DeValue::Table(inner) if path.len() < DEPTH => {
                collect(text, &path, inner, found);
                ValueType::Table
            }
            value => type_of(value),
        };
        found.push(Entry { path, line: line_at(text, key.span().start), value });
    }
}

fn type_of(value: &DeValue<'_>) -> ValueType {
    match value {
        _ if !is_storable(value) => ValueType::OutOfRange,
        DeValue::String(_) => ValueType::Text,
        DeValue::Integer(_) => ValueType::Integer,
        DeValue::Table(_) => ValueType::Table,
        DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) | DeValue::Array(_) => ValueType::Other,
    }
}

/// Whether all numbers in `value` fit into 64 bits.
fn is_storable(value: &DeValue<'_>) -> bool {
    match value {
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).is_ok(),
        DeValue::Float(number) => {
            let is_infinite = number.as_str().parse().map_or(true, f64::is_infinite);
            !is_infinite || number.as_str().contains("inf")
        }
        DeValue::Array(items) => items.iter().all(|item| is_storable(item.get_ref())),
        DeValue::Table(table) => table.iter().all(|(_, item)| is_storable(item.get_ref())),
        DeValue::String(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => true,
    }
}

fn line_at(text: &str, offset: usize) -> usize {
    text.get(..offset).unwrap_or(text).matches('\n').count() + 1
}
