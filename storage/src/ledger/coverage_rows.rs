//! Loads and stores the coverage of a stream.

use super::StreamId;
use crate::transaction::Transaction;
use domain::coverage::Coverage;
use domain::window::Window;
use entities::coverage;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, Set};

pub(crate) async fn load_coverage(on: &impl ConnectionTrait, id: &StreamId) -> Result<Coverage, DbErr> {
    let rows = coverage::Entity::find()
        .filter(coverage::Column::Account.eq(&id.account))
        .filter(coverage::Column::Stream.eq(&id.stream))
        .all(on)
        .await?;
    let held = rows.iter().filter_map(|row| Some((Window::new(row.from_at, row.to_at)?, row.state == "final")));
    Ok(Coverage::from_stored(held))
}

pub(crate) async fn store_coverage(tx: &Transaction, id: &StreamId, after: &Coverage) -> Result<(), DbErr> {
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
