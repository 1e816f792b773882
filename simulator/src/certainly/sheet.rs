//! A report as a CSV file.

use super::message::Message;
use super::style::{Column, Style};
use super::truth::generator;
use rand::Rng;
use serde_json::Value;

/// A file, line by line; each has its line end.
pub(super) struct Sheet {
    head: String,
    rows: Vec<String>,
}

impl Sheet {
    /// One row per message, in the order given; a share of them `ragged`.
    pub(super) fn new(messages: &[Message], style: &Style, ragged: f64) -> Self {
        let headers: Vec<String> = style.columns.iter().map(|column| column.header.clone()).collect();
        let bom = if style.bom { "\u{feff}" } else { "" };
        let rows = messages.iter().zip(0u64..).map(|(message, index)| {
            let mut random = generator(style.seed ^ 0x4A66, index);
            let row = style.spelling.row(message);
            let mut cells: Vec<String> =
                style.columns.iter().map(|column| cell(column, &row, style, random.random_range(0..10))).collect();
            if random.random::<f64>() < ragged {
                if random.random() { cells.push(String::from("?")) } else { drop(cells.pop()) }
            }
            line(&cells, style)
        });
        let rows = rows.collect();
        Self { head: format!("{bom}{}", line(&headers, style)), rows }
    }

    /// The file.
    pub(super) fn whole(&self) -> Vec<u8> {
        let mut file = self.head.clone();
        file.extend(self.rows.iter().map(String::as_str));
        file.into_bytes()
    }

    /// The file up to the middle of a row, which one by `share` (0 to 1); without rows, to the middle of its head.
    pub(super) fn cut(&self, share: f64) -> Vec<u8> {
        let half = |line: &str| line.get(..line.floor_char_boundary(line.len() / 2)).unwrap_or_default().to_owned();
        let Some(last) = self.rows.len().checked_sub(1) else { return half(&self.head).into_bytes() };
        let whole = std::time::Duration::from_secs(u64::try_from(last).unwrap_or_default()).mul_f64(share).as_secs();
        let whole = usize::try_from(whole).unwrap_or_default();
        let mut file = self.head.clone();
        file.extend(self.rows.iter().take(whole).map(String::as_str));
        file.extend(self.rows.get(whole).map(|row| half(row)));
        file.into_bytes()
    }
}

fn cell(column: &Column, row: &Value, style: &Style, unknown: u8) -> String {
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

fn line(cells: &[String], style: &Style) -> String {
    let delimiter = style.delimiter.to_string();
    let quoted = |cell: &String| {
        let must = cell.contains([style.delimiter, '"', '\r', '\n']);
        if must || style.always_quoted { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.clone() }
    };
    let cells: Vec<String> = cells.iter().map(quoted).collect();
    format!("{}{}", cells.join(&delimiter), style.line_end)
}
