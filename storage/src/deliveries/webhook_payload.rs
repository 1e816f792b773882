//! The rows and items of a webhook event as text, for an event that is recorded before its rows are stored. Columns go by
//! name, so that the text can still be read after an upgrade.

use crate::ledger::items::key_of;
use chrono::{DateTime, Utc};
use domain::item::Item;
use domain::slice::Slice;
use domain::webhook::WebhookEvent;
use domain::window::Window;
use entities::rows::{Cell, Row, RowBatch};
use entities::schemas;
use sea_orm::DbErr;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Serialize, Deserialize)]
struct Payload {
    rows: Vec<TableRow>,
    items: Vec<NamedItem>,
}

/// One row. A column that is NULL is left out.
#[derive(Serialize, Deserialize)]
struct TableRow {
    table: String,
    columns: BTreeMap<String, Column>,
}

#[derive(Serialize, Deserialize)]
enum Column {
    Text(String),
    Int(i64),
    /// The bits of the number: as decimal digits it might change.
    Real(u64),
    Bool(bool),
    Time(DateTime<Utc>),
    Json(String),
}

#[derive(Serialize, Deserialize)]
struct NamedItem {
    key: String,
    scope: Option<(DateTime<Utc>, DateTime<Utc>)>,
    seen_version: Option<DateTime<Utc>>,
    has_ended: bool,
}

/// Writes the rows and items of `event`.
pub(super) fn encode(event: &WebhookEvent<RowBatch>) -> Result<String, DbErr> {
    let mut rows = Vec::new();
    for batch in &event.rows {
        if batch.merge_rules().is_some() {
            return Err(DbErr::Custom(format!("{}: a webhook's row must know all columns", batch.schema().table)));
        }
        rows.extend((0..batch.len()).map(|row| table_row(&batch.row(row))));
    }
    let items = event.items.iter().filter_map(named_item).collect();
    serde_json::to_string(&Payload { rows, items }).map_err(|error| DbErr::Custom(error.to_string()))
}

/// Reads what [`encode`] wrote: the rows, a batch for each, and the items.
pub(super) fn decode(text: &str) -> Result<(Vec<RowBatch>, Vec<Item>), DbErr> {
    let payload: Payload = serde_json::from_str(text).map_err(|error| DbErr::Custom(error.to_string()))?;
    let rows: Result<Vec<RowBatch>, DbErr> = payload.rows.into_iter().map(batch).collect();
    Ok((rows?, payload.items.into_iter().map(item).collect()))
}

fn table_row(row: &Row<'_>) -> TableRow {
    let columns = row.schema().columns.iter().enumerate().filter_map(|(position, column)| {
        let value = match row.get(position) {
            Cell::Null => return None,
            Cell::Text(text) => Column::Text(text.to_string()),
            Cell::Int(number) => Column::Int(*number),
            Cell::Real(number) => Column::Real(number.to_bits()),
            Cell::Bool(is) => Column::Bool(*is),
            Cell::Time(at) => Column::Time(*at),
            Cell::Json(text) => Column::Json(text.to_string()),
        };
        Some((column.name.to_owned(), value))
    });
    TableRow { table: row.schema().table.clone(), columns: columns.collect() }
}

fn batch(mut stored: TableRow) -> Result<RowBatch, DbErr> {
    let schema = schemas().into_iter().find(|schema| schema.table == stored.table);
    let schema = schema.ok_or_else(|| DbErr::Custom(format!("no table {}", stored.table)))?;
    let (mut row, mut rows) = (Row::new(schema), RowBatch::new(schema));
    for (position, column) in schema.columns.iter().enumerate() {
        let cell = match stored.columns.remove(column.name) {
            None => continue,
            Some(Column::Text(text)) => Cell::Text(text.into()),
            Some(Column::Int(number)) => Cell::Int(number),
            Some(Column::Real(bits)) => Cell::Real(f64::from_bits(bits)),
            Some(Column::Bool(is)) => Cell::Bool(is),
            Some(Column::Time(at)) => Cell::Time(at),
            Some(Column::Json(text)) => Cell::Json(text.into()),
        };
        row.set(position, cell);
    }
    rows.push(&row).map_err(|bad| DbErr::Custom(format!("{}: {bad}", stored.table)))?;
    Ok(rows)
}

fn named_item(item: &Item) -> Option<NamedItem> {
    let key = key_of(&item.slice)?.to_owned();
    let scope = item.scope.map(|scope| (scope.from(), scope.to()));
    Some(NamedItem { key, scope, seen_version: item.seen_version, has_ended: item.has_ended })
}

fn item(stored: NamedItem) -> Item {
    Item {
        slice: Slice::Item(stored.key),
        scope: stored.scope.and_then(|(from, to)| Window::new(from, to)),
        seen_version: stored.seen_version,
        has_ended: stored.has_ended,
    }
}
