//! The lane's next job becomes a ticket. [`domain::next_job::next_job`] chooses it.

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
    /// Work, handed out: its ticket is to be pushed, or worked on at once.
    Ticket(Ticket),
    /// Nothing before then.
    At(DateTime<Utc>),
    /// Nothing in sight.
    Nothing,
}

/// How long a ticket may be under way before it counts as lost; never longer than a lease, so that a worker that dies
/// between taking a ticket and taking its lane costs no more than one that dies later.
const TICKET: TimeDelta = TimeDelta::seconds(15);

/// The approximate time that another process holds a lane's lock for one step.
const LOCKED: TimeDelta = TimeDelta::milliseconds(5);

/// Hands out the lane's next job, if it has a free slot: no more tickets are ever under way than there are slots.
///
/// # Errors
/// Returns the database error.
pub async fn dispatch(db: &Database, spec: &LaneSpec) -> Result<Dispatch, DbErr> {
    let tx = db.begin().await?;
    let next = choose(db, &tx, spec).await?;
    // Also where nothing was handed out: a transaction that is only dropped keeps its lock for a moment longer.
    tx.commit().await?;
    Ok(next)
}

async fn choose(db: &Database, tx: &Transaction, spec: &LaneSpec) -> Result<Dispatch, DbErr> {
    let found = try_lock(tx, spec).await?;
    let now = db.now(tx).await?;
    // Another process holds the lock for a moment.
    let Some((row, lane)) = found else { return Ok(Dispatch::At(now + LOCKED)) };
    if lane.is_closed(now) {
        return Ok(lane.closed.and_then(|closed| closed.until).map_or(Dispatch::Nothing, Dispatch::At));
    }
    let free = lane.slots.iter().filter(|slot| slot.not_before <= now && slot.until <= now).count();
    let under_way = jobs::Entity::find()
        .filter(jobs::Column::Account.is_in(spec.accounts.iter().map(String::as_str)))
        .filter(jobs::Column::State.eq("dispatched"))
        .filter(jobs::Column::UntilAt.gt(now))
        .count(tx)
        .await?;
    if u64::try_from(free).unwrap_or(0) <= under_way {
        return Ok(lane.next_free_at().filter(|turn| *turn > now).map_or(Dispatch::Nothing, Dispatch::At));
    }
    let (rows, wanted): (Vec<_>, Vec<_>) = ready(tx, &spec.accounts, now).await?.into_iter().unzip();
    let Some(job) = next_job(&wanted, &traffic(tx, spec, (&row, &lane), under_way, now).await?, now) else {
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
