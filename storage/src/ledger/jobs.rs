//! Lists, retries and discards jobs for an operator.

use crate::database::Database;
use crate::ledger::planning::raise_revision;
use crate::transaction::Transaction;
use entities::jobs;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, QueryOrder};

/// Lists every open job; parked jobs, which wait for an operator, come first.
///
/// # Errors
/// Returns the database error.
pub async fn list(on: &impl ConnectionTrait) -> Result<Vec<jobs::Model>, DbErr> {
    let parked_first = jobs::Column::State.eq("parked");
    jobs::Entity::find().order_by_desc(parked_first).order_by_asc(jobs::Column::DueAt).all(on).await
}

/// Loads the job `id`.
///
/// # Errors
/// Returns the database error.
pub async fn find(on: &impl ConnectionTrait, id: i64) -> Result<Option<jobs::Model>, DbErr> {
    jobs::Entity::find_by_id(id).one(on).await
}

/// Makes a parked or waiting job due now and resets its failures. Returns whether there was such a job.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn retry(db: &Database, id: i64) -> Result<bool, DbErr> {
    let tx = db.begin().await?;
    let now = db.now(&tx).await?;
    raise_revision_of(&tx, id).await?;
    let outcome = jobs::Entity::update_many()
        .col_expr(jobs::Column::State, Expr::value("waiting"))
        .col_expr(jobs::Column::DueAt, Expr::value(now))
        .col_expr(jobs::Column::Failures, Expr::value(0))
        .col_expr(jobs::Column::Rechecks, Expr::value(0))
        .col_expr(jobs::Column::Reason, Expr::value(None::<String>))
        .filter(jobs::Column::Id.eq(id))
        .filter(jobs::Column::State.is_in(["parked", "waiting"]))
        .exec(&tx)
        .await?;
    tx.commit().await?;
    Ok(outcome.rows_affected > 0)
}

/// Deletes a job that no worker runs. Its window counts as missing, and the scheduler plans it again if the live sync or a
/// backfill covers it. Returns whether there was such a job.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn discard(db: &Database, id: i64) -> Result<bool, DbErr> {
    let tx = db.begin().await?;
    raise_revision_of(&tx, id).await?;
    let outcome = jobs::Entity::delete_many()
        .filter(jobs::Column::Id.eq(id))
        .filter(jobs::Column::State.eq("running").not())
        .exec(&tx)
        .await?;
    tx.commit().await?;
    Ok(outcome.rows_affected > 0)
}

async fn raise_revision_of(tx: &Transaction, id: i64) -> Result<(), DbErr> {
    match find(tx, id).await? {
        Some(job) => raise_revision(tx, &job.account).await,
        None => Ok(()),
    }
}
