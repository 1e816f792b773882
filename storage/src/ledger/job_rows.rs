//! Selects the jobs of a stream, and stores their changes.

use super::StreamId;
use super::job_row::job_row;
use crate::transaction::Transaction;
use domain::job::Job;
use entities::jobs;
use sea_orm::{ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, QueryFilter, Select, Set};
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
    for chunk in removed.chunks(BATCH) {
        jobs::Entity::delete_many().filter(jobs::Column::Id.is_in(chunk.iter().copied())).exec(tx).await?;
    }
    let by_id: BTreeMap<i64, &Job> = before.iter().map(|job| (job.id, job)).collect();
    let (old, new): (Vec<&Job>, Vec<&Job>) = after.iter().partition(|job| by_id.contains_key(&job.id));
    for job in old.into_iter().filter(|job| by_id.get(&job.id) != Some(job)) {
        let mut row = job_row(id, job);
        row.id = Set(job.id);
        row.update(tx).await?;
    }
    // A list may name thousands of items.
    for chunk in new.chunks(BATCH) {
        let rows = chunk.iter().map(|job| job_row(id, job));
        jobs::Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}
