//! A stream's backfills as rows, and back.

use super::StreamId;
use crate::transaction::Transaction;
use chrono::{DateTime, Utc};
use domain::backfill::{Backfill, Mode, Progress};
use domain::spans::Spans;
use domain::window::Window;
use entities::{backfill_streams, backfill_windows, backfills};
use sea_orm::{ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, Set};

pub(crate) async fn load_backfills(on: &impl ConnectionTrait, id: &StreamId) -> Result<Vec<Backfill>, DbErr> {
    let orders = backfills::Entity::find()
        .filter(backfills::Column::Account.eq(&id.account))
        .filter(backfills::Column::State.is_in(["running", "paused"]))
        .all(on)
        .await?;
    let mut found = Vec::new();
    for order in orders {
        let stream = backfill_streams::Entity::find_by_id((order.id, id.stream.clone())).one(on).await?;
        let Some((stream, window)) =
            stream.filter(|stream| !stream.is_done).zip(Window::new(order.from_at, order.to_at))
        else {
            continue;
        };
        let answered = backfill_windows::Entity::find()
            .filter(backfill_windows::Column::BackfillId.eq(order.id))
            .filter(backfill_windows::Column::Stream.eq(&id.stream))
            .all(on)
            .await?;
        found.push(Backfill {
            id: order.id,
            window,
            mode: if order.mode == "all" { Mode::All } else { Mode::Missing },
            ordered_at: order.created_at,
            progress: if order.state == "paused" { Progress::Paused } else { Progress::Running },
            answered: answered.iter().filter_map(|row| Window::new(row.from_at, row.to_at)).collect::<Spans>(),
            windows_done: u32::try_from(stream.windows_done).unwrap_or(0),
            rows: u64::try_from(stream.rows).unwrap_or(0),
        });
    }
    found.sort_by_key(|backfill| backfill.id);
    Ok(found)
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

/// The order is done once it is done for each stream.
async fn finish(tx: &Transaction, id: i64, now: DateTime<Utc>) -> Result<(), DbErr> {
    let streams = backfill_streams::Entity::find().filter(backfill_streams::Column::BackfillId.eq(id)).all(tx).await?;
    if streams.iter().all(|stream| stream.is_done)
        && let Some(order) = backfills::Entity::find_by_id(id).one(tx).await?
    {
        let mut order = order.into_active_model();
        order.state = Set("done".to_owned());
        order.finished_at = Set(Some(now));
        order.update(tx).await?;
    }
    Ok(())
}
