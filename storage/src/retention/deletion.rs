//! Deletes rows by their keys.

use super::old_rows::{KeyValue, OldRow, layout};
use crate::transaction::Transaction;
use domain::retention::HistoryTable;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement, Value};
use std::collections::BTreeMap;

/// The tables whose rows belong to a backfill, by its id.
const BACKFILL_PARTS: [&str; 2] = ["backfill_windows", "backfill_streams"];

/// The statement that deletes the rows of `table` whose keys begin with `prefix` and end with one of `last`.
#[must_use]
pub fn delete_statement(backend: DbBackend, table: HistoryTable, prefix: &[KeyValue], last: &[KeyValue]) -> Statement {
    delete(backend, table.as_str(), layout(table).key, (prefix, last))
}

/// Deletes `rows` of `table`, and what belongs to them. Returns the number of rows of `table` that are deleted.
pub(super) async fn delete_rows(tx: &Transaction, table: HistoryTable, rows: &[&OldRow]) -> Result<u64, DbErr> {
    let mut by_prefix: BTreeMap<&[KeyValue], Vec<KeyValue>> = BTreeMap::new();
    for row in rows {
        if let Some((last, prefix)) = row.key.split_last() {
            by_prefix.entry(prefix).or_default().push(last.clone());
        }
    }
    let backend = tx.get_database_backend();
    let mut deleted = 0;
    for (prefix, last) in by_prefix {
        if table == HistoryTable::Backfills {
            for part in BACKFILL_PARTS {
                tx.execute_raw(delete(backend, part, &["backfill_id"], (prefix, &last))).await?;
            }
        }
        deleted += tx.execute_raw(delete_statement(backend, table, prefix, &last)).await?.rows_affected();
    }
    Ok(deleted)
}

fn delete(backend: DbBackend, table: &str, key: &[&str], (prefix, last): (&[KeyValue], &[KeyValue])) -> Statement {
    let values: Vec<Value> = prefix.iter().chain(last).map(KeyValue::value).collect();
    let parameters = (prefix.len()..values.len()).map(|at| format!("${}", at + 1)).collect::<Vec<_>>().join(", ");
    let equal = key.iter().take(prefix.len()).enumerate();
    let equal = equal.map(|(at, name)| format!("{name} = ${} AND ", at + 1)).collect::<Vec<_>>().concat();
    let name = key.last().copied().unwrap_or_default();
    Statement::from_sql_and_values(
        backend,
        format!("DELETE FROM {table} WHERE {equal}{name} IN ({parameters})"),
        values,
    )
}
