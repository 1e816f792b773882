//! What came by another way than an answer: mails, and files given by hand. Each is worked on once.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// One mail or file.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "deliveries")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The mailbox, `file`, or `webhook:` and the account.
    #[sea_orm(column_type = "Text")]
    pub origin: String,
    /// What tells it apart there; a file goes by its content, an event by its id.
    #[sea_orm(column_type = "Text")]
    pub identity: String,
    /// `mail`, `file` or `webhook`.
    #[sea_orm(column_type = "Text")]
    pub kind: String,
    /// `committed`, `duplicate`, `foreign`, `short` or `unreadable`.
    #[sea_orm(column_type = "Text")]
    pub state: String,
    /// Whose rows it held.
    #[sea_orm(column_type = "Text", nullable)]
    pub account: Option<String>,
    /// The stream they belong to.
    #[sea_orm(column_type = "Text", nullable)]
    pub stream: Option<String>,
    /// Why it was not committed; nothing personal.
    #[sea_orm(column_type = "Text", nullable)]
    pub reason: Option<String>,
    /// The window that it answered.
    pub from_at: Option<DateTime<Utc>>,
    /// The window that it answered.
    pub to_at: Option<DateTime<Utc>>,
    /// How many rows it held.
    pub rows: i64,
    /// What it named, where it is a webhook's event about one thing.
    #[sea_orm(column_type = "Text", nullable)]
    pub slice_key: Option<String>,
    /// The version of it that it named.
    pub version_at: Option<DateTime<Utc>>,
    /// When it was worked on.
    pub received_at: DateTime<Utc>,
}

/// No relations: queries join by name.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
