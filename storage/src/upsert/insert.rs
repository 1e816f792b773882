//! Rows by plain statements: on SQLite always, on PostgreSQL where they are few.

use crate::transaction::Transaction;
use crate::upsert::sql::{column_list, on_conflict, quoted};
use entities::rows::RowBatch;
use entities::schema::{ColumnType, TableSchema};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};

/// Rows per statement; more makes it slower and fatter, not faster.
const ROWS: usize = 100;

/// Inserts those that are not there, and overwrites those that are.
pub async fn upsert(tx: &Transaction, rows: &RowBatch) -> Result<(), DbErr> {
    let engine = tx.get_database_backend();
    let all: Vec<usize> = (0..rows.len()).collect();
    for some in all.chunks(ROWS) {
        let sql = statement(rows.schema(), some.len(), engine);
        let values = some.iter().flat_map(|row| rows.values(*row));
        tx.execute_raw(Statement::from_sql_and_values(engine, sql, values)).await?;
    }
    Ok(())
}

fn statement(schema: &TableSchema, rows: usize, engine: DbBackend) -> String {
    let mut next = 0;
    let mut hole = |column_type: ColumnType| {
        next += 1;
        match (engine, column_type) {
            // SQLite finds numbered holes by looking through all of them.
            (DbBackend::Postgres, ColumnType::Json) => format!("${next}::jsonb"),
            (DbBackend::Postgres, _) => format!("${next}"),
            _ => "?".to_owned(),
        }
    };
    let mut row = || schema.columns.iter().map(|column| hole(column.column_type)).collect::<Vec<_>>().join(", ");
    let rows: Vec<String> = (0..rows).map(|_| format!("({})", row())).collect();
    let (table, names) = (quoted(&schema.table), column_list(schema));
    format!("INSERT INTO {table} ({names}) VALUES {} {}", rows.join(", "), on_conflict(schema))
}
