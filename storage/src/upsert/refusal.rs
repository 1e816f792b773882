//! Rows that the database refuses for their values: they are found by halving their batch, and kept aside.

use super::write_rows;
use crate::transaction::Transaction;
use domain::source::Reject;
use entities::rows::RowBatch;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, RuntimeErr, sqlx};
use xxhash_rust::xxh3::xxh3_128;

/// The most rows of one answer that are kept aside. A database that refuses more has another fault than bad rows.
const MOST_REFUSED: usize = 1000;
/// The most bytes of a refused row that are kept.
const RAW: usize = 16 << 10;

/// Writes rows. Those that the database refuses become rejects in `refused`; all others are stored.
pub(super) async fn write(
    tx: &Transaction,
    rows: RowBatch,
    are_new: bool,
    refused: &mut Vec<Reject>,
) -> Result<(), DbErr> {
    // On PostgreSQL a refused statement spoils its transaction, but not beyond the savepoint.
    let is_postgres = tx.get_database_backend() == DbBackend::Postgres;
    let mut batches = vec![rows];
    while let Some(rows) = batches.pop() {
        if is_postgres {
            tx.execute_unprepared("SAVEPOINT rows").await?;
        }
        let written = write_rows(tx, &rows, are_new).await;
        let Err(error) = written else {
            if is_postgres {
                tx.execute_unprepared("RELEASE SAVEPOINT rows").await?;
            }
            continue;
        };
        let Some(reason) = refusal(&error).filter(|_| refused.len() < MOST_REFUSED) else { return Err(error) };
        if is_postgres {
            tx.execute_unprepared("ROLLBACK TO SAVEPOINT rows").await?;
        }
        if rows.len() == 1 {
            refused.push(to_reject(&rows, reason));
        } else {
            let half = rows.len() / 2;
            let part = |is_first: bool| {
                let mut part = RowBatch::new(rows.schema());
                part.extend_filtered(&rows, |row| (row < half) == is_first);
                part
            };
            batches.extend([part(false), part(true)]);
        }
    }
    Ok(())
}

/// The database's reason, if it refused the values of a row: a number out of range, a text too long for an index, invalid
/// JSON. Any other error is one of the database or the connection.
fn refusal(error: &DbErr) -> Option<String> {
    let error = database_error(error)?;
    let code = error.code()?;
    // PostgreSQL: data exceptions and program limits. SQLite: SQLITE_TOOBIG and SQLITE_MISMATCH.
    let is_refusal = code.starts_with("22") || code.starts_with("54") || code == "18" || code == "20";
    is_refusal.then(|| format!("the database refused the row: {} ({code})", error.message()))
}

/// The error that the database itself returned; `None` if it returned none.
pub(crate) fn database_error(error: &DbErr) -> Option<&dyn sqlx::error::DatabaseError> {
    match error {
        DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error)) => {
            error.as_database_error()
        }
        _ => None,
    }
}

fn to_reject(rows: &RowBatch, reason: String) -> Reject {
    let whole = rows.to_json(0);
    let mut raw = whole.clone();
    raw.truncate(raw.floor_char_boundary(RAW));
    Reject { reason, digest: xxh3_128(whole.as_bytes()), raw }
}
