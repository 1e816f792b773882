//! Mails, files that an operator imports, and webhook events. Each is processed once.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// One row per mail, imported file or webhook event. Each is processed once.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "deliveries")]
pub struct Model {
    /// The delivery's id.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The mailbox, `file`, or `webhook:` and the account.
    #[sea_orm(column_type = "Text")]
    pub origin: String,
    /// The identity within the origin: a file's hash, an event's id, or a mail's id.
    #[sea_orm(column_type = "Text")]
    pub identity: String,
    /// `mail`, `file` or `webhook`.
    #[sea_orm(column_type = "Text")]
    pub kind: String,
    /// `accepted` (recorded, its rows follow), `committed`, `duplicate` (answered before), `foreign` (answers no job), `short`
    /// (fewer rows than expected), `refused` (not believed), `revoked` (by an operator, after it was committed) or `unreadable`.
    #[sea_orm(column_type = "Text")]
    pub state: String,
    /// The name of the account that the rows belong to.
    #[sea_orm(column_type = "Text", nullable)]
    pub account: Option<String>,
    /// The stream that the rows belong to.
    #[sea_orm(column_type = "Text", nullable)]
    pub stream: Option<String>,
    /// Why the delivery was not committed. No personal data.
    #[sea_orm(column_type = "Text", nullable)]
    pub reason: Option<String>,
    /// The start of the window that the delivery answered.
    pub from_at: Option<DateTime<Utc>>,
    /// The end of that window, exclusive.
    pub to_at: Option<DateTime<Utc>>,
    /// The number of rows.
    pub rows: i64,
    /// The key of the item that a webhook's event named.
    #[sea_orm(column_type = "Text", nullable)]
    pub slice_key: Option<String>,
    /// The version of the item that the event named.
    pub version_at: Option<DateTime<Utc>>,
    /// The rows and items of an `accepted` or `unreadable` webhook event, as JSON. `NULL` once they are stored.
    #[sea_orm(column_type = "Text", nullable)]
    pub payload: Option<String>,
    /// When the delivery arrived.
    pub received_at: DateTime<Utc>,
}

/// No relations: queries join by name.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
