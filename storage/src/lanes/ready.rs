//! The jobs that a lane can dispatch now.

use crate::ledger::job_row::to_job;
use chrono::{DateTime, Utc};
use domain::job::Job;
use entities::jobs;
use sea_orm::sea_query::NullOrdering;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect,
};
use std::collections::BTreeSet;

/// The maximum number of candidates per query.
const READY: u64 = 200;

/// Loads the jobs of `accounts` that are due at `now` or whose ticket, lease or mail is overdue: live jobs first, then the
/// newest windows. If other jobs fill the limit, the oldest backfill jobs are added, so that a backfill always moves.
pub(crate) async fn ready(
    on: &impl ConnectionTrait,
    accounts: &[String],
    now: DateTime<Utc>,
) -> Result<Vec<(jobs::Model, Job)>, DbErr> {
    use jobs::Column;
    let waiting = Condition::all().add(Column::State.eq("waiting")).add(Column::DueAt.lte(now));
    let lost =
        Condition::all().add(Column::State.is_in(["dispatched", "running", "awaiting"])).add(Column::UntilAt.lte(now));
    let all = jobs::Entity::find()
        .filter(Column::Account.is_in(accounts.iter().map(String::as_str)))
        .filter(Condition::any().add(waiting).add(lost));
    let newest = all
        .clone()
        .order_by_desc(Column::Purpose.eq("live"))
        .order_by_with_nulls(Column::ToAt, Order::Desc, NullOrdering::Last)
        .order_by_asc(Column::Id)
        .limit(READY);
    let mut rows = newest.all(on).await?;
    if u64::try_from(rows.len()).is_ok_and(|count| count == READY) {
        let backfills = all.filter(Column::Purpose.eq("backfill")).order_by_asc(Column::DueAt).limit(READY);
        let loaded: BTreeSet<i64> = rows.iter().map(|row| row.id).collect();
        rows.extend(backfills.all(on).await?.into_iter().filter(|row| !loaded.contains(&row.id)));
    }
    Ok(rows.into_iter().filter_map(|row| to_job(&row).map(|job| (row, job))).collect())
}
