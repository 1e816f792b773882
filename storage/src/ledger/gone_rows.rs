//! Rows that a vendor no longer has: a full answer for their window lacks them. Such a row stays in its table and gets the
//! instant in `gone_at`; the view of final rows leaves it out. Like a change, it keeps the window from being final until a
//! second answer lacks the row too. When the vendor names the row again, the upsert clears `gone_at`. [`domain::gone_rows`]
//! decides which rows are gone.

use super::StreamId;
use crate::transaction::Transaction;
use crate::upsert::sql::{quoted, rows_within};
use chrono::{DateTime, Utc};
use domain::gone_rows::{Doubt, StoredRow, newly_gone};
use domain::source::Stream;
use domain::window::Window;
use entities::rows::RowBatch;
use entities::schema::TableSchema;
use sea_orm::{ConnectionTrait, DbErr, Statement, Value};
use std::collections::HashSet;
use xxhash_rust::xxh3::xxh3_64;

/// The rows that the answer for a window names, by a hash of their keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct NamedRows(HashSet<u64>);

/// The difference between the rows of a full answer and the stored rows of its window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Comparison {
    /// The instants by which the vendor filed the rows that the answer lacks for the first time.
    pub gone: Vec<DateTime<Utc>>,
    /// Why the answer is not believed, if it lacks most of the rows.
    pub doubt: Option<String>,
}

/// Keys per statement.
const BATCH: usize = 500;

impl NamedRows {
    /// Adds the rows of a batch, if they are rows of the stream.
    pub(crate) fn add(&mut self, rows: &RowBatch, stream: &Stream) {
        let schema = rows.schema();
        if schema.table == stream.table {
            let key = |row: usize| key_columns(schema).map(move |(position, _)| rows.text(row, position).unwrap_or(""));
            self.0.extend((0..rows.len()).map(|row| hash(key(row))));
        }
    }
}

/// Compares the rows that the answer for `window` names with the stored ones, and marks those that are gone.
///
/// # Errors
/// Returns the database error.
pub(crate) async fn compare(
    tx: &Transaction,
    (id, stream): (&StreamId, &Stream),
    window: Window,
    named: &NamedRows,
    now: DateTime<Utc>,
) -> Result<Comparison, DbErr> {
    let Some(schema) = entities::schemas().into_iter().find(|schema| schema.table == stream.table) else {
        return Ok(Comparison::default());
    };
    let stored = stored_rows(tx, (id, stream, schema), window).await?;
    let is_named = |row: &KeyedRow| named.0.contains(&hash(row.key.iter().map(String::as_str)));
    let known = |row: &KeyedRow| StoredRow { at: row.at, is_gone: row.is_gone, is_named: is_named(row) };
    match newly_gone(&stored.iter().map(known).collect::<Vec<_>>()) {
        Ok(indices) => {
            let gone: Vec<&KeyedRow> = indices.into_iter().filter_map(|index| stored.get(index)).collect();
            mark(tx, (id, stream, schema), &gone, now).await?;
            Ok(Comparison { gone: gone.iter().map(|row| row.at).collect(), doubt: None })
        }
        Err(Doubt { missing, stored }) => {
            let doubt = format!(
                "the answer lacks {missing} of {stored} rows that are stored for its window; if the vendor has deleted \
                 them, delete them from {} too",
                stream.table
            );
            Ok(Comparison { doubt: Some(doubt), ..Comparison::default() })
        }
    }
}

/// A stored row of the window and its key.
struct KeyedRow {
    key: Vec<String>,
    at: DateTime<Utc>,
    is_gone: bool,
}

/// The columns of the key without the account: position and quoted name.
fn key_columns(schema: &TableSchema) -> impl Iterator<Item = (usize, String)> + '_ {
    let columns = schema.key.iter().filter(|position| **position != schema.account);
    columns.filter_map(|position| Some((*position, quoted(schema.columns.get(*position)?.name))))
}

fn hash<'a>(key: impl Iterator<Item = &'a str>) -> u64 {
    // No key holds the separator.
    xxh3_64(key.collect::<Vec<_>>().join("\u{1f}").as_bytes())
}

async fn stored_rows(
    tx: &Transaction,
    (id, stream, schema): (&StreamId, &Stream, &TableSchema),
    window: Window,
) -> Result<Vec<KeyedRow>, DbErr> {
    let names: Vec<String> = key_columns(schema).map(|(_, name)| name).collect();
    let keys = names.iter().enumerate().map(|(at, name)| format!("{name} AS key{at}")).collect::<Vec<_>>().join(", ");
    let (table, at) = (quoted(stream.table), quoted(stream.at));
    let (condition, values) = rows_within(id, stream, window);
    let sql = format!("SELECT {keys}, {at} AS filed_at, gone_at IS NOT NULL AS is_gone FROM {table} WHERE {condition}");
    let rows = tx.query_all_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?;
    let read = |row: &sea_orm::QueryResult| -> Result<KeyedRow, DbErr> {
        let key = (0..names.len()).map(|at| row.try_get("", &format!("key{at}"))).collect::<Result<_, _>>()?;
        Ok(KeyedRow { key, at: row.try_get("", "filed_at")?, is_gone: row.try_get("", "is_gone")? })
    };
    rows.iter().map(read).collect()
}

/// Sets `gone_at` of rows.
async fn mark(
    tx: &Transaction,
    (id, stream, schema): (&StreamId, &Stream, &TableSchema),
    rows: &[&KeyedRow],
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let Some((_, last)) = key_columns(schema).last() else { return Ok(()) };
    for batch in rows.chunks(BATCH) {
        let mut values: Vec<Value> = vec![now.into(), id.account.as_str().into()];
        let mut of_stream = String::new();
        if let Some(column) = stream.partition {
            values.push(id.stream.as_str().into());
            of_stream = format!(" AND {} = $3", quoted(column));
        }
        let first = values.len() + 1;
        let parameters = (0..batch.len()).map(|at| format!("${}", first + at)).collect::<Vec<_>>().join(", ");
        values.extend(batch.iter().filter_map(|row| row.key.last()).map(|key| Value::from(key.as_str())));
        let sql = format!(
            "UPDATE {} SET gone_at = $1 WHERE account = $2{of_stream} AND {last} IN ({parameters})",
            quoted(stream.table)
        );
        tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?;
    }
    Ok(())
}
