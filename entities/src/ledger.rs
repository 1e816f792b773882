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
use sea_orm::sea_query::{NullOrdering, OnConflict};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DbBackend, DbErr, EntityTrait, ExprTrait,
    IntoActiveModel, Order, QueryFilter, QueryOrder, QuerySelect, Select, Set,
};
use std::collections::{BTreeMap, BTreeSet};

/// Rows per statement: what one of them binds is limited.
const AT_ONCE: usize = 500;
/// As many wants as are looked at when the next is chosen.
const READY: u64 = 200;

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
    let row = lock_stream(tx, id).await?;
    load_with(tx, id, row).await
}

async fn lock_stream(tx: &Transaction, id: &StreamId) -> Result<Option<streams::Model>, DbErr> {
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
    find.one(tx).await
}

/// The same with the wants for `keys`, also those that nobody has looked at yet: see [`load_with`].
///
/// # Errors
/// What the database says.
pub(crate) async fn lock_with(tx: &Transaction, id: &StreamId, keys: &[&str]) -> Result<Ledger, DbErr> {
    let mut ledger = lock(tx, id).await?;
    let known: BTreeSet<i64> = ledger.wants.iter().map(|want| want.id).collect();
    for some in keys.chunks(AT_ONCE) {
        let named = of_stream(id).filter(wants::Column::SliceKey.is_in(some.iter().copied())).all(tx).await?;
        ledger.wants.extend(named.iter().filter(|row| !known.contains(&row.id)).filter_map(to_want));
    }
    ledger.wants.sort_by_key(|want| want.id);
    Ok(ledger)
}

/// Loads that part of a ledger that the want `want` and those for `keys` concern, to change it: nobody else can until `tx`
/// ends. Of coverage, pace and all other wants it says nothing.
///
/// # Errors
/// What the database says.
pub(crate) async fn lock_named(tx: &Transaction, id: &StreamId, want: i64, keys: &[&str]) -> Result<Ledger, DbErr> {
    lock_stream(tx, id).await?;
    let named =
        Condition::any().add(wants::Column::Id.eq(want)).add(wants::Column::SliceKey.is_in(keys.iter().copied()));
    let open = of_stream(id).filter(named).order_by_asc(wants::Column::Id).all(tx).await?;
    let wants = open.iter().filter_map(to_want).collect();
    Ok(Ledger { wants, backfills: load_backfills(tx, id).await?, ..Ledger::default() })
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

/// Without the wants that no stretch waits for and nobody has worked on: last looks at what has ended. There may be a week
/// of them, no plan depends on them, and a ledger is loaded every second.
async fn load_with(on: &impl ConnectionTrait, id: &StreamId, row: Option<streams::Model>) -> Result<Ledger, DbErr> {
    use wants::Column;
    let looks = Column::SliceKey.is_not_null().and(Column::FromAt.is_null());
    let untouched = Column::Standing.eq("waiting").and(Column::Attempt.eq(0));
    let open = of_stream(id).filter(looks.and(untouched).not()).all(on).await?;
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

fn of_stream(id: &StreamId) -> Select<wants::Entity> {
    let of_account = wants::Entity::find().filter(wants::Column::Account.eq(&id.account));
    of_account.filter(wants::Column::Stream.eq(&id.stream))
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
    let left: BTreeSet<i64> = after.iter().map(|want| want.id).collect();
    let gone: Vec<i64> = before.iter().map(|want| want.id).filter(|id| !left.contains(id)).collect();
    for some in gone.chunks(AT_ONCE) {
        wants::Entity::delete_many().filter(wants::Column::Id.is_in(some.iter().copied())).exec(tx).await?;
    }
    let known: BTreeMap<i64, &Want> = before.iter().map(|want| (want.id, want)).collect();
    let (old, new): (Vec<&Want>, Vec<&Want>) = after.iter().partition(|want| known.contains_key(&want.id));
    for want in old.into_iter().filter(|want| known.get(&want.id) != Some(want)) {
        let mut row = want_row(id, want);
        row.id = Set(want.id);
        row.update(tx).await?;
    }
    // A list may name thousands.
    for some in new.chunks(AT_ONCE) {
        let rows = some.iter().map(|want| want_row(id, want));
        wants::Entity::insert_many(rows).exec_without_returning(tx).await?;
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

/// The wants of some accounts that could be handed out at `now`, the live ones first, then what happened last. Backfills
/// among them, however much else there is: they too have their turn.
pub(crate) async fn ready(
    on: &impl ConnectionTrait,
    accounts: &[String],
    now: DateTime<Utc>,
) -> Result<Vec<(wants::Model, Want)>, DbErr> {
    use wants::Column;
    let waiting = Condition::all().add(Column::Standing.eq("waiting")).add(Column::DueAt.lte(now));
    let lost =
        Condition::all().add(Column::Standing.is_in(["handed", "running", "awaiting"])).add(Column::UntilAt.lte(now));
    let all = wants::Entity::find()
        .filter(Column::Account.is_in(accounts.iter().map(String::as_str)))
        .filter(Condition::any().add(waiting).add(lost));
    let newest = all
        .clone()
        .order_by_desc(Column::Purpose.eq("live"))
        .order_by_with_nulls(Column::ToAt, Order::Desc, NullOrdering::Last)
        .order_by_asc(Column::Id)
        .limit(READY);
    let mut rows = newest.all(on).await?;
    if u64::try_from(rows.len()).is_ok_and(|count| count == READY) {
        let backfills = all.filter(Column::Purpose.eq("backfill")).order_by_asc(Column::DueAt).limit(READY);
        let known: BTreeSet<i64> = rows.iter().map(|row| row.id).collect();
        rows.extend(backfills.all(on).await?.into_iter().filter(|row| !known.contains(&row.id)));
    }
    Ok(rows.into_iter().filter_map(|row| to_want(&row).map(|want| (row, want))).collect())
}
