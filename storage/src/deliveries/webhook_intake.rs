//! Webhooks: the intake stores rows and queues named items before the server acknowledges the events.

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
use sea_orm::sea_query::{Expr, OnConflict, SimpleExpr};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, Set, Value};
use std::time::Duration;

/// The counts of events in one webhook request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WebhookCounts {
    /// Events that were new.
    pub new_events: u64,
    /// Events that the table already recorded.
    pub repeated: u64,
}

/// Stores the events of one webhook request for `id` in one transaction. A repeated event changes nothing.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn accept(db: &Database, id: &StreamId, events: &[WebhookEvent<RowBatch>]) -> Result<WebhookCounts, DbErr> {
    let tx = db.begin().await?;
    let now = db.now(&tx).await?;
    let counts = store_events(&tx, id, events, now).await;
    match counts {
        Ok(counts) => {
            tx.commit().await?;
            Ok(counts)
        }
        Err(error) => {
            tx.rollback().await?;
            Err(error)
        }
    }
}

async fn store_events(
    tx: &Transaction,
    id: &StreamId,
    events: &[WebhookEvent<RowBatch>],
    now: DateTime<Utc>,
) -> Result<WebhookCounts, DbErr> {
    let (mut counts, mut upsert) = (WebhookCounts::default(), Upsert::new(ChangeLog::default(), now));
    let mut named = Vec::new();
    for event in events {
        if !is_new(tx, id, event, now).await? {
            counts.repeated += 1;
            continue;
        }
        counts.new_events += 1;
        for rows in &event.rows {
            upsert.add(tx, rows).await?;
        }
        named.extend(event.items.iter().cloned());
    }
    let refused = upsert.finish(tx).await?.refused;
    store_rejects(tx, id, None, &refused, now).await?;
    // The locks of jobs come after those of rows, and in the order of the keys, as in a commit: neither then waits for a
    // lock of the other's.
    let items = items_to_request(tx, id, NamedBy::Webhook, &named, now).await?;
    let first = items.first_fetch.iter().map(|item| (item, item.scope));
    let mut items: Vec<_> = first.chain(items.refetch.iter().map(|item| (item, None))).collect();
    items.sort_by_key(|(item, _)| key_of(&item.slice));
    for (item, missing_scope) in items {
        queue_item(tx, id, item, missing_scope, now).await?;
    }
    Ok(counts)
}

/// Records an event; returns `false` if the database already has it.
async fn is_new(
    tx: &Transaction,
    id: &StreamId,
    event: &WebhookEvent<RowBatch>,
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let seen_version = event.items.first().and_then(|item| item.seen_version);
    let rows: usize = event.rows.iter().map(RowBatch::len).sum();
    let row = deliveries::ActiveModel {
        origin: Set(format!("webhook:{}", id.account)),
        identity: Set(event.id.clone()),
        kind: Set("webhook".to_owned()),
        state: Set("committed".to_owned()),
        account: Set(Some(id.account.clone())),
        stream: Set(Some(id.stream.clone())),
        rows: Set(i64::try_from(rows).unwrap_or(i64::MAX)),
        slice_key: Set(event.items.first().and_then(|item| key_of(&item.slice)).map(str::to_owned)),
        version_at: Set(seen_version.map(|version| capped_version(version, now))),
        received_at: Set(now),
        ..Default::default()
    };
    let keep_first =
        OnConflict::columns([deliveries::Column::Origin, deliveries::Column::Identity]).do_nothing().to_owned();
    Ok(deliveries::Entity::insert(row).on_conflict(keep_first).exec_without_returning(tx).await? > 0)
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
