//! Converts a value of a file into a cell of the table.

use super::embedded_json;
use crate::json::string;
use crate::timestamp;
use entities::rows::Cell;
use std::borrow::Cow;

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellType {
    /// Text; numbers and booleans as the vendor writes them.
    Text,
    /// A whole number, or text that holds one.
    Count,
    /// A boolean, or text or a number that holds one.
    Bool,
    /// A timestamp.
    Time,
    /// A list.
    List,
    /// JSON that may come inside a string.
    Json,
}

impl CellType {
    /// The cell for `raw`; `None` where the value does not fit the type.
    pub fn cell(self, raw: &str) -> Option<Cell<'_>> {
        if raw == "null" {
            return Some(Cell::Null);
        }
        match self {
            Self::List => Some(embedded_json::list(raw).map_or(Cell::Null, Cell::Json)),
            Self::Json => Some(embedded_json::value(raw).map_or(Cell::Null, Cell::Json)),
            Self::Text => text(raw).map(Cell::Text),
            Self::Count => scalar(raw, |text| count(text).map(Cell::Int)),
            Self::Bool => scalar(raw, |text| boolean(text).map(Cell::Bool)),
            Self::Time => scalar(raw, |text| timestamp::parse(text).map(Cell::Time)),
        }
    }
}

/// A scalar as text; a number or boolean as the vendor writes it.
pub fn text(raw: &str) -> Option<Cow<'_, str>> {
    match raw.as_bytes().first() {
        Some(b'"') => string::decode(raw),
        Some(b'[' | b'{') | None => None,
        Some(_) => Some(Cow::Borrowed(raw)),
    }
}

/// The cell that `convert` makes of a scalar; a blank text is an empty cell.
fn scalar<'a>(raw: &'a str, convert: impl FnOnce(&str) -> Option<Cell<'a>>) -> Option<Cell<'a>> {
    let text = text(raw)?;
    match text.trim() {
        "" => Some(Cell::Null),
        text => convert(text),
    }
}

fn count(text: &str) -> Option<i64> {
    let whole = text.parse().ok();
    whole.or_else(|| {
        let number: f64 = text.parse().ok()?;
        #[expect(clippy::cast_possible_truncation, reason = "whole, and within 2^53")]
        (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64)
    })
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" => Some(true),
        "0" => Some(false),
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}
