//! Writes many rows by PostgreSQL's binary COPY.

use crate::transaction::Transaction;
use crate::upsert::sql::{column_list, on_conflict, quoted};
use entities::rows::RowBatch;
use sea_orm::{ConnectionTrait, DbErr};

/// The header of a binary COPY: signature, no flags, no extension.
const HEAD: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// The trailer of a binary COPY.
const TAIL: [u8; 2] = (-1_i16).to_be_bytes();
/// The size of a message, in bytes.
const PIECE: usize = 256 << 10;

/// Inserts rows whose keys the table does not hold.
#[crate::boxed]
pub async fn insert(tx: &Transaction, rows: &RowBatch) -> Result<(), DbErr> {
    copy(tx, &rows.schema().table, rows).await
}

/// Updates rows whose keys the table holds.
#[crate::boxed]
pub async fn merge(tx: &Transaction, rows: &RowBatch) -> Result<(), DbErr> {
    let schema = rows.schema();
    let (table, stage, names) = (&schema.table, format!("stage_{}", schema.table), column_list(schema));
    let (quoted_stage, quoted_table) = (quoted(&stage), quoted(table));
    // The stage ends with the transaction: a connection pooler may give each transaction another session.
    let make = format!("CREATE TEMP TABLE IF NOT EXISTS {quoted_stage} (LIKE {quoted_table}) ON COMMIT DROP");
    tx.execute_unprepared(&make).await?;
    copy(tx, &stage, rows).await?;
    let merge = format!(
        "INSERT INTO {quoted_table} ({names}) SELECT {names} FROM {quoted_stage} {}; TRUNCATE {quoted_stage}",
        on_conflict(schema)
    );
    tx.execute_unprepared(&merge).await.map(|_| ())
}

async fn copy(tx: &Transaction, table: &str, rows: &RowBatch) -> Result<(), DbErr> {
    let Some(mut locked) = tx.postgres().await else {
        return Err(DbErr::Custom("only PostgreSQL can COPY".to_owned()));
    };
    let statement = format!("COPY {} ({}) FROM STDIN WITH (FORMAT binary)", quoted(table), column_list(rows.schema()));
    let sending = async {
        let mut copy = locked.connection().copy_in_raw(&statement).await?;
        copy.send(HEAD).await?;
        for piece in rows.packed().chunks(PIECE) {
            copy.send(piece).await?;
        }
        copy.send(&TAIL[..]).await?;
        copy.finish().await
    };
    tx.within(sending).await.map(|_| ())
}
