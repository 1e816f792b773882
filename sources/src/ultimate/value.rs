//! A value of a file as a cell of the table; `None` where it does not fit.

use super::instant::instant;
use super::json;
use entities::rows::Cell;
use std::borrow::Cow;

/// What a column is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text; numbers and truths are taken as they are written.
    Text,
    /// A whole number, or a text that says one.
    Count,
    /// A truth, or a text or a number that says one.
    Truth,
    /// An instant.
    Instant,
    /// A list.
    List,
    /// JSON that may come inside a text.
    Inside,
}

impl Kind {
    /// `raw` as such a cell.
    pub fn cell(self, raw: &str) -> Option<Cell<'_>> {
        if raw == "null" {
            return Some(Cell::Null);
        }
        match self {
            Self::List => Some(json::list(raw).map_or(Cell::Null, Cell::Json)),
            Self::Inside => Some(json::inside(raw).map_or(Cell::Null, Cell::Json)),
            Self::Text => text(raw).map(Cell::Text),
            Self::Count => said(raw, |text| count(text).map(Cell::Int)),
            Self::Truth => said(raw, |text| truth(text).map(Cell::Bool)),
            Self::Instant => said(raw, |text| instant(text).map(Cell::Time)),
        }
    }
}

/// A text as it says, a number or a truth as it is written.
pub fn text(raw: &str) -> Option<Cow<'_, str>> {
    match raw.as_bytes().first() {
        Some(b'"') => Some(json::decoded(raw)),
        Some(b'[' | b'{') | None => None,
        Some(_) => Some(Cow::Borrowed(raw)),
    }
}

/// What `read` makes of it; a blank text says nothing.
fn said<'a>(raw: &'a str, read: impl FnOnce(&str) -> Option<Cell<'a>>) -> Option<Cell<'a>> {
    let text = text(raw)?;
    match text.trim() {
        "" => Some(Cell::Null),
        text => read(text),
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

fn truth(text: &str) -> Option<bool> {
    let is = |word: &str| text.eq_ignore_ascii_case(word);
    match text {
        "1" => Some(true),
        "0" => Some(false),
        _ if is("true") => Some(true),
        _ if is("false") => Some(false),
        _ => None,
    }
}
