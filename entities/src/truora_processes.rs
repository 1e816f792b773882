//! Truora's processes: one row per customer's way through a chatbot's flow.
//!
//! The columns carry the vendor's names. What the vendor leaves out, sends as `null` and sends empty are one and the same.

use crate::schema::{TableSchema, VendorTable};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use std::sync::LazyLock;

/// One process, as it was at `update_date`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "truora_processes")]
pub struct Model {
    /// The account's name in the settings.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub account: String,
    /// The vendor's id, `IDP…`.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub process_id: String,
    /// The customer's account at the vendor: `{phone}-inbound-{hash}`.
    #[sea_orm(column_type = "Text")]
    pub account_id: Option<String>,
    /// The phone: the digits of `account_id` before its first `-`.
    #[sea_orm(column_type = "Text")]
    pub phone: Option<String>,
    /// The company, `TCI…`.
    #[sea_orm(column_type = "Text")]
    pub client_id: Option<String>,
    /// The flow, `IPF…`.
    #[sea_orm(column_type = "Text")]
    pub flow_id: Option<String>,
    /// `whatsapp` or `web`.
    #[sea_orm(column_type = "Text")]
    pub created_via: Option<String>,
    /// The flow's version.
    pub flow_version: Option<i64>,
    /// `ALL` or a country.
    #[sea_orm(column_type = "Text")]
    pub country: Option<String>,
    /// `pending`, `success`, `failure`, or another word, as it came.
    #[sea_orm(column_type = "Text")]
    pub status: Option<String>,
    /// Whether it goes on still: `pending`, or an unknown word that no sign of an end stands beside.
    pub is_open: bool,
    /// Why it failed, in a word: `declined`, `expired`, `system_error` and so on.
    #[sea_orm(column_type = "Text")]
    pub failure_status: Option<String>,
    /// Why it was declined, as a code.
    #[sea_orm(column_type = "Text")]
    pub declined_reason: Option<String>,
    /// How many answers the customer has given: so many rows of `truora_responses` belong to this state.
    pub responses: i64,
    /// The last step that was done: `step_id`, `verification_output`, `config`, `expected_inputs`, `files_upload_urls`.
    #[sea_orm(column_type = "JsonBinary")]
    pub last_finished_step: Option<Json>,
    /// Checks of the customer's identity, where the flow has them.
    #[sea_orm(column_type = "JsonBinary")]
    pub validations: Option<Json>,
    /// When it began, in UTC; the vendor files by it.
    pub creation_date: DateTime<Utc>,
    /// When it last changed.
    pub update_date: Option<DateTime<Utc>>,
    /// Mostly `unknown`.
    #[sea_orm(column_type = "Text")]
    pub ip_address: Option<String>,
    /// What started it: `channel_type`, `channel_name`, `message` and more.
    #[sea_orm(column_type = "JsonBinary")]
    pub trigger_info: Option<Json>,
    /// Probably in minutes.
    pub time_to_live: Option<i64>,
    /// How many steps are done.
    pub current_step_index: Option<i64>,
    /// Tells which of two states is the truer one: `update_date`, and a microsecond more once the process has ended.
    pub state_at: DateTime<Utc>,
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
    const KEY: &'static [Column] = &[Column::Account, Column::ProcessId];
    const AT: Column = Column::CreationDate;
    // The newest `update_date` wins, whichever came first; of two with the same one, that which says how it ended. An
    // operator may turn a result over later.
    const VERSION: Option<Column> = Some(Column::StateAt);

    fn schema() -> &'static TableSchema {
        static SCHEMA: LazyLock<TableSchema> = LazyLock::new(TableSchema::of::<Entity>);
        &SCHEMA
    }
}
