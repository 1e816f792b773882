//! Writes rows by INSERT statements: always on SQLite, for few rows on PostgreSQL.

use crate::transaction::Transaction;
use crate::upsert::sql::{column_list, on_conflict, quoted};
use entities::rows::RowBatch;
use entities::schema::{ColumnType, TableSchema};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};

/// Rows per statement. More rows need more memory and are not faster.
const ROWS: usize = 100;

/// Inserts the rows, or updates those whose keys exist.
#[crate::boxed]
pub async fn upsert(tx: &Transaction, rows: &RowBatch) -> Result<(), DbErr> {
    let engine = tx.get_database_backend();
    let all: Vec<usize> = (0..rows.len()).collect();
    for chunk in all.chunks(ROWS) {
        let sql = statement(rows.schema(), chunk.len(), engine);
        let values = chunk.iter().flat_map(|row| rows.values(*row));
        tx.execute_raw(Statement::from_sql_and_values(engine, sql, values)).await?;
    }
    Ok(())
}

fn statement(schema: &TableSchema, rows: usize, engine: DbBackend) -> String {
    let mut next = 0;
    let mut parameter = |column_type: ColumnType| {
        next += 1;
        match (engine, column_type) {
            // SQLite searches all parameters for a numbered one, so plain `?` is faster.
            (DbBackend::Postgres, ColumnType::Json) => format!("${next}::jsonb"),
            (DbBackend::Postgres, _) => format!("${next}"),
            _ => "?".to_owned(),
        }
    };
    let mut row = || schema.columns.iter().map(|column| parameter(column.column_type)).collect::<Vec<_>>().join(", ");
    let rows: Vec<String> = (0..rows).map(|_| format!("({})", row())).collect();
    let (table, names) = (quoted(&schema.table), column_list(schema));
    format!("INSERT INTO {table} ({names}) VALUES {} {}", rows.join(", "), on_conflict(schema))
}
