//! Loads and stores the backfills of a stream.

use super::StreamId;
use crate::transaction::Transaction;
use chrono::{DateTime, Utc};
use domain::backfill::{Backfill, Mode, Progress};
use domain::spans::Spans;
use domain::window::Window;
use entities::{backfill_streams, backfill_windows, backfills};
use sea_orm::{ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, Set};

pub(crate) async fn load_backfills(on: &impl ConnectionTrait, id: &StreamId) -> Result<Vec<Backfill>, DbErr> {
    let rows = backfills::Entity::find()
        .filter(backfills::Column::Account.eq(&id.account))
        .filter(backfills::Column::State.is_in(["running", "paused"]))
        .all(on)
        .await?;
    let mut open = Vec::new();
    for row in rows {
        let stream = backfill_streams::Entity::find_by_id((row.id, id.stream.clone())).one(on).await?;
        let Some((stream, window)) = stream.filter(|stream| !stream.is_done).zip(Window::new(row.from_at, row.to_at))
        else {
            continue;
        };
        let answered = backfill_windows::Entity::find()
            .filter(backfill_windows::Column::BackfillId.eq(row.id))
            .filter(backfill_windows::Column::Stream.eq(&id.stream))
            .all(on)
            .await?;
        open.push(Backfill {
            id: row.id,
            window,
            mode: if row.mode == "all" { Mode::All } else { Mode::Missing },
            ordered_at: row.created_at,
            progress: if row.state == "paused" { Progress::Paused } else { Progress::Running },
            answered: answered.iter().filter_map(|answer| Window::new(answer.from_at, answer.to_at)).collect::<Spans>(),
            windows_done: u32::try_from(stream.windows_done).unwrap_or(0),
            items_done: u32::try_from(stream.items_done).unwrap_or(0),
            rows: u64::try_from(stream.rows).unwrap_or(0),
        });
    }
    open.sort_by_key(|backfill| backfill.id);
    Ok(open)
}

pub(crate) async fn store_backfill(
    tx: &Transaction,
    id: &StreamId,
    old: &Backfill,
    new: &Backfill,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    if old == new {
        return Ok(());
    }
    let row = backfill_streams::ActiveModel {
        backfill_id: Set(new.id),
        stream: Set(id.stream.clone()),
        is_done: Set(new.progress == Progress::Done),
        windows_done: Set(i32::try_from(new.windows_done).unwrap_or(i32::MAX)),
        items_done: Set(i32::try_from(new.items_done).unwrap_or(i32::MAX)),
        rows: Set(i64::try_from(new.rows).unwrap_or(i64::MAX)),
    };
    row.update(tx).await?;
    if old.answered != new.answered {
        backfill_windows::Entity::delete_many()
            .filter(backfill_windows::Column::BackfillId.eq(new.id))
            .filter(backfill_windows::Column::Stream.eq(&id.stream))
            .exec(tx)
            .await?;
        let rows = new.answered.windows().iter().map(|window| backfill_windows::ActiveModel {
            backfill_id: Set(new.id),
            stream: Set(id.stream.clone()),
            from_at: Set(window.from()),
            to_at: Set(window.to()),
        });
        backfill_windows::Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    if new.progress == Progress::Done {
        finish(tx, new.id, now).await?;
    }
    Ok(())
}

/// Marks the backfill as done if it is done for each of its streams.
async fn finish(tx: &Transaction, id: i64, now: DateTime<Utc>) -> Result<(), DbErr> {
    let streams = backfill_streams::Entity::find().filter(backfill_streams::Column::BackfillId.eq(id)).all(tx).await?;
    if streams.iter().all(|stream| stream.is_done)
        && let Some(backfill) = backfills::Entity::find_by_id(id).one(tx).await?
    {
        let mut backfill = backfill.into_active_model();
        backfill.state = Set("done".to_owned());
        backfill.finished_at = Set(Some(now));
        backfill.update(tx).await?;
    }
    Ok(())
}
