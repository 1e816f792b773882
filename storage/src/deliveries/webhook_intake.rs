//! Webhooks: the intake stores rows and queues named items before the server acknowledges the events.

use crate::database::Database;
use crate::ledger::StreamId;
use crate::ledger::items::{items_to_request, key_of};
use crate::ledger::job_row::job_row;
use crate::transaction::Transaction;
use crate::upsert::Upsert;
use chrono::{DateTime, Utc};
use domain::item::Item;
use domain::job::{Job, Purpose};
use domain::ledger::Ledger;
use domain::spans::Spans;
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
    /// Events that were taken before.
    pub repeated: u64,
}

/// Takes the events of a webhook for `id`, all of them or none. An event that was taken before changes nothing.
///
/// # Errors
/// Returns the database error.
pub async fn accept(db: &Database, id: &StreamId, events: &[WebhookEvent<RowBatch>]) -> Result<WebhookCounts, DbErr> {
    let tx = db.begin().await?;
    let now = db.now(&tx).await?;
    let taken = take(&tx, id, events, now).await;
    match taken {
        Ok(accepted) => {
            tx.commit().await?;
            Ok(accepted)
        }
        Err(error) => {
            tx.rollback().await?;
            Err(error)
        }
    }
}

async fn take(
    tx: &Transaction,
    id: &StreamId,
    events: &[WebhookEvent<RowBatch>],
    now: DateTime<Utc>,
) -> Result<WebhookCounts, DbErr> {
    let (mut accepted, mut upsert) = (WebhookCounts::default(), Upsert::new(Spans::default(), now));
    for event in events {
        if !is_new(tx, id, event, now).await? {
            accepted.repeated += 1;
            continue;
        }
        accepted.new_events += 1;
        for rows in &event.rows {
            upsert.add(tx, rows).await?;
        }
        // The empty ledger adds no items of its own: the list job finds those that need another read.
        let items = items_to_request(tx, id, &Ledger::default(), &event.items).await?;
        for item in &items.first_fetch {
            job(tx, id, item, item.scope, now).await?;
        }
        for item in &items.refetch {
            job(tx, id, item, None, now).await?;
        }
    }
    upsert.finish(tx).await?;
    Ok(accepted)
}

/// Records an event; returns `false` if the database already has it.
async fn is_new(
    tx: &Transaction,
    id: &StreamId,
    event: &WebhookEvent<RowBatch>,
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
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
        version_at: Set(event.items.first().and_then(|item| item.seen_version)),
        received_at: Set(now),
        ..Default::default()
    };
    let known = OnConflict::columns([deliveries::Column::Origin, deliveries::Column::Identity]).do_nothing().to_owned();
    Ok(deliveries::Entity::insert(row).on_conflict(known).exec_without_returning(tx).await? > 0)
}

/// Jobs what an event names: once, unless somebody asks already and may have asked too soon. What only waits to be looked
/// at once more is due now; what waits for a person goes on waiting. All in one statement, for a ticket for it may be under
/// way.
async fn job(
    tx: &Transaction,
    id: &StreamId,
    item: &Item,
    missing_scope: Option<Window>,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    use jobs::Column;
    let Some(key) = key_of(&item.slice) else { return Ok(()) };
    let of = item.scope.as_ref();
    let kept = |column: Column, news: Option<DateTime<Utc>>| Expr::col(column).if_null(news);
    let unless = |so: SimpleExpr, column: Column, news: Value| Expr::case(so, Expr::col(column)).finally(news).into();
    let is_older = item.seen_version.map_or_else(|| true.into(), |seen| Expr::col(Column::SeenVersionAt).gte(seen));
    let open = jobs::Entity::update_many()
        .col_expr(Column::DueAt, unless(Expr::col(Column::Failures).gt(0), Column::DueAt, now.into()))
        .col_expr(Column::SeenVersionAt, unless(is_older, Column::SeenVersionAt, item.seen_version.into()))
        .col_expr(Column::HasEnded, unless((!item.has_ended).into(), Column::HasEnded, true.into()))
        .col_expr(Column::FromAt, kept(Column::FromAt, of.map(Window::from)))
        .col_expr(Column::ToAt, kept(Column::ToAt, of.map(Window::to)))
        .col_expr(Column::MissingFromAt, kept(Column::MissingFromAt, missing_scope.as_ref().map(Window::from)))
        .col_expr(Column::MissingToAt, kept(Column::MissingToAt, missing_scope.as_ref().map(Window::to)))
        .filter(Column::Account.eq(&id.account))
        .filter(Column::Stream.eq(&id.stream))
        .filter(Column::SliceKey.eq(key))
        .filter(Column::State.ne("running"))
        .exec(tx)
        .await?;
    if open.rows_affected == 0 {
        let job = Job::new(Purpose::Item, item.slice.clone(), now, Duration::from_secs(1));
        let job =
            Job { scope: item.scope, seen_version: item.seen_version, has_ended: item.has_ended, missing_scope, ..job };
        jobs::Entity::insert(job_row(id, &job)).exec_without_returning(tx).await?;
    }
    Ok(())
}
