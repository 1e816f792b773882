//! Which leads are worth following, and what has been followed to its end.

use crate::ledger::StreamId;
use crate::tables::followed::{ActiveModel, Column, Entity, Model};
use crate::transaction::Transaction;
use chrono::{DateTime, Utc};
use domain::lead::{Found, Lead, Leads};
use domain::ledger::Ledger;
use domain::want::{Slice, Want};
use domain::window::Window;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, Set};
use std::collections::BTreeMap;

/// As many keys as one question names.
const KEYS: usize = 500;

/// Those of `leads` that are worth asking for: what was followed to its end is so in a later version only, or where
/// `ledger` has an order since then to ask for everything once more.
pub(crate) async fn fresh(tx: &Transaction, id: &StreamId, ledger: &Ledger, leads: &[Lead]) -> Result<Leads, DbErr> {
    let keys = keys_of(leads);
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
    let mut worth = Leads::default();
    for lead in leads {
        let Some(known) = key_of(&lead.slice).and_then(|key| known.get(key)) else {
            worth.first.push(lead.clone());
            continue;
        };
        let ordered = lead.of.and_then(|of| ledger.anew_since(of));
        if lead.seen > known.version_at || ordered.is_some_and(|ordered| known.ended_at < ordered) {
            worth.again.push(lead.clone());
        }
    }
    Ok(worth)
}

/// Notes that what `want` asked for is at its end.
pub(crate) async fn ended(
    tx: &Transaction,
    id: &StreamId,
    want: &Want,
    found: Found,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let Some(key) = key_of(&want.slice) else { return Ok(()) };
    let row = ActiveModel {
        account: Set(id.account.clone()),
        stream: Set(id.stream.clone()),
        slice_key: Set(key.to_owned()),
        of_at: Set(want.of.as_ref().map(Window::from)),
        version_at: Set(want.seen.max(found.version)),
        ended_at: Set(now),
    };
    // When it began is not told by a second look.
    let mut news = vec![Column::VersionAt, Column::EndedAt];
    news.extend(want.of.map(|_| Column::OfAt));
    let again =
        OnConflict::columns([Column::Account, Column::Stream, Column::SliceKey]).update_columns(news).to_owned();
    Entity::insert(row).on_conflict(again).exec_without_returning(tx).await.map(|_| ())
}

/// The keys that `leads` name.
pub(crate) fn keys_of(leads: &[Lead]) -> Vec<&str> {
    leads.iter().filter_map(|lead| key_of(&lead.slice)).collect()
}

/// What tells one thing from others.
pub(crate) fn key_of(slice: &Slice) -> Option<&str> {
    match slice {
        Slice::Key(key) => Some(key),
        Slice::Window(_) | Slice::Export(_) | Slice::Part(..) | Slice::Delivery(_) => None,
    }
}
