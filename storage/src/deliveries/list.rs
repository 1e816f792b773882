//! Lists deliveries for an operator.

use chrono::{DateTime, Utc};
use entities::deliveries::{Column, Entity, Model};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::Serialize;

/// A mail, an imported file or a webhook event, without its rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeliverySummary {
    /// The id.
    pub id: i64,
    /// `mail`, `file` or `webhook`.
    pub kind: String,
    /// The mailbox, `file`, or `webhook:` and the account. A mailbox's user is a digest.
    pub origin: String,
    /// The identity within the origin: a mail's id in its folder, a file's SHA-256, or an event's id.
    pub identity: String,
    /// The outcome, as in the table `deliveries`.
    pub state: String,
    /// The account that the rows belong to.
    pub account: Option<String>,
    /// The stream that the rows belong to.
    pub stream: Option<String>,
    /// Why nothing was stored.
    pub reason: Option<String>,
    /// The start of the window that the delivery proved.
    pub from: Option<DateTime<Utc>>,
    /// The end of that window, exclusive.
    pub to: Option<DateTime<Utc>>,
    /// The number of rows.
    pub rows: i64,
    /// When the delivery was processed.
    pub received_at: DateTime<Utc>,
}

/// Which deliveries a list has.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    /// Only those of this account.
    pub account: Option<String>,
    /// Only those in this state.
    pub state: Option<String>,
    /// Only those of this kind.
    pub kind: Option<String>,
    /// At most so many.
    pub limit: u64,
}

impl From<Model> for DeliverySummary {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            kind: row.kind,
            origin: row.origin,
            identity: row.identity,
            state: row.state,
            account: row.account,
            stream: row.stream,
            reason: row.reason,
            from: row.from_at,
            to: row.to_at,
            rows: row.rows,
            received_at: row.received_at,
        }
    }
}

/// Lists deliveries, the newest first.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn list(on: &impl ConnectionTrait, filter: &DeliveryFilter) -> Result<Vec<DeliverySummary>, DbErr> {
    let mut find = Entity::find();
    for (column, value) in
        [(Column::Account, &filter.account), (Column::State, &filter.state), (Column::Kind, &filter.kind)]
    {
        if let Some(value) = value {
            find = find.filter(column.eq(value.as_str()));
        }
    }
    let rows = find.order_by_desc(Column::Id).limit(filter.limit).all(on).await?;
    Ok(rows.into_iter().map(DeliverySummary::from).collect())
}

/// Loads the delivery `id`.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn find(on: &impl ConnectionTrait, id: i64) -> Result<Option<DeliverySummary>, DbErr> {
    Ok(Entity::find_by_id(id).one(on).await?.map(DeliverySummary::from))
}
