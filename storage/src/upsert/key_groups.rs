//! Groups rows for a query by their keys.

use entities::rows::RowBatch;
use entities::schema::ColumnType;
use sea_orm::Value;
use std::collections::BTreeMap;

/// The rows at `positions` in groups whose keys differ only in the last column, so that one query with IN finds a group.
pub(crate) fn key_groups(rows: &RowBatch, positions: impl IntoIterator<Item = usize>) -> Vec<Vec<usize>> {
    let group = rows.schema().key.split_last().map_or(&[][..], |(_, group)| group);
    let mut groups: BTreeMap<Vec<String>, Vec<usize>> = BTreeMap::new();
    for row in positions {
        groups.entry(group.iter().map(|position| key_text(rows, row, *position)).collect()).or_default().push(row);
    }
    groups.into_values().collect()
}

/// The value of a key column as text.
pub(crate) fn key_text(rows: &RowBatch, row: usize, position: usize) -> String {
    if is_number(rows, position) {
        rows.int(row, position).unwrap_or_default().to_string()
    } else {
        rows.text(row, position).unwrap_or_default().to_owned()
    }
}

/// The value of a key column for a statement.
pub(crate) fn key_value(rows: &RowBatch, row: usize, position: usize) -> Value {
    if is_number(rows, position) {
        Value::BigInt(rows.int(row, position))
    } else {
        Value::String(rows.text(row, position).map(str::to_owned))
    }
}

fn is_number(rows: &RowBatch, position: usize) -> bool {
    rows.schema().columns.get(position).is_some_and(|column| column.column_type == ColumnType::Int)
}
