//! Webhooks: the intake records each event before the server acknowledges it, by one insert that waits for no other
//! transaction. Its rows and items follow at once, or by [`super::webhook_backlog`] if what they need is in use.

use super::webhook_payload::{decode, encode};
use crate::database::Database;
use crate::ledger::StreamId;
use crate::ledger::items::{NamedBy, items_to_request, key_of};
use crate::ledger::job_row::{ITEM, job_row};
use crate::ledger::rejects::store_rejects;
use crate::transaction::Transaction;
use crate::upsert::{ChangeLog, Upsert};
use chrono::{DateTime, Utc};
use domain::item::{Item, capped_version};
use domain::job::{Job, Purpose};
use domain::webhook::WebhookEvent;
use domain::window::Window;
use entities::rows::RowBatch;
use entities::{deliveries, jobs};
use sea_orm::sea_query::{Expr, LockBehavior, LockType, OnConflict, SimpleExpr};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, ExprTrait, IntoActiveModel,
    QueryFilter, QuerySelect, Set, Value,
};
use std::time::Duration;

/// The counts of events in one webhook request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WebhookCounts {
    /// Events that were new.
    pub new_events: u64,
    /// Events that the table already recorded.
    pub repeated: u64,
}

/// The recorded events of one webhook request.
#[derive(Clone, Debug, Default)]
pub struct RecordedEvents {
    /// How many are new.
    pub counts: WebhookCounts,
    /// The deliveries whose rows and items are not stored yet.
    pub open: Vec<i64>,
}

/// The state of an event that is recorded and whose rows and items are not stored yet.
pub(super) const ACCEPTED: &str = "accepted";
/// How long the rows of an event wait for a lock while the vendor waits for its answer.
const SHORT_WAIT: Duration = Duration::from_millis(200);
/// Rows per statement.
const BATCH: usize = 100;

/// Records the events of one webhook request for `id`, and stores their rows and items. A repeated event changes nothing.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn accept(db: &Database, id: &StreamId, events: &[WebhookEvent<RowBatch>]) -> Result<WebhookCounts, DbErr> {
    let recorded = record(db, id, events).await?;
    store_recorded(db, &recorded.open).await?;
    Ok(recorded.counts)
}

/// Records the events of one webhook request for `id`, so that they survive a crash. A repeated event is not recorded again.
///
/// # Errors
/// Returns the database error; the vendor must then send the events again.
#[crate::boxed]
pub async fn record(db: &Database, id: &StreamId, events: &[WebhookEvent<RowBatch>]) -> Result<RecordedEvents, DbErr> {
    let on = db.intake();
    let now = db.now(on).await?;
    let origin = origin(id);
    let mut recorded = RecordedEvents::default();
    for events in events.chunks(BATCH) {
        let rows: Result<Vec<_>, DbErr> = events.iter().map(|event| delivery_row(id, event, now)).collect();
        let keep_first =
            OnConflict::columns([deliveries::Column::Origin, deliveries::Column::Identity]).do_nothing().to_owned();
        let new_events =
            deliveries::Entity::insert_many(rows?).on_conflict(keep_first).exec_without_returning(on).await?;
        recorded.counts.new_events += new_events;
        recorded.counts.repeated += (events.len() as u64).saturating_sub(new_events);
        let open: Vec<i64> = deliveries::Entity::find()
            .select_only()
            .column(deliveries::Column::Id)
            .filter(deliveries::Column::Origin.eq(&origin))
            .filter(deliveries::Column::Identity.is_in(events.iter().map(|event| event.id.as_str())))
            .filter(deliveries::Column::State.eq(ACCEPTED))
            .into_tuple()
            .all(on)
            .await?;
        recorded.open.extend(open);
    }
    Ok(recorded)
}

/// Stores the rows and items of recorded events, unless another transaction holds what they need: then they stay recorded.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn store_recorded(db: &Database, deliveries: &[i64]) -> Result<(), DbErr> {
    for delivery in deliveries {
        store_one(db, *delivery, SHORT_WAIT).await?;
    }
    Ok(())
}

/// Stores the rows and items of a recorded event, and waits at most `patience` for each lock. Does nothing if they are
/// stored, or if another process is storing them.
#[crate::boxed]
pub(super) async fn store_one(db: &Database, delivery: i64, patience: Duration) -> Result<(), DbErr> {
    let tx = Transaction::begin(db.intake()).await?;
    let stored = store_event(db, &tx, delivery, patience).await;
    match stored {
        Ok(()) => tx.commit().await,
        Err(error) => {
            tx.rollback().await?;
            Err(error)
        }
    }
}

