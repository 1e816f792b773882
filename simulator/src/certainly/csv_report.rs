//! A report as a CSV file.

use super::csv_style::{Column, CsvStyle};
use super::message::Message;
use crate::random::{generator, happens, share_of};
use rand::Rng;
use serde_json::Value;

const SALT_CELL: u64 = 0x4A66;

/// The lines of a file, each with its line end.
pub(super) struct CsvReport {
    head: String,
    rows: Vec<String>,
}

impl CsvReport {
    /// One row per message, in the given order; `ragged` is the share of rows with a cell too few or too many.
    pub(super) fn new(messages: &[Message], style: &CsvStyle, ragged: f64) -> Self {
        let headers: Vec<String> = style.columns.iter().map(|column| column.header.clone()).collect();
        let rows = messages.iter().zip(0u64..).map(|(message, index)| {
            let mut random = generator(style.seed ^ SALT_CELL, index);
            let row = style.variant.row(message);
            let mut cells: Vec<String> =
                style.columns.iter().map(|column| cell(column, &row, style, random.random_range(0..10))).collect();
            if happens(ragged, &mut random) {
                if random.random() { cells.push(String::from("?")) } else { drop(cells.pop()) }
            }
            style.notation.line(&cells)
        });
        Self { head: style.notation.head(&headers), rows: rows.collect() }
    }

    /// The complete file.
    pub(super) fn complete(&self) -> Vec<u8> {
        let mut file = self.head.clone();
        file.extend(self.rows.iter().map(String::as_str));
        file.into_bytes()
    }

    /// The file up to the middle of the row at `share` (0 to 1) of all; without rows, up to the middle of its head.
    pub(super) fn cut(&self, share: f64) -> Vec<u8> {
        let half = |line: &str| line.get(..line.floor_char_boundary(line.len() / 2)).unwrap_or_default().to_owned();
        let Some(last) = self.rows.len().checked_sub(1) else { return half(&self.head).into_bytes() };
        let complete = share_of(last, share);
        let mut file = self.head.clone();
        file.extend(self.rows.iter().take(complete).map(String::as_str));
        file.extend(self.rows.get(complete).map(|row| half(row)));
        file.into_bytes()
    }
}

fn cell(column: &Column, row: &Value, style: &CsvStyle, unknown: u8) -> String {
    let Some(path) = column.path else { return unknown.to_string() };
    let value = path.iter().try_fold(row, |value, name| value.get(name)).unwrap_or(&Value::Null);
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => style.booleans.0.to_owned(),
        Value::Bool(false) => style.booleans.1.to_owned(),
        Value::String(text) => text.clone(),
        number_or_nested => number_or_nested.to_string(),
    }
}
