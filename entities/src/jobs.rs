//! Wants as operators see them: looking, trying again, giving up.

use crate::database::Database;
use crate::tables::wants;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, QueryOrder};

/// Every want that stands open, those that wait for a person first.
///
/// # Errors
/// What the database says.
pub async fn list(on: &impl ConnectionTrait) -> Result<Vec<wants::Model>, DbErr> {
    let parked_first = wants::Column::Standing.eq("parked");
    wants::Entity::find().order_by_desc(parked_first).order_by_asc(wants::Column::DueAt).all(on).await
}

/// One want.
///
/// # Errors
/// What the database says.
pub async fn find(on: &impl ConnectionTrait, id: i64) -> Result<Option<wants::Model>, DbErr> {
    wants::Entity::find_by_id(id).one(on).await
}

/// Frees a want that waits for a person, or for its next try: it is due now. Returns whether there was one.
///
/// # Errors
/// What the database says.
pub async fn retry(db: &Database, id: i64) -> Result<bool, DbErr> {
    let now = db.now(db.connection()).await?;
    let done = wants::Entity::update_many()
        .col_expr(wants::Column::Standing, Expr::value("waiting"))
        .col_expr(wants::Column::DueAt, Expr::value(now))
        .col_expr(wants::Column::Failures, Expr::value(0))
        .col_expr(wants::Column::Rechecks, Expr::value(0))
        .col_expr(wants::Column::Reason, Expr::value(None::<String>))
        .filter(wants::Column::Id.eq(id))
        .filter(wants::Column::Standing.is_in(["parked", "waiting"]))
        .exec(db.connection())
        .await?;
    Ok(done.rows_affected > 0)
}

/// Gives a want up that nobody is working on. Its window counts as missing, and is wanted again where it is owed.
/// Returns whether there was one.
///
/// # Errors
/// What the database says.
pub async fn discard(db: &Database, id: i64) -> Result<bool, DbErr> {
    let done = wants::Entity::delete_many()
        .filter(wants::Column::Id.eq(id))
        .filter(wants::Column::Standing.eq("running").not())
        .exec(db.connection())
        .await?;
    Ok(done.rows_affected > 0)
}
