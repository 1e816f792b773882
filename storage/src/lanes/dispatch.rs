//! Dispatch turns a lane's next job into a ticket. [`domain::next_job::next_job`] chooses the job.

use super::clock_steps::{latest_lease_end, undo_clock_step};
use super::free::end_attempts;
use super::lost_attempts::park;
use super::ready::ready;
use super::rows::try_lock;
use super::spec::LaneSpec;
use super::traffic::traffic;
use crate::accounts::Accounts;
use crate::database::Database;
use crate::transaction::Transaction;
use chrono::{DateTime, TimeDelta, Utc};
use domain::job::JobState;
use domain::next_job::next_job;
use domain::ticket::Ticket;
use entities::jobs;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, Set, Statement, Value,
};
use std::collections::BTreeMap;

/// The result of a dispatch attempt on a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dispatch {
    /// A dispatched job. The caller pushes the ticket to the queue or processes it at once.
    Ticket(Ticket),
    /// The slots are busy; the earliest instant at which a further dispatch can succeed.
    At(DateTime<Utc>),
    /// The lane is closed until this instant, or until an operator opens it.
    Closed(Option<DateTime<Utc>>),
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

/// When each account has something to dispatch: the earliest instant at which a job is due, or a ticket, a lease or a mail
/// is overdue. A ticket or lease that ends impossibly late was stored by a clock that was ahead, and is work at `now`.
/// Accounts without such a job are left out. One statement for all accounts.
///
/// # Errors
/// Returns the database error.
pub async fn next_work(
    db: &Database,
    accounts: &Accounts,
    now: DateTime<Utc>,
) -> Result<BTreeMap<String, DateTime<Utc>>, DbErr> {
    let names: Vec<&str> = accounts.all().iter().map(|account| account.source.account()).collect();
    if names.is_empty() {
        return Ok(BTreeMap::new());
    }
    let on = db.connection();
    let latest = accounts.lanes().iter().map(|lane| latest_lease_end(lane, now)).max().unwrap_or(now);
    let mut earliest = BTreeMap::new();
    for row in on.query_all_raw(work_statement(on.get_database_backend(), &names)).await? {
        let at = |column: &str| row.try_get::<Option<DateTime<Utc>>>("", column);
        let mut next: Option<DateTime<Utc>> = None;
        for (state, _) in WAITS {
            next = next.into_iter().chain(at(state)?).min();
        }
        let last = at("last_dispatched")?.max(at("last_running")?);
        let stranded = last.filter(|last| *last > latest).map(|_| now);
        if let Some(next) = next.into_iter().chain(stranded).min() {
            earliest.insert(row.try_get("", "account")?, next);
        }
    }
    Ok(earliest)
}

/// The states of a job that can be dispatched at some instant, and the column that holds it.
const WAITS: [(&str, &str); 4] =
    [("waiting", "due_at"), ("dispatched", "until_at"), ("running", "until_at"), ("awaiting", "until_at")];

/// The statement that finds the earliest instant of each state for each of `accounts`, and the latest of tickets and leases:
/// six look-ups in an index.
#[must_use]
pub fn work_statement(backend: DbBackend, accounts: &[&str]) -> Statement {
    let rows: Vec<String> =
        (0..accounts.len()).map(|index| format!("SELECT CAST(${} AS text) AS account", index + 1)).collect();
    let first = |state: &str, at: &str, order: &str, name: &str| {
        format!(
            "(SELECT j.{at} FROM jobs j WHERE j.account = a.account AND j.state = '{state}' AND j.{at} IS NOT NULL \
             ORDER BY j.{at} {order} LIMIT 1) AS {name}"
        )
    };
    let earliest = WAITS.map(|(state, at)| first(state, at, "ASC", state));
    let latest = ["dispatched", "running"].map(|state| first(state, "until_at", "DESC", &format!("last_{state}")));
    let columns = earliest.into_iter().chain(latest).collect::<Vec<_>>().join(", ");
    let sql = format!("SELECT a.account AS account, {columns} FROM ({}) AS a", rows.join(" UNION ALL "));
    Statement::from_sql_and_values(backend, sql, accounts.iter().copied().map(Value::from))
}

async fn choose(db: &Database, tx: &Transaction, spec: &LaneSpec) -> Result<Dispatch, DbErr> {
    let locked = try_lock(tx, spec).await?;
    let now = db.now(tx).await?;
    // Another process holds the lock for a moment.
    let Some(locked) = locked else { return Ok(Dispatch::At(now + LOCKED)) };
    let (row, lane) = undo_clock_step(tx, spec, locked, now).await?;
    if lane.is_closed(now) {
        return Ok(Dispatch::Closed(lane.closed.and_then(|closed| closed.until)));
    }
    let free = lane.free_slots(now);
    let count_tickets = async |after: DateTime<Utc>| {
        let of_lane = jobs::Column::Account.is_in(spec.accounts.iter().map(String::as_str));
        let dispatched = jobs::Entity::find().filter(of_lane).filter(jobs::Column::State.eq("dispatched"));
        dispatched.filter(jobs::Column::UntilAt.gt(after)).count(tx).await
    };
    let mut tickets = count_tickets(now).await?;
    let latest = latest_lease_end(spec, now);
    if tickets > 0 && count_tickets(latest).await? > 0 {
        end_attempts(tx, spec, latest, now).await?;
        tickets = count_tickets(now).await?;
    }
    if u64::try_from(free).unwrap_or(0) <= tickets {
        return Ok(lane.next_free_at(now).filter(|free_at| *free_at > now).map_or(Dispatch::Nothing, Dispatch::At));
    }
    let (rows, jobs): (Vec<_>, Vec<_>) = ready(tx, &spec.accounts, now).await?.into_iter().unzip();
    let Some(job) = next_job(&jobs, &traffic(tx, spec, (&row, &lane), tickets, now).await?, now) else {
        return Ok(Dispatch::Nothing);
    };
    let Some(row) = rows.into_iter().find(|row| row.id == job.id) else { return Ok(Dispatch::Nothing) };
    let mut job = job.clone();
    job.lose_attempt(now);
    if let JobState::Parked { reason } = &job.state {
        park(tx, row, &job, reason).await?;
        return Ok(Dispatch::At(now));
    }
    let ticket = Ticket { job: job.id, attempt: job.attempt + 1 };
    let mut row = row.into_active_model();
    row.state = Set("dispatched".to_owned());
    row.attempt = Set(ticket.attempt);
    row.lost_attempts = Set(job.lost_attempts);
    row.until_at = Set(Some(now + TICKET.min(TimeDelta::from_std(spec.rules.lease).unwrap_or(TICKET))));
    row.update(tx).await?;
    Ok(Dispatch::Ticket(ticket))
}
