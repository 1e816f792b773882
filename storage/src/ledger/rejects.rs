//! Stores the rows that a parser rejected.

use super::StreamId;
use crate::transaction::Transaction;
use chrono::{DateTime, Utc};
use domain::source::Reject;
use domain::window::Window;
use entities::rejects;
use sea_orm::sea_query::OnConflict;
use sea_orm::{DbErr, EntityTrait, Set};

/// Rows per statement.
const BATCH: usize = 500;

/// Stores rejected rows. A row that is rejected again is not stored again.
#[crate::boxed]
pub(crate) async fn store_rejects(
    tx: &Transaction,
    id: &StreamId,
    window: Option<&Window>,
    rejects: &[Reject],
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let row = |reject: &Reject| rejects::ActiveModel {
        account: Set(id.account.clone()),
        stream: Set(id.stream.clone()),
        digest: Set(format!("{:032x}", reject.digest)),
        from_at: Set(window.map(Window::from)),
        to_at: Set(window.map(Window::to)),
        // PostgreSQL stores no NUL in a text.
        reason: Set(reject.reason.replace('\0', "\u{fffd}")),
        raw: Set(reject.raw.replace('\0', "\u{fffd}")),
        rejected_at: Set(now),
        ..Default::default()
    };
    for batch in rejects.chunks(BATCH) {
        let key = [rejects::Column::Account, rejects::Column::Stream, rejects::Column::Digest];
        let keep_first = OnConflict::columns(key).do_nothing().to_owned();
        let rows = batch.iter().map(row);
        rejects::Entity::insert_many(rows).on_conflict(keep_first).exec_without_returning(tx).await?;
    }
    Ok(())
}
