//! A worker claims the job that a ticket names and a slot of the job's lane, in one transaction.

use super::rows::{lock, store_slot};
use super::spec::LaneSpec;
use super::traffic::{count, is_exporting};
use crate::database::Database;
use crate::ledger::StreamId;
use crate::ledger::job_row::to_job;
use crate::transaction::Transaction;
use chrono::{DateTime, Utc};
use domain::job::Job;
use domain::lane::Lease;
use domain::slice::Slice;
use domain::ticket::Ticket;
use entities::{jobs, streams};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, Set};

/// A job with a lease on its lane.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The ticket that the worker received.
    pub ticket: Ticket,
    /// The stream of the job.
    pub stream: StreamId,
    /// The job to fetch.
    pub job: Job,
    /// The lease on the lane's slot.
    pub lease: Lease,
    /// When the worker claimed the job, by the database's clock.
    pub now: DateTime<Utc>,
    /// Whether the job failed before while the stream's latest request succeeded.
    pub previous_request_answered: bool,
    /// How many times in a row the vendor had refused the lane's credential.
    pub refusals: u32,
}

/// Claims the job that a ticket names; returns `None` if the ticket is stale or the lane is busy.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn claim(db: &Database, spec: &LaneSpec, ticket: Ticket, holder: &str) -> Result<Option<Claim>, DbErr> {
    let tx = db.begin().await?;
    let claim = try_claim(db, &tx, spec, ticket, holder).await?;
    tx.commit().await?;
    Ok(claim)
}

/// The account of the job that a ticket names; `None` if the ticket is stale.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn account_of(db: &Database, ticket: Ticket) -> Result<Option<String>, DbErr> {
    Ok(dispatched(db.connection(), ticket).await?.map(|row| row.account))
}

/// Returns a dispatched job to the state `waiting`, if the ticket is not stale.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn undispatch(db: &Database, ticket: Ticket) -> Result<(), DbErr> {
    return_ticket(db.connection(), ticket).await
}

/// Extends the lease of a claim; `None` if the lease is lost.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn renew(db: &Database, spec: &LaneSpec, claim: &Claim) -> Result<Option<Lease>, DbErr> {
    let tx = db.begin().await?;
    let Some((_, mut lane)) = lock(&tx, spec).await? else { return Ok(None) };
    let now = db.now(&tx).await?;
    let Some(lease) = lane.renew(&claim.lease, now, spec.rules.lease) else {
        tx.rollback().await?;
        return Ok(None);
    };
    store_slot(&tx, spec, &lane, lease.slot, None).await?;
    jobs::Entity::update_many()
        .col_expr(jobs::Column::UntilAt, Expr::value(Some(lease.until)))
        .filter(jobs::Column::Id.eq(claim.ticket.job))
        .filter(jobs::Column::Attempt.eq(claim.ticket.attempt))
        .filter(jobs::Column::State.eq("running"))
        .exec(&tx)
        .await?;
    tx.commit().await?;
    Ok(Some(lease))
}

async fn try_claim(
    db: &Database,
    tx: &Transaction,
    spec: &LaneSpec,
    ticket: Ticket,
    holder: &str,
) -> Result<Option<Claim>, DbErr> {
    let Some((lane_row, mut lane)) = lock(tx, spec).await? else { return Ok(None) };
    let Some(row) = dispatched(tx, ticket).await? else { return Ok(None) };
    let Some(mut job) = to_job(&row) else { return Ok(None) };
    let now = db.now(tx).await?;
    // The queue may have delayed the ticket so long that the scheduler dispatched another export.
    if matches!(job.slice, Slice::Export(_)) && is_exporting(tx, spec, Some(job.id), now).await? {
        return_ticket(tx, ticket).await?;
        return Ok(None);
    }
    let Ok(lease) = lane.acquire(now, spec.rules.lease) else {
        return_ticket(tx, ticket).await?;
        return Ok(None);
    };
    store_slot(tx, spec, &lane, lease.slot, Some(holder)).await?;
    count(lane_row, spec, job.purpose, now).update(tx).await?;
    let stream = StreamId { account: row.account.clone(), stream: row.stream.clone(), source: spec.vendor.to_owned() };
    let mut row = row.into_active_model();
    job.start(now, lease.until);
    row.state = Set("running".to_owned());
    row.until_at = Set(Some(lease.until));
    row.requested_at = Set(job.requested_at);
    row.refetch = Set(job.refetch);
    row.update(tx).await?;
    let previous_request_answered = job.failures > 0 && is_succeeding(tx, &stream).await?;
    Ok(Some(Claim { ticket, stream, job, lease, now, previous_request_answered, refusals: lane.refusals }))
}

async fn is_succeeding(tx: &Transaction, id: &StreamId) -> Result<bool, DbErr> {
    let row = streams::Entity::find_by_id((id.account.clone(), id.stream.clone())).one(tx).await?;
    Ok(row.is_some_and(|row| row.answered_at.is_some() && row.failing_since.is_none()))
}

async fn dispatched(on: &impl ConnectionTrait, ticket: Ticket) -> Result<Option<jobs::Model>, DbErr> {
    let job = jobs::Entity::find_by_id(ticket.job)
        .filter(jobs::Column::Attempt.eq(ticket.attempt))
        .filter(jobs::Column::State.eq("dispatched"));
    job.one(on).await
}

async fn return_ticket(on: &impl ConnectionTrait, ticket: Ticket) -> Result<(), DbErr> {
    jobs::Entity::update_many()
        .col_expr(jobs::Column::State, Expr::value("waiting"))
        .filter(jobs::Column::Id.eq(ticket.job))
        .filter(jobs::Column::Attempt.eq(ticket.attempt))
        .filter(jobs::Column::State.eq("dispatched"))
        .exec(on)
        .await
        .map(|_| ())
}
