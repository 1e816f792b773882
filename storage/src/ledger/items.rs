//! The items to request, and the items that a worker has read to the end.

use crate::ledger::StreamId;
use crate::transaction::Transaction;
use chrono::{DateTime, Utc};
use domain::item::{Item, ItemStatus, NamedItems, capped_version};
use domain::job::Job;
use domain::ledger::Ledger;
use domain::slice::Slice;
use domain::window::Window;
use entities::items::{ActiveModel, Column, Entity, Model};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, Set};
use std::collections::BTreeMap;

/// Keys per query.
const KEYS: usize = 500;

/// Who names items.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NamedBy<'a> {
    /// A list or a file. It names all its items each time it is read, so an item without a version is no news. The ledger
    /// knows the backfills of everything.
    List(&'a Ledger),
    /// A webhook. It comes because something has happened.
    Webhook,
}

/// Selects those of `items` that a worker must fetch: the unknown ones, and an ended one if it has a newer version, if a
/// webhook names it without a credible version, or if a backfill of everything has started since it ended. The versions in
/// the result are capped.
pub(crate) async fn items_to_request(
    tx: &Transaction,
    id: &StreamId,
    named_by: NamedBy<'_>,
    items: &[Item],
    now: DateTime<Utc>,
) -> Result<NamedItems, DbErr> {
    let keys = keys_of(items);
    let mut ended: BTreeMap<String, Model> = BTreeMap::new();
    for chunk in keys.chunks(KEYS) {
        let rows = Entity::find()
            .filter(Column::Account.eq(&id.account))
            .filter(Column::Stream.eq(&id.stream))
            .filter(Column::SliceKey.is_in(chunk.iter().copied()))
            .all(tx)
            .await?;
        ended.extend(rows.into_iter().map(|row| (row.slice_key.clone(), row)));
    }
    let mut selected = NamedItems::default();
    for item in items {
        let seen_version = item.seen_version.map(|version| capped_version(version, now));
        let capped = Item { seen_version, ..item.clone() };
        let Some(row) = key_of(&item.slice).and_then(|key| ended.get(key)) else {
            selected.first_fetch.push(capped);
            continue;
        };
        let is_due_again = match named_by {
            NamedBy::Webhook => seen_version.is_none() || seen_version != item.seen_version,
            NamedBy::List(ledger) => {
                let refetch_since = item.scope.and_then(|scope| ledger.refetch_since(scope));
                refetch_since.is_some_and(|since| row.ended_at < since)
            }
        };
        if seen_version > row.version_at || is_due_again {
            selected.refetch.push(capped);
        }
    }
    Ok(selected)
}

/// Records that the item of `job` has ended.
pub(crate) async fn record_item_end(
    tx: &Transaction,
    id: &StreamId,
    job: &Job,
    status: ItemStatus,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let Some(key) = key_of(&job.slice) else { return Ok(()) };
    let row = ActiveModel {
        account: Set(id.account.clone()),
        stream: Set(id.stream.clone()),
        slice_key: Set(key.to_owned()),
        began_at: Set(job.scope.as_ref().map(Window::from)),
        version_at: Set(job.seen_version.max(status.version.map(|version| capped_version(version, now)))),
        ended_at: Set(now),
    };
    // A re-check does not know when the item began, so it keeps the stored instant.
    let mut updated = vec![Column::VersionAt, Column::EndedAt];
    updated.extend(job.scope.map(|_| Column::BeganAt));
    let replace =
        OnConflict::columns([Column::Account, Column::Stream, Column::SliceKey]).update_columns(updated).to_owned();
    Entity::insert(row).on_conflict(replace).exec_without_returning(tx).await.map(|_| ())
}

/// The keys of `items`.
pub(crate) fn keys_of(items: &[Item]) -> Vec<&str> {
    items.iter().filter_map(|item| key_of(&item.slice)).collect()
}

/// The key of an item; `None` for a slice that is no item.
pub(crate) fn key_of(slice: &Slice) -> Option<&str> {
    match slice {
        Slice::Item(key) => Some(key),
        Slice::Window(_) | Slice::Export(_) | Slice::Partition(..) | Slice::Delivery(_) => None,
    }
}
