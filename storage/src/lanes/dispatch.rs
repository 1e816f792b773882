//! Dispatch turns a lane's next job into a ticket. [`domain::next_job::next_job`] chooses the job.

use super::ready::ready;
use super::rows::try_lock;
use super::spec::LaneSpec;
use super::traffic::traffic;
use crate::database::Database;
use crate::transaction::Transaction;
use chrono::{DateTime, TimeDelta, Utc};
use domain::next_job::next_job;
use domain::ticket::Ticket;
use entities::jobs;
use sea_orm::{ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, Set};

/// The result of a dispatch attempt on a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dispatch {
    /// A dispatched job. The caller pushes the ticket to the queue or processes it at once.
    Ticket(Ticket),
    /// The earliest instant at which a further dispatch can succeed.
    At(DateTime<Utc>),
    /// No job is ready; nothing tells when one will be.
    Nothing,
}

/// The time after which an unclaimed ticket counts as lost. A lane with a shorter lease uses the lease instead, so that a
/// worker that dies before its claim delays the job no longer than one that dies after it.
const TICKET: TimeDelta = TimeDelta::seconds(15);

/// The approximate time that another process holds a lane's lock for one step.
const LOCKED: TimeDelta = TimeDelta::milliseconds(5);

/// Dispatches the lane's next job if a slot is free. The number of unclaimed tickets never exceeds the number of slots.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn dispatch(db: &Database, spec: &LaneSpec) -> Result<Dispatch, DbErr> {
    let tx = db.begin().await?;
    let next = choose(db, &tx, spec).await?;
    // Commit also without a dispatch: a dropped transaction keeps its lock a moment longer.
    tx.commit().await?;
    Ok(next)
}

async fn choose(db: &Database, tx: &Transaction, spec: &LaneSpec) -> Result<Dispatch, DbErr> {
    let locked = try_lock(tx, spec).await?;
    let now = db.now(tx).await?;
    // Another process holds the lock for a moment.
    let Some((row, lane)) = locked else { return Ok(Dispatch::At(now + LOCKED)) };
    if lane.is_closed(now) {
        return Ok(lane.closed.and_then(|closed| closed.until).map_or(Dispatch::Nothing, Dispatch::At));
    }
    let free = lane.slots.iter().filter(|slot| slot.not_before <= now && slot.until <= now).count();
    let tickets = jobs::Entity::find()
        .filter(jobs::Column::Account.is_in(spec.accounts.iter().map(String::as_str)))
        .filter(jobs::Column::State.eq("dispatched"))
        .filter(jobs::Column::UntilAt.gt(now))
        .count(tx)
        .await?;
    if u64::try_from(free).unwrap_or(0) <= tickets {
        return Ok(lane.next_free_at().filter(|free_at| *free_at > now).map_or(Dispatch::Nothing, Dispatch::At));
    }
    let (rows, jobs): (Vec<_>, Vec<_>) = ready(tx, &spec.accounts, now).await?.into_iter().unzip();
    let Some(job) = next_job(&jobs, &traffic(tx, spec, (&row, &lane), tickets, now).await?, now) else {
        return Ok(Dispatch::Nothing);
    };
    let Some(row) = rows.into_iter().find(|row| row.id == job.id) else { return Ok(Dispatch::Nothing) };
    let ticket = Ticket { job: job.id, attempt: job.attempt + 1 };
    let mut row = row.into_active_model();
    row.state = Set("dispatched".to_owned());
    row.attempt = Set(ticket.attempt);
    row.until_at = Set(Some(now + TICKET.min(TimeDelta::from_std(spec.rules.lease).unwrap_or(TICKET))));
    row.update(tx).await?;
    Ok(Dispatch::Ticket(ticket))
}
