//! The items to request, and the items that a worker has read to the end.

use crate::ledger::StreamId;
use crate::transaction::Transaction;
use chrono::{DateTime, Utc};
use domain::item::{Item, ItemStatus, NamedItems};
use domain::job::Job;
use domain::ledger::Ledger;
use domain::slice::Slice;
use domain::window::Window;
use entities::items::{ActiveModel, Column, Entity, Model};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, Set};
use std::collections::BTreeMap;

/// As many keys as one question names.
const KEYS: usize = 500;

/// Those of `items` that are worth asking for: what was followed to its end is so in a later version only, or where
/// `ledger` has an order since then to ask for everything once more.
pub(crate) async fn items_to_request(
    tx: &Transaction,
    id: &StreamId,
    ledger: &Ledger,
    items: &[Item],
) -> Result<NamedItems, DbErr> {
    let keys = keys_of(items);
    let mut known: BTreeMap<String, Model> = BTreeMap::new();
    for some in keys.chunks(KEYS) {
        let found = Entity::find()
            .filter(Column::Account.eq(&id.account))
            .filter(Column::Stream.eq(&id.stream))
            .filter(Column::SliceKey.is_in(some.iter().copied()))
            .all(tx)
            .await?;
        known.extend(found.into_iter().map(|row| (row.slice_key.clone(), row)));
    }
    let mut worth = NamedItems::default();
    for item in items {
        let Some(known) = key_of(&item.slice).and_then(|key| known.get(key)) else {
            worth.first_fetch.push(item.clone());
            continue;
        };
        let ordered = item.scope.and_then(|of| ledger.refetch_since(of));
        if item.seen_version > known.version_at || ordered.is_some_and(|ordered| known.ended_at < ordered) {
            worth.refetch.push(item.clone());
        }
    }
    Ok(worth)
}

/// Records that the item of `job` has ended.
pub(crate) async fn record_item_end(
    tx: &Transaction,
    id: &StreamId,
    job: &Job,
    found: ItemStatus,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let Some(key) = key_of(&job.slice) else { return Ok(()) };
    let row = ActiveModel {
        account: Set(id.account.clone()),
        stream: Set(id.stream.clone()),
        slice_key: Set(key.to_owned()),
        began_at: Set(job.scope.as_ref().map(Window::from)),
        version_at: Set(job.seen_version.max(found.version)),
        ended_at: Set(now),
    };
    // When it began is not told by a second look.
    let mut news = vec![Column::VersionAt, Column::EndedAt];
    news.extend(job.scope.map(|_| Column::BeganAt));
    let again =
        OnConflict::columns([Column::Account, Column::Stream, Column::SliceKey]).update_columns(news).to_owned();
    Entity::insert(row).on_conflict(again).exec_without_returning(tx).await.map(|_| ())
}

/// The keys that `items` name.
pub(crate) fn keys_of(items: &[Item]) -> Vec<&str> {
    items.iter().filter_map(|item| key_of(&item.slice)).collect()
}

/// The key that identifies an item.
pub(crate) fn key_of(slice: &Slice) -> Option<&str> {
    match slice {
        Slice::Item(key) => Some(key),
        Slice::Window(_) | Slice::Export(_) | Slice::Partition(..) | Slice::Delivery(_) => None,
    }
}
