//! Starts, lists, pauses, resumes and cancels backfills.

use crate::database::Database;
use crate::ledger::planning::raise_revision;
use chrono::{DateTime, Utc};
use domain::backfill::Mode;
use domain::window::Window;
use entities::{backfill_streams, backfills, jobs};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, Set,
};

/// A command that an operator gives to a backfill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackfillCommand {
    /// Pause the backfill.
    Pause,
    /// Resume the backfill, and retry its parked jobs.
    Resume,
    /// Cancel the backfill; stored answers stay.
    Cancel,
}

/// The reason why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum BackfillCommandError {
    /// There is no such backfill.
    #[error("there is no backfill {0}")]
    Unknown(i64),
    /// The backfill is done or cancelled.
    #[error("backfill {0} is already {1}")]
    Ended(i64, String),
    /// The database failed.
    #[error("the database refused the command; nothing was changed")]
    Database(#[from] DbErr),
}

/// Stores a new backfill of `window` for `streams` of `account`; returns its id.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
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
            items_done: Set(0),
            rows: Set(0),
        };
        row.insert(&tx).await?;
    }
    raise_revision(&tx, account).await?;
    tx.commit().await?;
    Ok(id)
}

/// Lists all backfills, newest first.
///
/// # Errors
/// Returns the database error.
pub async fn list(on: &impl ConnectionTrait) -> Result<Vec<backfills::Model>, DbErr> {
    backfills::Entity::find().order_by_desc(backfills::Column::Id).all(on).await
}

/// Loads a backfill and the progress of its streams; `None` if there is none with this id.
///
/// # Errors
/// Returns the database error.
pub async fn find(
    on: &impl ConnectionTrait,
    id: i64,
) -> Result<Option<(backfills::Model, Vec<backfill_streams::Model>)>, DbErr> {
    let Some(backfill) = backfills::Entity::find_by_id(id).one(on).await? else { return Ok(None) };
    let streams = backfill_streams::Entity::find().filter(backfill_streams::Column::BackfillId.eq(id)).all(on).await?;
    Ok(Some((backfill, streams)))
}

/// Counts the open jobs of a backfill: all of them, and the parked ones among them.
///
/// # Errors
/// Returns the database error.
pub async fn open_jobs(on: &impl ConnectionTrait, id: i64) -> Result<(u32, u32), DbErr> {
    let open = jobs::Entity::find().filter(jobs::Column::BackfillId.eq(id)).all(on).await?;
    let parked = open.iter().filter(|job| job.state == "parked").count();
    Ok((u32::try_from(open.len()).unwrap_or(u32::MAX), u32::try_from(parked).unwrap_or(u32::MAX)))
}

/// Applies a command. Pausing or cancelling deletes the jobs that no worker runs; running jobs finish.
///
/// # Errors
/// [`BackfillCommandError`].
#[crate::boxed]
pub async fn apply(db: &Database, id: i64, command: BackfillCommand) -> Result<(), BackfillCommandError> {
    let tx = db.begin().await?;
    let Some(row) = backfills::Entity::find_by_id(id).one(&tx).await? else {
        return Err(BackfillCommandError::Unknown(id));
    };
    if matches!(row.state.as_str(), "done" | "cancelled") {
        return Err(BackfillCommandError::Ended(id, row.state));
    }
    let now: DateTime<Utc> = db.now(&tx).await?;
    raise_revision(&tx, &row.account).await?;
    let mut row = row.into_active_model();
    let state = match command {
        BackfillCommand::Pause => "paused",
        BackfillCommand::Resume => "running",
        BackfillCommand::Cancel => "cancelled",
    };
    row.state = Set(state.to_owned());
    row.finished_at = Set((command == BackfillCommand::Cancel).then_some(now));
    row.update(&tx).await?;
    if command == BackfillCommand::Resume {
        unpark(&tx, id).await?;
    } else {
        jobs::Entity::delete_many()
            .filter(jobs::Column::BackfillId.eq(id))
            .filter(jobs::Column::State.ne("running"))
            .exec(&tx)
            .await?;
    }
    tx.commit().await.map_err(BackfillCommandError::from)
}

/// Makes the parked jobs of a backfill wait again: the operator who resumes it has removed the reason.
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
