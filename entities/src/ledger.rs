//! A stream's ledger, loaded whole and stored whole.

use crate::stored::{to_want, want_row};
use crate::tables::{backfill_streams, backfill_windows, backfills, coverage, streams, wants};
use crate::transaction::Transaction;
use chrono::{DateTime, Utc};
use domain::backfill::{Backfill, Mode, Progress};
use domain::coverage::Coverage;
use domain::ledger::Ledger;
use domain::pace::Pace;
use domain::spans::Spans;
use domain::want::Want;
use domain::window::Window;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, IntoActiveModel, QueryFilter,
    QuerySelect, Set,
};

/// Which stream of which account.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId {
    /// The account's name in the settings.
    pub account: String,
    /// The stream's name.
    pub stream: String,
    /// The vendor.
    pub source: String,
}

/// Loads a ledger to look at; a stream nobody has worked on yet has an empty one.
///
/// # Errors
/// What the database says.
pub async fn load(on: &impl ConnectionTrait, id: &StreamId) -> Result<Ledger, DbErr> {
    let row = streams::Entity::find_by_id((id.account.clone(), id.stream.clone())).one(on).await?;
    load_with(on, id, row).await
}

/// What the stream holds, final or not.
///
/// # Errors
/// What the database says.
pub async fn held(on: &impl ConnectionTrait, id: &StreamId) -> Result<Spans, DbErr> {
    Ok(load_coverage(on, id).await?.held().clone())
}

/// Loads a ledger to change it: nobody else can until `tx` ends.
///
/// # Errors
/// What the database says.
pub async fn lock(tx: &Transaction, id: &StreamId) -> Result<Ledger, DbErr> {
    let pace = Pace::default();
    let fresh = streams::ActiveModel {
        account: Set(id.account.clone()),
        stream: Set(id.stream.clone()),
        source: Set(id.source.clone()),
        base_seconds: Set(pace.base_seconds),
        seconds_per_row: Set(pace.seconds_per_row),
        ..Default::default()
    };
    let nothing = OnConflict::columns([streams::Column::Account, streams::Column::Stream]).do_nothing().to_owned();
    streams::Entity::insert(fresh).on_conflict(nothing).exec_without_returning(tx).await?;
    let mut find = streams::Entity::find_by_id((id.account.clone(), id.stream.clone()));
    if tx.get_database_backend() == DbBackend::Postgres {
        find = find.lock_exclusive();
    }
    let row = find.one(tx).await?;
    load_with(tx, id, row).await
}

/// Stores what changed between `before` and `after`.
///
/// # Errors
/// What the database says.
pub async fn store(
    tx: &Transaction,
    id: &StreamId,
    before: &Ledger,
    after: &Ledger,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    if (before.since, before.slot, before.refreshed, before.pace, before.live_rows_per_day)
        != (after.since, after.slot, after.refreshed, after.pace, after.live_rows_per_day)
    {
        let row = streams::ActiveModel {
            account: Set(id.account.clone()),
            stream: Set(id.stream.clone()),
            since_at: Set(after.since),
            slot_at: Set(after.slot),
            refreshed_at: Set(after.refreshed),
            rows_per_day: Set(after.pace.rows_per_day),
            live_rows_per_day: Set(after.live_rows_per_day),
            base_seconds: Set(after.pace.base_seconds),
            seconds_per_row: Set(after.pace.seconds_per_row),
            ..Default::default()
        };
        row.update(tx).await?;
    }
    if before.coverage != after.coverage {
        store_coverage(tx, id, &after.coverage).await?;
    }
    store_wants(tx, id, &before.wants, &after.wants).await?;
    for (old, new) in before.backfills.iter().zip(&after.backfills) {
        store_backfill(tx, id, old, new, now).await?;
    }
    Ok(())
}

