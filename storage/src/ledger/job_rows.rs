//! Selects the jobs of a stream, and stores their changes.

use super::StreamId;
use super::items::key_of;
use super::job_row::job_row;
use crate::transaction::Transaction;
use domain::job::Job;
use entities::jobs;
use sea_orm::sea_query::{Alias, Expr, OnConflict};
use sea_orm::{ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, ExprTrait, Iterable, QueryFilter, Select, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Rows per statement, because the databases limit the number of bound values.
pub(crate) const BATCH: usize = 500;

pub(crate) fn of_stream(id: &StreamId) -> Select<jobs::Entity> {
    let jobs_of_account = jobs::Entity::find().filter(jobs::Column::Account.eq(&id.account));
    jobs_of_account.filter(jobs::Column::Stream.eq(&id.stream))
}

pub(crate) async fn store_jobs(tx: &Transaction, id: &StreamId, before: &[Job], after: &[Job]) -> Result<(), DbErr> {
    let kept: BTreeSet<i64> = after.iter().map(|job| job.id).collect();
    let removed: Vec<i64> = before.iter().map(|job| job.id).filter(|id| !kept.contains(id)).collect();
    let by_id: BTreeMap<i64, &Job> = before.iter().map(|job| (job.id, job)).collect();
    let was_running = |id: &i64| by_id.get(id).is_some_and(|job| job.is_running());
    let (own, others): (Vec<i64>, Vec<i64>) = removed.into_iter().partition(was_running);
    for (ids, is_own) in [(own, true), (others, false)] {
        for chunk in ids.chunks(BATCH) {
            let delete = jobs::Entity::delete_many().filter(jobs::Column::Id.is_in(chunk.iter().copied()));
            // A worker may have claimed the job since it was loaded.
            let delete = if is_own { delete } else { delete.filter(jobs::Column::State.ne("running")) };
            delete.exec(tx).await?;
        }
    }
    let (old, new): (Vec<&Job>, Vec<&Job>) = after.iter().partition(|job| by_id.contains_key(&job.id));
    for (before, after) in old.into_iter().filter_map(|job| Some((*by_id.get(&job.id)?, job))) {
        update(tx, id, before, after).await?;
    }
    // A list may name thousands of items. They come in the order in which webhooks create theirs: neither then waits for
    // a lock of the other's.
    let (mut items, others): (Vec<&Job>, Vec<&Job>) = new.into_iter().partition(|job| key_of(&job.slice).is_some());
    items.sort_by_key(|job| key_of(&job.slice));
    let rows: Vec<jobs::ActiveModel> = others.into_iter().chain(items).map(|job| job_row(id, job)).collect();
    for chunk in rows.chunks(BATCH) {
        let insert = jobs::Entity::insert_many(chunk.iter().cloned());
        insert.on_conflict(merge_mention()).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// Merges a new item into the job that a webhook has created for it since the ledger was loaded: the job gets the values that
/// it lacks.
fn merge_mention() -> OnConflict {
    use jobs::Column;
    let stored = |column: Column| Expr::col((jobs::Entity, column));
    let new = |column: Column| Expr::col((Alias::new("excluded"), column));
    let mut conflict = OnConflict::columns([Column::Account, Column::Stream, Column::SliceKey]);
    conflict.target_and_where(Expr::cust("purpose = 'item'"));
    for column in [Column::FromAt, Column::ToAt, Column::MissingFromAt, Column::MissingToAt] {
        conflict.value(column, stored(column).if_null(new(column)));
    }
    let is_older = stored(Column::SeenVersionAt).gte(new(Column::SeenVersionAt));
    let seen = Expr::case(is_older, stored(Column::SeenVersionAt))
        .finally(new(Column::SeenVersionAt).if_null(stored(Column::SeenVersionAt)));
    conflict.value(Column::SeenVersionAt, seen);
    conflict.value(Column::HasEnded, stored(Column::HasEnded).or(new(Column::HasEnded)));
    conflict
}

/// Stores the columns in which a job has changed, if it was neither dispatched nor claimed since it was loaded: a whole row
/// would make it wait again, and it would be fetched twice.
async fn update(tx: &Transaction, id: &StreamId, before: &Job, after: &Job) -> Result<(), DbErr> {
    let (old, new) = (job_row(id, before), job_row(id, after));
    let changed = jobs::Column::iter().filter_map(|column| {
        let value = new.get(column).into_value()?;
        (old.get(column).into_value().as_ref() != Some(&value)).then(|| (column, Expr::value(value)))
    });
    let changed: Vec<_> = changed.collect();
    if changed.is_empty() {
        return Ok(());
    }
    let same = |column: jobs::Column| column.eq(old.get(column).into_value().unwrap_or(Value::String(None)));
    let updated = changed
        .into_iter()
        .fold(jobs::Entity::update_many(), |update, (column, value)| update.col_expr(column, value))
        .filter(jobs::Column::Id.eq(after.id))
        .filter(same(jobs::Column::State))
        .filter(same(jobs::Column::Attempt))
        .exec(tx)
        .await?;
    if updated.rows_affected == 0 { Err(DbErr::RecordNotUpdated) } else { Ok(()) }
}
