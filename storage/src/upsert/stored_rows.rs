//! Completes rows that know only some columns by the stored rows with their keys.

use crate::transaction::Transaction;
use crate::upsert::key_groups::{key_groups, key_value};
use crate::upsert::sql::quoted;
use chrono::{DateTime, Utc};
use entities::merge_rules::MergeRules;
use entities::rows::{Cell, Row, RowBatch};
use entities::schema::{ColumnType, TableSchema};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement};
use std::collections::HashMap;

/// Keys per query.
const KEYS: usize = 500;

/// Returns the rows of `rows` with the stored values of the columns that they do not know. Of several rows with one key
/// each meets the result of the one before. The caller has written all pending rows of the table.
#[crate::boxed]
pub async fn completed(tx: &Transaction, rows: &RowBatch, rules: &MergeRules) -> Result<RowBatch, DbErr> {
    let schema = rows.schema();
    let mut known = stored_rows(tx, rows).await?;
    let mut completed = RowBatch::new(schema);
    for position in 0..rows.len() {
        let key = rows.key_hash(position);
        let new = rows.row(position);
        let row = match known.get(&key) {
            Some(stored) => rules.merge(&new, &stored.row(0)),
            None => new,
        };
        let mut single = RowBatch::new(schema);
        single.push(&row).map_err(|bad| DbErr::Custom(format!("{}: {bad}", schema.table)))?;
        completed.extend_filtered(&single, |_| true);
        known.insert(key, single);
    }
    Ok(completed)
}

/// The stored rows with the keys of `rows`, each as a batch of one row, by the hash of its key.
async fn stored_rows(tx: &Transaction, rows: &RowBatch) -> Result<HashMap<u128, RowBatch>, DbErr> {
    let schema = rows.schema();
    let Some((last, group)) = schema.key.split_last() else { return Ok(HashMap::new()) };
    let mut stored = HashMap::new();
    for members in key_groups(rows, 0..rows.len()).iter().flat_map(|members| members.chunks(KEYS)) {
        let Some(first) = members.first() else { continue };
        let values = group.iter().map(|position| key_value(rows, *first, *position));
        let values = values.chain(members.iter().map(|row| key_value(rows, *row, *last)));
        let sql = statement(schema, members.len(), tx.get_database_backend());
        for found in tx.query_all_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await? {
            let mut single = RowBatch::new(schema);
            single.push(&read(schema, &found)?).map_err(|bad| DbErr::Custom(format!("{}: {bad}", schema.table)))?;
            stored.insert(single.key_hash(0), single);
        }
    }
    Ok(stored)
}

/// Selects all columns of the rows whose last key column has one of `keys` values.
fn statement(schema: &TableSchema, keys: usize, engine: DbBackend) -> String {
    let column = |(position, column): (usize, &entities::schema::Column)| match column.column_type {
        // As text the value keeps its digits.
        ColumnType::Json => format!("CAST({} AS text) AS c{position}", quoted(column.name)),
        _ => format!("{} AS c{position}", quoted(column.name)),
    };
    let columns: Vec<String> = schema.columns.iter().enumerate().map(column).collect();
    let mut next = 0;
    let mut parameter = || {
        next += 1;
        if engine == DbBackend::Postgres { format!("${next}") } else { "?".to_owned() }
    };
    let name = |position: &usize| schema.columns.get(*position).map_or(String::new(), |column| quoted(column.name));
    let (last, group) =
        schema.key.split_last().map_or((String::new(), [].as_slice()), |(last, group)| (name(last), group));
    let equal: Vec<String> =
        group.iter().map(|position| format!("{} = {} AND ", name(position), parameter())).collect();
    let values: Vec<String> = (0..keys).map(|_| parameter()).collect();
    let table = quoted(&schema.table);
    format!("SELECT {} FROM {table} WHERE {}{last} IN ({})", columns.join(", "), equal.concat(), values.join(", "))
}

fn read(schema: &'static TableSchema, found: &QueryResult) -> Result<Row<'static>, DbErr> {
    let mut row = Row::new(schema);
    for (position, column) in schema.columns.iter().enumerate() {
        let name = format!("c{position}");
        let cell = match column.column_type {
            ColumnType::Text => found.try_get::<Option<String>>("", &name)?.map(|text| Cell::Text(text.into())),
            ColumnType::Int => found.try_get::<Option<i64>>("", &name)?.map(Cell::Int),
            ColumnType::Real => found.try_get::<Option<f64>>("", &name)?.map(Cell::Real),
            ColumnType::Bool => found.try_get::<Option<bool>>("", &name)?.map(Cell::Bool),
            ColumnType::Time => found.try_get::<Option<DateTime<Utc>>>("", &name)?.map(Cell::Time),
            ColumnType::Json => found.try_get::<Option<String>>("", &name)?.map(|text| Cell::Json(text.into())),
        };
        row.set(position, cell.unwrap_or(Cell::Null));
    }
    Ok(row)
}
