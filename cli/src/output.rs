//! Data on stdout, as a table or as JSON.

use crate::arguments::Output;
use crate::console::print;
use crate::failure::{Code, Failure};
use chrono::{DateTime, Utc};
use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

/// Prints `data` as JSON, or as the table that `to_table` makes of it.
pub fn show<T: Serialize>(output: Output, data: &T, to_table: impl FnOnce(&T) -> Table) -> Result<(), Failure> {
    match output {
        Output::Table => print(&to_table(data).to_string()),
        Output::Json => {
            let text = serde_json::to_string_pretty(data);
            print(&text.map_err(|error| Failure::new(Code::Unexpected, error.to_string()))?)
        }
    }
}

/// A table with this header and no rows.
pub fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_BORDERS_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header);
    table
}

/// A time in UTC, to the second.
pub fn utc(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// A value, or a dash.
pub fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| value.to_string())
}
