//! Truora's processes: one row per customer's way through a chatbot's flow.
//!
//! The columns carry the vendor's names. What the vendor leaves out, sends as `null` and sends empty are one and the same.

use crate::schema::{TableSchema, VendorTable};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use std::sync::LazyLock;

/// One row per process, which is one customer's way through a chatbot's flow, in its newest state. A missing member,
/// `null` and an empty value are all `NULL`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "truora_processes")]
pub struct Model {
    /// The account's name in the settings.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub account: String,
    /// The process's id, `IDP…`. From the vendor's `process_id`.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub process_id: String,
    /// The customer's account at the vendor: `{phone}-inbound-{hash}`. From the vendor's `account_id`.
    #[sea_orm(column_type = "Text")]
    pub account_id: Option<String>,
    /// The customer's phone number: the digits before the first `-`. From the vendor's `account_id`.
    #[sea_orm(column_type = "Text")]
    pub phone: Option<String>,
    /// The company's id, `TCI…`. From the vendor's `client_id`.
    #[sea_orm(column_type = "Text")]
    pub client_id: Option<String>,
    /// The flow's id, `IPF…`. From the vendor's `flow_id`.
    #[sea_orm(column_type = "Text")]
    pub flow_id: Option<String>,
    /// The channel: `whatsapp` or `web`. From the vendor's `created_via`.
    #[sea_orm(column_type = "Text")]
    pub created_via: Option<String>,
    /// The flow's version. From the vendor's `flow_version`.
    pub flow_version: Option<i64>,
    /// The country, or `ALL`. From the vendor's `country`.
    #[sea_orm(column_type = "Text")]
    pub country: Option<String>,
    /// The status, as it came: `pending`, `success`, `failure` or another word. From the vendor's `status`.
    #[sea_orm(column_type = "Text")]
    pub status: Option<String>,
    /// Whether the process goes on: its status is `pending`, or an unknown word without any sign of an end. From the
    /// vendor's `status`.
    pub is_open: bool,
    /// The kind of failure: `declined`, `expired`, `system_error` and others. From the vendor's `failure_status`.
    #[sea_orm(column_type = "Text")]
    pub failure_status: Option<String>,
    /// The code of the reason why the process was declined. From the vendor's `declined_reason`.
    #[sea_orm(column_type = "Text")]
    pub declined_reason: Option<String>,
    /// The number of the customer's answers. Only so many rows of `truora_responses` belong to this state. From the
    /// vendor's `user_responses`.
    pub responses: i64,
    /// The last finished step: an object with `step_id`, `verification_output`, `config`, `expected_inputs` and
    /// `files_upload_urls`. From the vendor's `last_finished_step`.
    #[sea_orm(column_type = "JsonBinary")]
    pub last_finished_step: Option<Json>,
    /// The checks of the customer's identity, if the flow has any. From the vendor's `validations`.
    #[sea_orm(column_type = "JsonBinary")]
    pub validations: Option<Json>,
    /// When the process began. The vendor files processes by it. From the vendor's `creation_date`.
    pub creation_date: DateTime<Utc>,
    /// When the process last changed. From the vendor's `update_date`.
    pub update_date: Option<DateTime<Utc>>,
    /// The customer's IP address; mostly `unknown`. From the vendor's `ip_address`.
    #[sea_orm(column_type = "Text")]
    pub ip_address: Option<String>,
    /// The trigger of the process: an object with `channel_type`, `channel_name`, `message` and others. From the
    /// vendor's `trigger_info`.
    #[sea_orm(column_type = "JsonBinary")]
    pub trigger_info: Option<Json>,
    /// The time to live, probably in minutes; no document names the unit. From the vendor's `time_to_live`.
    pub time_to_live: Option<i64>,
    /// The number of finished steps. From the vendor's `current_step_index`.
    pub current_step_index: Option<i64>,
    /// The order of two states of a process; the later one is stored. `update_date` (or else `creation_date`), and a
    /// microsecond more if the process has ended.
    pub state_at: DateTime<Utc>,
    /// The values that the vendor sent without a column, and those that do not fit their column: an object by name.
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
    const KEY: &'static [Column] = &[Column::Account, Column::ProcessId];
    const AT: Column = Column::CreationDate;
    // The newest `update_date` wins, whichever came first; of two with the same one, that which says how it ended. An
    // operator may turn a result over later.
    const VERSION: &'static [Column] = &[Column::StateAt];

    fn schema() -> &'static TableSchema {
        static SCHEMA: LazyLock<TableSchema> = LazyLock::new(TableSchema::of::<Entity>);
        &SCHEMA
    }
}
