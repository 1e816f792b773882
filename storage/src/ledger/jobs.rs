//! Jobs as operators see them: looking, trying again, giving up.

use crate::database::Database;
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

/// One job.
///
/// # Errors
/// Returns the database error.
pub async fn find(on: &impl ConnectionTrait, id: i64) -> Result<Option<jobs::Model>, DbErr> {
    jobs::Entity::find_by_id(id).one(on).await
}

/// Frees a job that waits for a person, or for its next try: it is due now. Returns whether there was one.
///
/// # Errors
/// Returns the database error.
pub async fn retry(db: &Database, id: i64) -> Result<bool, DbErr> {
    let now = db.now(db.connection()).await?;
    let done = jobs::Entity::update_many()
        .col_expr(jobs::Column::State, Expr::value("waiting"))
        .col_expr(jobs::Column::DueAt, Expr::value(now))
        .col_expr(jobs::Column::Failures, Expr::value(0))
        .col_expr(jobs::Column::Rechecks, Expr::value(0))
        .col_expr(jobs::Column::Reason, Expr::value(None::<String>))
        .filter(jobs::Column::Id.eq(id))
        .filter(jobs::Column::State.is_in(["parked", "waiting"]))
        .exec(db.connection())
        .await?;
    Ok(done.rows_affected > 0)
}

/// Gives a job up that nobody is working on. Its window counts as missing, and is wanted again where it is owed.
/// Returns whether there was one.
///
/// # Errors
/// Returns the database error.
pub async fn discard(db: &Database, id: i64) -> Result<bool, DbErr> {
    let done = jobs::Entity::delete_many()
        .filter(jobs::Column::Id.eq(id))
        .filter(jobs::Column::State.eq("running").not())
        .exec(db.connection())
        .await?;
    Ok(done.rows_affected > 0)
}
