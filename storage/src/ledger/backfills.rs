//! Backfills: ordering, watching and ending them.

use crate::database::Database;
use chrono::{DateTime, Utc};
use domain::backfill::Mode;
use domain::window::Window;
use entities::{backfill_streams, backfills, jobs};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, Set,
};

/// What an operator may do to a backfill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Hold it back.
    Pause,
    /// Go on.
    Resume,
    /// End it; what was answered stays.
    Cancel,
}

/// Why an order was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// There is no such backfill.
    #[error("there is no backfill {0}")]
    Unknown(i64),
    /// It has ended.
    #[error("backfill {0} is {1} already")]
    Ended(i64, String),
    /// The database refused.
    #[error("the database refused")]
    Database(#[from] DbErr),
}

/// Stores a new backfill of `window` for `streams` of `account`; returns its id.
///
/// # Errors
/// What the database says.
pub async fn start(db: &Database, account: &str, streams: &[String], window: Window, mode: Mode) -> Result<i64, DbErr> {
    let tx = db.begin().await?;
    let row = backfills::ActiveModel {
        account: Set(account.to_owned()),
        from_at: Set(window.from()),
        to_at: Set(window.to()),
        mode: Set(if mode == Mode::All { "all" } else { "missing" }.to_owned()),
        state: Set("running".to_owned()),
        created_at: Set(db.now(&tx).await?),
        ..Default::default()
    };
    let id = row.insert(&tx).await?.id;
    for stream in streams {
        let row = backfill_streams::ActiveModel {
            backfill_id: Set(id),
            stream: Set(stream.clone()),
            is_done: Set(false),
            windows_done: Set(0),
            rows: Set(0),
        };
        row.insert(&tx).await?;
    }
    tx.commit().await?;
    Ok(id)
}

/// Every backfill, newest first.
///
/// # Errors
/// What the database says.
pub async fn list(on: &impl ConnectionTrait) -> Result<Vec<backfills::Model>, DbErr> {
    backfills::Entity::find().order_by_desc(backfills::Column::Id).all(on).await
}

/// One backfill and how far its streams are.
///
/// # Errors
/// What the database says.
pub async fn find(
    on: &impl ConnectionTrait,
    id: i64,
) -> Result<Option<(backfills::Model, Vec<backfill_streams::Model>)>, DbErr> {
    let Some(order) = backfills::Entity::find_by_id(id).one(on).await? else { return Ok(None) };
    let streams = backfill_streams::Entity::find().filter(backfill_streams::Column::BackfillId.eq(id)).all(on).await?;
    Ok(Some((order, streams)))
}

/// The jobs of a backfill that stand open: how many in all, and how many of them wait for a person.
///
/// # Errors
/// What the database says.
pub async fn open_jobs(on: &impl ConnectionTrait, id: i64) -> Result<(u32, u32), DbErr> {
    let open = jobs::Entity::find().filter(jobs::Column::BackfillId.eq(id)).all(on).await?;
    let parked = open.iter().filter(|job| job.state == "parked").count();
    Ok((u32::try_from(open.len()).unwrap_or(u32::MAX), u32::try_from(parked).unwrap_or(u32::MAX)))
}

/// Carries an order out. Jobs that nobody works on yet go with a cancelled or paused backfill; what is in flight ends.
///
/// # Errors
/// [`OrderError`].
pub async fn order(db: &Database, id: i64, order: Order) -> Result<(), OrderError> {
    let tx = db.begin().await?;
    let Some(row) = backfills::Entity::find_by_id(id).one(&tx).await? else { return Err(OrderError::Unknown(id)) };
    if matches!(row.state.as_str(), "done" | "cancelled") {
        return Err(OrderError::Ended(id, row.state));
    }
    let now: DateTime<Utc> = db.now(&tx).await?;
    let mut row = row.into_active_model();
    let state = match order {
        Order::Pause => "paused",
        Order::Resume => "running",
        Order::Cancel => "cancelled",
    };
    row.state = Set(state.to_owned());
    row.finished_at = Set((order == Order::Cancel).then_some(now));
    row.update(&tx).await?;
    if order == Order::Resume {
        unpark(&tx, id).await?;
    } else {
        jobs::Entity::delete_many()
            .filter(jobs::Column::BackfillId.eq(id))
            .filter(jobs::Column::State.ne("running"))
            .exec(&tx)
            .await?;
    }
    tx.commit().await.map_err(OrderError::from)
}

/// Someone who resumes a backfill has seen what blocked it: its parked windows are tried again.
async fn unpark(on: &impl ConnectionTrait, id: i64) -> Result<(), DbErr> {
    jobs::Entity::update_many()
        .col_expr(jobs::Column::State, Expr::value("waiting"))
        .col_expr(jobs::Column::Failures, Expr::value(0))
        .col_expr(jobs::Column::Rechecks, Expr::value(0))
        .filter(jobs::Column::BackfillId.eq(id))
        .filter(jobs::Column::State.eq("parked"))
        .exec(on)
        .await
        .map(|_| ())
}
