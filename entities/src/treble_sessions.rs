//! Treble's sessions: one user's way through a poll, from the list of sessions or from the report that can be downloaded.

use crate::schema::{TableSchema, VendorTable};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use std::sync::LazyLock;

/// One session.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "treble_sessions")]
pub struct Model {
    /// The account's name in the settings.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub account: String,
    /// The vendor's id, as text. A report names none: there it is `csv:` and a hash of phone and start.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub session_id: String,
    /// The poll; a report does not name it.
    #[sea_orm(column_type = "Text")]
    pub poll_id: Option<String>,
    /// What webhooks call the session. Some have none.
    #[sea_orm(column_type = "Text")]
    pub external_id: Option<String>,
    /// When it was made, in UTC; the vendor files by it.
    pub created_at: DateTime<Utc>,
    /// When it ended. Some never do.
    pub finished_at: Option<DateTime<Utc>>,
    /// `+57`, as it came.
    #[sea_orm(column_type = "Text")]
    pub country_code: Option<String>,
    /// The number without the country's code, as it came; in a report with it.
    #[sea_orm(column_type = "Text")]
    pub cellphone: Option<String>,
    /// The digits of both together.
    #[sea_orm(column_type = "Text")]
    pub phone: Option<String>,
    /// The last ten digits of the phone, by which it is matched: Mexican numbers have a 1 before them at times.
    #[sea_orm(column_type = "Text")]
    pub phone_tail: Option<String>,
    /// What else is said of the user.
    #[sea_orm(column_type = "JsonBinary")]
    pub user: Option<Json>,
    /// What became of its first message: `DELIVERED`, `FAILURE…` or another word, as it came.
    #[sea_orm(column_type = "Text")]
    pub deployment_status: Option<String>,
    /// `Completed`, `HumanHandover`, `Expired`, `InProgress`; in a report only, like all below.
    #[sea_orm(column_type = "Text")]
    pub session_status: Option<String>,
    /// The poll's version.
    #[sea_orm(column_type = "Text")]
    pub conversation_version: Option<String>,
    /// When its first message was sent.
    pub first_message_at: Option<DateTime<Utc>>,
    /// When its last message was sent.
    pub last_message_at: Option<DateTime<Utc>>,
    /// Its last message.
    #[sea_orm(column_type = "Text")]
    pub last_message: Option<String>,
    /// Where in the poll it got to.
    #[sea_orm(column_type = "Text")]
    pub last_node_id: Option<String>,
    /// What the vendor sent beyond these columns, and values that did not fit their column.
    #[sea_orm(column_type = "JsonBinary")]
    pub extra: Json,
    /// Changes when, and only when, something above does.
    #[sea_orm(column_type = "Text")]
    pub digest: String,
    /// When this state was stored.
    pub synced_at: DateTime<Utc>,
}

/// No relations: the vendors' tables stand alone.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl VendorTable for Entity {
    const KEY: &'static [Column] = &[Column::Account, Column::SessionId];
    const AT: Column = Column::CreatedAt;

    fn schema() -> &'static TableSchema {
        static SCHEMA: LazyLock<TableSchema> = LazyLock::new(TableSchema::of::<Entity>);
        &SCHEMA
    }
}