async fn store_event(db: &Database, tx: &Transaction, delivery: i64, patience: Duration) -> Result<(), DbErr> {
    let is_postgres = tx.get_database_backend() == DbBackend::Postgres;
    if is_postgres {
        tx.execute_unprepared(&format!("SET LOCAL lock_timeout = {}", patience.as_millis())).await?;
    }
    let find = deliveries::Entity::find_by_id(delivery).filter(deliveries::Column::State.eq(ACCEPTED));
    // A row lock does not hold up the insert of a repeated event, as an update here would.
    let find = if is_postgres { find.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked) } else { find };
    let Some(row) = find.one(tx).await? else { return Ok(()) };
    let id = StreamId {
        account: row.account.clone().unwrap_or_default(),
        stream: row.stream.clone().unwrap_or_default(),
        // Neither rows nor items have it.
        source: String::new(),
    };
    let now = db.now(tx).await?;
    let (batches, items) = decode(row.payload.as_deref().unwrap_or_default())?;
    let mut upsert = Upsert::new(ChangeLog::default(), now);
    for rows in &batches {
        upsert.add(tx, rows).await?;
    }
    let refused = upsert.finish(tx).await?.refused;
    store_rejects(tx, &id, None, &refused, now).await?;
    // The locks of jobs come after those of rows, and in the order of the keys, as in a commit: neither then waits for a
    // lock of the other's.
    let items = items_to_request(tx, &id, NamedBy::Webhook, &items, now).await?;
    let first = items.first_fetch.iter().map(|item| (item, item.scope));
    let mut items: Vec<_> = first.chain(items.refetch.iter().map(|item| (item, None))).collect();
    items.sort_by_key(|(item, _)| key_of(&item.slice));
    if !items.is_empty() {
        tx.note_ledger_change();
    }
    for (item, missing_scope) in items {
        queue_item(tx, &id, item, missing_scope, now).await?;
    }
    let mut row = row.into_active_model();
    row.state = Set("committed".to_owned());
    row.payload = Set(None);
    row.update(tx).await.map(|_| ())
}

/// The origin of an account's webhook events.
fn origin(id: &StreamId) -> String {
    format!("webhook:{}", id.account)
}

fn delivery_row(
    id: &StreamId,
    event: &WebhookEvent<RowBatch>,
    now: DateTime<Utc>,
) -> Result<deliveries::ActiveModel, DbErr> {
    let seen_version = event.items.first().and_then(|item| item.seen_version);
    let rows: usize = event.rows.iter().map(RowBatch::len).sum();
    Ok(deliveries::ActiveModel {
        origin: Set(origin(id)),
        identity: Set(event.id.clone()),
        kind: Set("webhook".to_owned()),
        state: Set(ACCEPTED.to_owned()),
        account: Set(Some(id.account.clone())),
        stream: Set(Some(id.stream.clone())),
        rows: Set(i64::try_from(rows).unwrap_or(i64::MAX)),
        slice_key: Set(event.items.first().and_then(|item| key_of(&item.slice)).map(str::to_owned)),
        version_at: Set(seen_version.map(|version| capped_version(version, now))),
        payload: Set(Some(encode(event)?)),
        received_at: Set(now),
        ..Default::default()
    })
}

/// Queues the item that an event names. An open job for the item becomes due now, unless its last attempt failed, and a
/// parked job stays parked. A running job may have read an older state, so it runs once more. Without an open job the item
/// gets one; another webhook may create it at the same time.
async fn queue_item(
    tx: &Transaction,
    id: &StreamId,
    item: &Item,
    missing_scope: Option<Window>,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    if key_of(&item.slice).is_none() || update_job(tx, id, item, missing_scope, now).await? {
        return Ok(());
    }
    let job = Job::new(Purpose::Item, item.slice.clone(), now, Duration::from_secs(1));
    let job =
        Job { scope: item.scope, seen_version: item.seen_version, has_ended: item.has_ended, missing_scope, ..job };
    let keep_other = OnConflict::columns([jobs::Column::Account, jobs::Column::Stream, jobs::Column::SliceKey])
        .target_and_where(Expr::cust("purpose = 'item'"))
        .do_nothing()
        .to_owned();
    let inserted = jobs::Entity::insert(job_row(id, &job)).on_conflict(keep_other).exec_without_returning(tx).await?;
    if inserted == 0 {
        update_job(tx, id, item, missing_scope, now).await?;
    }
    Ok(())
}

/// Updates the open job of an item; returns whether there is one. One statement, because a worker may claim the job at the
/// same time.
async fn update_job(
    tx: &Transaction,
    id: &StreamId,
    item: &Item,
    missing_scope: Option<Window>,
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    use jobs::Column;
    let scope = item.scope.as_ref();
    let fill_null = |column: Column, value: Option<DateTime<Utc>>| Expr::col(column).if_null(value);
    let keep_if = |condition: SimpleExpr, column: Column, value: Value| {
        Expr::case(condition, Expr::col(column)).finally(value).into()
    };
    let is_older =
        item.seen_version.map_or_else(|| true.into(), |version| Expr::col(Column::SeenVersionAt).gte(version));
    let is_running = Expr::col(Column::State).eq("running");
    let updated = jobs::Entity::update_many()
        .col_expr(Column::DueAt, keep_if(Expr::col(Column::Failures).gt(0), Column::DueAt, now.into()))
        .col_expr(Column::SeenVersionAt, keep_if(is_older, Column::SeenVersionAt, item.seen_version.into()))
        .col_expr(Column::HasEnded, keep_if((!item.has_ended).into(), Column::HasEnded, true.into()))
        .col_expr(Column::FromAt, fill_null(Column::FromAt, scope.map(Window::from)))
        .col_expr(Column::ToAt, fill_null(Column::ToAt, scope.map(Window::to)))
        .col_expr(Column::MissingFromAt, fill_null(Column::MissingFromAt, missing_scope.as_ref().map(Window::from)))
        .col_expr(Column::MissingToAt, fill_null(Column::MissingToAt, missing_scope.as_ref().map(Window::to)))
        .col_expr(Column::Refetch, Expr::col(Column::Refetch).or(is_running))
        .filter(Column::Account.eq(&id.account))
        .filter(Column::Stream.eq(&id.stream))
        .filter(Column::SliceKey.eq(key_of(&item.slice)))
        .filter(Column::Purpose.eq(ITEM))
        .exec(tx)
        .await?;
    Ok(updated.rows_affected > 0)
}