async fn load_with(on: &impl ConnectionTrait, id: &StreamId, row: Option<streams::Model>) -> Result<Ledger, DbErr> {
    let open = wants::Entity::find()
        .filter(wants::Column::Account.eq(&id.account))
        .filter(wants::Column::Stream.eq(&id.stream))
        .all(on)
        .await?;
    let mut ledger = Ledger {
        coverage: load_coverage(on, id).await?,
        wants: open.iter().filter_map(to_want).collect(),
        backfills: load_backfills(on, id).await?,
        ..Ledger::default()
    };
    ledger.wants.sort_by_key(|want| want.id);
    if let Some(row) = row {
        ledger.since = row.since_at;
        ledger.slot = row.slot_at;
        ledger.refreshed = row.refreshed_at;
        ledger.live_rows_per_day = row.live_rows_per_day;
        ledger.pace = Pace {
            rows_per_day: row.rows_per_day,
            base_seconds: row.base_seconds,
            seconds_per_row: row.seconds_per_row,
        };
    }
    Ok(ledger)
}

async fn load_coverage(on: &impl ConnectionTrait, id: &StreamId) -> Result<Coverage, DbErr> {
    let rows = coverage::Entity::find()
        .filter(coverage::Column::Account.eq(&id.account))
        .filter(coverage::Column::Stream.eq(&id.stream))
        .all(on)
        .await?;
    let held = rows.iter().filter_map(|row| Some((Window::new(row.from_at, row.to_at)?, row.state == "final")));
    Ok(Coverage::from_stored(held))
}

async fn load_backfills(on: &impl ConnectionTrait, id: &StreamId) -> Result<Vec<Backfill>, DbErr> {
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
            progress: if order.state == "paused" { Progress::Paused } else { Progress::Running },
            answered: answered.iter().filter_map(|row| Window::new(row.from_at, row.to_at)).collect::<Spans>(),
            windows_done: u32::try_from(stream.windows_done).unwrap_or(0),
            rows: u64::try_from(stream.rows).unwrap_or(0),
        });
    }
    found.sort_by_key(|backfill| backfill.id);
    Ok(found)
}

async fn store_coverage(tx: &Transaction, id: &StreamId, after: &Coverage) -> Result<(), DbErr> {
    coverage::Entity::delete_many()
        .filter(coverage::Column::Account.eq(&id.account))
        .filter(coverage::Column::Stream.eq(&id.stream))
        .exec(tx)
        .await?;
    let rows = after.to_stored().into_iter().map(|(window, is_final)| coverage::ActiveModel {
        account: Set(id.account.clone()),
        stream: Set(id.stream.clone()),
        from_at: Set(window.from()),
        to_at: Set(window.to()),
        state: Set(if is_final { "final" } else { "provisional" }.to_owned()),
    });
    coverage::Entity::insert_many(rows).exec_without_returning(tx).await?;
    Ok(())
}

async fn store_wants(tx: &Transaction, id: &StreamId, before: &[Want], after: &[Want]) -> Result<(), DbErr> {
    let gone = before.iter().map(|want| want.id).filter(|id| after.iter().all(|want| want.id != *id));
    let gone: Vec<i64> = gone.collect();
    if !gone.is_empty() {
        wants::Entity::delete_many().filter(wants::Column::Id.is_in(gone)).exec(tx).await?;
    }
    for want in after {
        match before.iter().find(|old| old.id == want.id && old.id != 0) {
            None => {
                want_row(id, want).insert(tx).await?;
            }
            Some(old) if old != want => {
                let mut row = want_row(id, want);
                row.id = Set(want.id);
                row.update(tx).await?;
            }
            Some(_) => {}
        }
    }
    Ok(())
}

async fn store_backfill(
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

/// The wants of some accounts that could be handed out at `now`, the live ones first.
pub(crate) async fn ready(
    on: &impl ConnectionTrait,
    accounts: &[String],
    now: DateTime<Utc>,
) -> Result<Vec<(wants::Model, Want)>, DbErr> {
    use sea_orm::{Condition, QueryOrder};
    let waiting = Condition::all().add(wants::Column::Standing.eq("waiting")).add(wants::Column::DueAt.lte(now));
    let lost = Condition::all()
        .add(wants::Column::Standing.is_in(["handed", "running", "awaiting"]))
        .add(wants::Column::UntilAt.lte(now));
    let rows = wants::Entity::find()
        .filter(wants::Column::Account.is_in(accounts.iter().map(String::as_str)))
        .filter(Condition::any().add(waiting).add(lost))
        .order_by_desc(wants::Column::Purpose.eq("live"))
        .order_by_asc(wants::Column::DueAt)
        .limit(200)
        .all(on)
        .await?;
    Ok(rows.into_iter().filter_map(|row| to_want(&row).map(|want| (row, want))).collect())
}
