//! Stores lost attempts of jobs; [`domain::lost_attempts`] counts them.

use crate::database::Database;
use crate::ledger::planning::raise_revision;
use crate::transaction::Transaction;
use domain::job::Job;
use domain::ticket::Ticket;
use entities::jobs;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, DbErr, EntityTrait, ExprTrait, IntoActiveModel, QueryFilter, Set,
};

/// Parks a job that has lost its last attempt.
pub(crate) async fn park(tx: &Transaction, row: jobs::Model, job: &Job, reason: &str) -> Result<(), DbErr> {
    // Streams before jobs, in the order of a commit: otherwise the two could wait for each other.
    raise_revision(tx, &row.account).await?;
    tracing::warn!(
        account = row.account,
        stream = row.stream,
        job = row.id,
        reason,
        next_step = "remove the cause, then retry the job: convosync jobs retry",
        "the job waits for an operator"
    );
    let mut row = row.into_active_model();
    row.state = Set("parked".to_owned());
    row.reason = Set(Some(reason.to_owned()));
    row.until_at = Set(None);
    row.lost_attempts = Set(job.lost_attempts);
    row.update(tx).await.map(|_| ())
}

/// Notes that the worker of `ticket` has survived, although it stored no result: it lost its lease or the database. The attempt
/// then does not count as lost, whether a dispatch has counted it already or will do so.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn survive_attempt(db: &Database, ticket: Ticket) -> Result<(), DbErr> {
    use jobs::Column;
    let is_running = Condition::all().add(Column::Attempt.eq(ticket.attempt)).add(Column::State.eq("running"));
    let is_later = Condition::all().add(Column::Attempt.gt(ticket.attempt)).add(Column::State.ne("parked"));
    jobs::Entity::update_many()
        .col_expr(Column::LostAttempts, Expr::col(Column::LostAttempts).sub(1))
        .filter(Column::Id.eq(ticket.job))
        .filter(Condition::any().add(is_running).add(is_later))
        .exec(db.connection())
        .await
        .map(|_| ())
}
