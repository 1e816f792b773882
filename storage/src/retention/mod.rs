//! Deletes the old rows of the ledger's history in small batches, so that no table grows for ever.
//!
//! Map: [`due_tables`] names the tables whose turn has come, [`Pruning`] is the turn of one process at one table: it deletes
//! batch after batch, each in a short transaction. `old_rows` selects a batch, `deletion` deletes it;
//! [`domain::retention`] decides which rows are old and which are still needed.

mod deletion;
mod old_rows;

pub use deletion::delete_statement;
pub use old_rows::{BATCH, KeyValue, Position, old_rows_statement};

use crate::database::Database;
use crate::ledger::{self, StreamId};
use crate::transaction::Transaction;
use chrono::{DateTime, TimeDelta, Utc};
use deletion::delete_rows;
use domain::retention::{HistoryTable, Retention, RetentionPeriod, is_needed, pruning_time};
use domain::spans::Spans;
use entities::prunings::{ActiveModel, Column, Entity};
use entities::streams;
use old_rows::{OldRow, old_rows};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, QuerySelect, Set};
use std::collections::BTreeMap;

/// The time between two looks for old rows of one table.
pub const INTERVAL: TimeDelta = TimeDelta::hours(1);
/// The time after the last batch from which on a process counts as dead, and another one takes its turn.
const LEASE: TimeDelta = TimeDelta::minutes(5);

/// The turn of one process at one table. No other process deletes old rows of the table meanwhile.
#[derive(Debug)]
pub struct Pruning {
    table: HistoryTable,
    horizon: DateTime<Utc>,
    holder: String,
    last: Option<Position>,
}

/// The result of one batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchResult {
    /// The number of deleted rows.
    pub deleted: u64,
    /// Whether no old row is left after the batch, but for those that are still needed.
    pub is_last: bool,
}

/// The tables whose turn has come.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn due_tables(db: &Database) -> Result<Vec<HistoryTable>, DbErr> {
    let now = db.now(db.connection()).await?;
    let rows = Entity::find().filter(Condition::not(is_due(now))).all(db.connection()).await?;
    let is_later = |table: &HistoryTable| rows.iter().any(|row| row.name == table.as_str());
    Ok(HistoryTable::ALL.into_iter().filter(|table| !is_later(table)).collect())
}

/// The instant before which rows of `requests` or `deliveries` may have been deleted, so that coverage from before it may
/// have no evidence; `None` if none ever were.
pub(crate) async fn evidence_pruned_before(on: &impl ConnectionTrait) -> Result<Option<DateTime<Utc>>, DbErr> {
    let tables = [HistoryTable::Requests, HistoryTable::Deliveries].map(HistoryTable::as_str);
    let rows = Entity::find().filter(Column::Name.is_in(tables)).all(on).await?;
    Ok(rows.into_iter().filter_map(|row| row.pruned_before).max())
}

impl Pruning {
    /// Takes the turn at `table` for the process `holder`; `None` if it is not due, if another process has it, or if rows of
    /// the table are kept for ever.
    ///
    /// # Errors
    /// Returns the database error.
    #[crate::boxed]
    pub async fn begin(
        db: &Database,
        table: HistoryTable,
        retention: &Retention,
        holder: &str,
    ) -> Result<Option<Self>, DbErr> {
        if retention.period(table) == RetentionPeriod::Forever {
            return Ok(None);
        }
        let now = db.now(db.connection()).await?;
        let Some(horizon) = retention.horizon(table, pruning_time(now, skews(db).await?)) else { return Ok(None) };
        add(db, table).await?;
        let later = Expr::case(Expr::col(Column::PrunedBefore).gt(horizon), Expr::col(Column::PrunedBefore));
        let taken = Entity::update_many()
            .col_expr(Column::DueAt, Expr::value(now + LEASE))
            .col_expr(Column::Holder, Expr::value(Some(holder)))
            .col_expr(Column::PrunedBefore, later.finally(Expr::value(horizon)).into())
            .filter(Column::Name.eq(table.as_str()))
            .filter(is_due(now))
            .exec(db.connection())
            .await?;
        let turn = Self { table, horizon, holder: holder.to_owned(), last: None };
        Ok((taken.rows_affected > 0).then_some(turn))
    }

