//! Treble's sessions: one user's way through a poll, from the list of sessions or from the report that can be downloaded.

use crate::schema::{TableSchema, VendorTable};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use std::sync::LazyLock;

/// One row per session, which is one user's way through a poll, from the list of sessions or from the report that an
/// operator downloads. The columns from `session_status` to `report_extra` come from reports only. Where both know a value,
/// that of the list counts, whichever came first.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "treble_sessions")]
pub struct Model {
    /// The account's name in the settings.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub account: String,
    /// The session's id, as text. A report has none: then `csv:` and a hash of phone and start. From the vendor's `id`;
    /// in a report `session_id`.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub session_id: String,
    /// The poll's id. A report usually lacks it. From the vendor's `poll_id`.
    #[sea_orm(column_type = "Text")]
    pub poll_id: Option<String>,
    /// The session's id in webhooks. Some sessions have none. From the vendor's `external_id`.
    #[sea_orm(column_type = "Text")]
    pub external_id: Option<String>,
    /// When the session was created. The vendor files sessions by it. From the vendor's `created_at`; in a report
    /// `session_started_timestamp`.
    pub created_at: DateTime<Utc>,
    /// When the session ended. Some sessions never end. From the vendor's `finished_at`; in a report
    /// `session_finished_timestamp`.
    pub finished_at: Option<DateTime<Utc>>,
    /// The code of the country, such as `+57`, as it came. From the vendor's `user.country_code`.
    #[sea_orm(column_type = "Text")]
    pub country_code: Option<String>,
    /// The phone number as it came, without the code of the country; in a report with it. From the vendor's
    /// `user.cellphone`; in a report `user_cellphone`.
    #[sea_orm(column_type = "Text")]
    pub cellphone: Option<String>,
    /// The digits of the code of the country and of the number. From the vendor's `user.country_code` and
    /// `user.cellphone`; in a report `user_cellphone`.
    #[sea_orm(column_type = "Text")]
    pub phone: Option<String>,
    /// The last ten digits of `phone`, by which events find their session: "Mexican numbers may gain a leading 1".
    #[sea_orm(column_type = "Text")]
    pub phone_tail: Option<String>,
    /// The other members of the user: an object. From the vendor's `user`.
    #[sea_orm(column_type = "JsonBinary")]
    pub user: Option<Json>,
    /// The status of the session's first message, as it came: `DELIVERED`, `FAILURE…` or another word. From the
    /// vendor's `deployment_status`.
    #[sea_orm(column_type = "Text")]
    pub deployment_status: Option<String>,
    /// The status: `Completed`, `HumanHandover`, `Expired` or `InProgress`. From the vendor's `session_status`.
    #[sea_orm(column_type = "Text")]
    pub session_status: Option<String>,
    /// The poll's version. From the vendor's `conversation_version`.
    #[sea_orm(column_type = "Text")]
    pub conversation_version: Option<String>,
    /// When the first message was sent. From the vendor's `first_message_timestamp`.
    pub first_message_at: Option<DateTime<Utc>>,
    /// When the last message was sent. From the vendor's `last_message_timestamp`.
    pub last_message_at: Option<DateTime<Utc>>,
    /// The last message. From the vendor's `last_message`.
    #[sea_orm(column_type = "Text")]
    pub last_message: Option<String>,
    /// The id of the last node of the poll that the user reached. From the vendor's `last_node_id`.
    #[sea_orm(column_type = "Text")]
    pub last_node_id: Option<String>,
    /// The values of a report without a column, and those that do not fit their column: an object by name.
    #[sea_orm(column_type = "JsonBinary")]
    pub report_extra: Option<Json>,
    /// The values of a list without a column, and those that do not fit their column: an object by name.
    #[sea_orm(column_type = "JsonBinary")]
    pub extra: Json,
    /// A hash of the vendor's columns. It changes if and only if one of them changes.
    #[sea_orm(column_type = "Text")]
    pub digest: String,
    /// When convosync stored this version of the row.
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
