//! Dispatch turns a lane's next job into a ticket. [`domain::next_job::next_job`] chooses the job.

use super::ready::ready;
use super::rows::try_lock;
use super::spec::LaneSpec;
use super::traffic::traffic;
use crate::accounts::Accounts;
use crate::database::Database;
use crate::transaction::Transaction;
use chrono::{DateTime, TimeDelta, Utc};
use domain::next_job::next_job;
use domain::ticket::Ticket;
use entities::jobs;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, Set, Statement, Value,
};
use std::collections::BTreeSet;

/// The result of a dispatch attempt on a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dispatch {
    /// A dispatched job. The caller pushes the ticket to the queue or processes it at once.
    Ticket(Ticket),
    /// The earliest instant at which a further dispatch can succeed.
    At(DateTime<Utc>),
    /// No job is ready, and the lane does not know when one will be.
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

/// The accounts with a job that is due at `now`, or whose ticket, lease or mail is overdue. One statement for all accounts.
///
/// # Errors
/// Returns the database error.
pub async fn accounts_with_work(
    db: &Database,
    accounts: &Accounts,
    now: DateTime<Utc>,
) -> Result<BTreeSet<String>, DbErr> {
    let names: Vec<&str> = accounts.all().iter().map(|account| account.source.account()).collect();
    if names.is_empty() {
        return Ok(BTreeSet::new());
    }
    let on = db.connection();
    let found = on.query_all_raw(work_statement(on.get_database_backend(), &names, now)).await?;
    found.iter().map(|row| row.try_get("", "account")).collect()
}

/// The statement that finds those of `accounts` that have work.
#[must_use]
pub fn work_statement(backend: DbBackend, accounts: &[&str], now: DateTime<Utc>) -> Statement {
    let rows: Vec<String> =
        (0..accounts.len()).map(|index| format!("SELECT CAST(${} AS text) AS account", index + 2)).collect();
    let exists = |condition: &str| format!("EXISTS (SELECT 1 FROM jobs j WHERE j.account = a.account AND {condition})");
    let sql = format!(
        "SELECT a.account AS account FROM ({}) AS a WHERE {} OR {} OR {} OR {}",
        rows.join(" UNION ALL "),
        exists("j.state = 'waiting' AND j.due_at <= $1"),
        exists("j.state = 'dispatched' AND j.until_at <= $1"),
        exists("j.state = 'running' AND j.until_at <= $1"),
        exists("j.state = 'awaiting' AND j.until_at <= $1"),
    );
    let values = std::iter::once(Value::from(now)).chain(accounts.iter().copied().map(Value::from));
    Statement::from_sql_and_values(backend, sql, values)
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