    /// Deletes the next batch of old rows that no longer are needed.
    ///
    /// # Errors
    /// Returns the database error; the batch is then still there.
    #[crate::boxed]
    pub async fn delete_batch(&mut self, db: &Database) -> Result<BatchResult, DbErr> {
        let found = old_rows(db.connection(), self.table, self.horizon, self.last.as_ref()).await?;
        let settled = settled_spans(db, &found).await?;
        let is_free = |row: &&OldRow| {
            let spans = row.stream.as_ref().and_then(|stream| settled.get(stream));
            // A row that belongs to no stream is evidence of nothing.
            spans.is_none_or(|spans| !is_needed(row.window, spans))
        };
        let old: Vec<&OldRow> = found.iter().filter(is_free).collect();
        let mut batch = BatchResult { deleted: 0, is_last: found.len() < BATCH };
        let tx = db.begin().await?;
        if !self.renew(&tx, db).await? {
            // Another process has taken the turn over, because this one took too long.
            tx.rollback().await?;
            return Ok(BatchResult { is_last: true, ..batch });
        }
        batch.deleted = delete_rows(&tx, self.table, &old).await?;
        tx.commit().await?;
        self.last = found.last().map(OldRow::position);
        Ok(batch)
    }

    /// Ends the turn: the next one is an interval later.
    ///
    /// # Errors
    /// Returns the database error.
    #[crate::boxed]
    pub async fn end(self, db: &Database) -> Result<(), DbErr> {
        let next = db.now(db.connection()).await? + INTERVAL;
        let ended = Entity::update_many()
            .col_expr(Column::DueAt, Expr::value(next))
            .col_expr(Column::Holder, Expr::value(None::<String>))
            .filter(Column::Name.eq(self.table.as_str()))
            .filter(Column::Holder.eq(self.holder));
        ended.exec(db.connection()).await.map(|_| ())
    }

    /// Keeps the turn for a further lease; returns whether this process still has it.
    async fn renew(&self, tx: &Transaction, db: &Database) -> Result<bool, DbErr> {
        let renewed = Entity::update_many()
            .col_expr(Column::DueAt, Expr::value(db.now(tx).await? + LEASE))
            .filter(Column::Name.eq(self.table.as_str()))
            .filter(Column::Holder.eq(&self.holder));
        Ok(renewed.exec(tx).await?.rows_affected > 0)
    }
}

/// Adds the row of a table in `prunings`, if it has none.
async fn add(db: &Database, table: HistoryTable) -> Result<(), DbErr> {
    let row = ActiveModel {
        name: Set(table.as_str().to_owned()),
        due_at: Set(DateTime::UNIX_EPOCH),
        holder: Set(None),
        pruned_before: Set(None),
    };
    let keep = OnConflict::column(Column::Name).do_nothing().to_owned();
    Entity::insert(row).on_conflict(keep).exec_without_returning(db.connection()).await.map(|_| ())
}

/// Whether a table's turn has come. A clock that was ahead and was set back leaves instants further ahead than any turn.
fn is_due(now: DateTime<Utc>) -> Condition {
    Condition::any().add(Column::DueAt.lte(now)).add(Column::DueAt.gt(now + INTERVAL))
}

/// The vendors' clocks against the database's, as the last answers stated them.
async fn skews(db: &Database) -> Result<Vec<TimeDelta>, DbErr> {
    let seconds: Vec<i64> = streams::Entity::find()
        .select_only()
        .column(streams::Column::ClockSkewSeconds)
        .filter(streams::Column::ClockSkewSeconds.is_not_null())
        .into_tuple()
        .all(db.connection())
        .await?;
    Ok(seconds.into_iter().map(TimeDelta::seconds).collect())
}

/// The final spans of each stream that the rows belong to.
async fn settled_spans(db: &Database, rows: &[OldRow]) -> Result<BTreeMap<(String, String), Spans>, DbErr> {
    let mut settled = BTreeMap::new();
    if rows.is_empty() {
        return Ok(settled);
    }
    let snapshot = db.snapshot().await?;
    for (account, stream) in rows.iter().filter(|row| row.window.is_some()).filter_map(|row| row.stream.as_ref()) {
        let key = (account.clone(), stream.clone());
        if settled.contains_key(&key) {
            continue;
        }
        // Coverage does not depend on the source.
        let id = StreamId { account: account.clone(), stream: stream.clone(), source: String::new() };
        let ledger = ledger::load(&snapshot, &id).await?;
        settled.insert(key, ledger.effective_coverage().settled().clone());
    }
    Ok(settled)
}
