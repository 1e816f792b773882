//! Data on stdout, as a table or as JSON.

use crate::arguments::Output;
use crate::failure::{Code, Failure};
use crate::talk::print;
use chrono::{DateTime, Utc};
use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

/// Prints `data` as JSON, or as the table that `rows` makes of it.
pub fn show<T: Serialize>(output: Output, data: &T, rows: impl FnOnce(&T) -> Table) -> Result<(), Failure> {
    match output {
        Output::Table => print(&rows(data).to_string()),
        Output::Json => {
            let text = serde_json::to_string_pretty(data);
            print(&text.map_err(|error| Failure::new(Code::Unexpected, error.to_string()))?)
        }
    }
}

/// An empty table under `header`.
pub fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_BORDERS_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header);
    table
}

/// An instant in UTC.
pub fn utc(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// What may be absent.
pub fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| value.to_string())
}
