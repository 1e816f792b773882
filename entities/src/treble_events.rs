//! Treble's webhooks, of the account and of single flows: one row per event.

use crate::schema::{TableSchema, VendorTable};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use std::sync::LazyLock;

/// One row per event of a webhook, of the account or of a flow.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "treble_events")]
pub struct Model {
    /// The account's name in the settings.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub account: String,
    /// The event's id. Events of flows have none: then `hash:` and a hash of the whole event. From the vendor's
    /// `event_id`.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub event_id: String,
    /// When the event happened. Of the events of flows only a time-out has it. From the vendor's `timestamp` or
    /// `timeout_at`.
    pub timestamp: Option<DateTime<Utc>>,
    /// The type: `session.close`, `deployment.failure`, `hsm.status`. Events of flows have none; convosync writes
    /// `flow.response`, `flow.timeout`, `flow.opt_out` or `flow.closed`, and `unknown` for any other event. From the
    /// vendor's `event_type`.
    #[sea_orm(column_type = "Text")]
    pub event_type: String,
    /// The session's external id. From the vendor's `session.external_id` or `session_id`.
    #[sea_orm(column_type = "Text")]
    pub external_id: Option<String>,
    /// The poll's id. From the vendor's `conversation_id`.
    #[sea_orm(column_type = "Text")]
    pub poll_id: Option<String>,
    /// The digits of the user's phone number. From the vendor's `user.country_code` and `user.cellphone`.
    #[sea_orm(column_type = "Text")]
    pub phone: Option<String>,
    /// The last ten digits of `phone`, by which an event without an external id finds its session.
    #[sea_orm(column_type = "Text")]
    pub phone_tail: Option<String>,
    /// Why a deployment failed, as it came. From the vendor's `failure_reason`.
    #[sea_orm(column_type = "Text")]
    pub failure_reason: Option<String>,
    /// The status of the deployment. From the vendor's `failure_reason` or `deployment_status`.
    #[sea_orm(column_type = "Text")]
    pub deployment_status: Option<String>,
    /// The new status of the template, in `hsm.status`. From the vendor's `status`.
    #[sea_orm(column_type = "Text")]
    pub status: Option<String>,
    /// The template's name. From the vendor's `hsm.name`, in `hsm.status` also `name`.
    #[sea_orm(column_type = "Text")]
    pub hsm_name: Option<String>,
    /// When the session closed or the deployment failed. From the vendor's `session.closed_at` or `failed_at`.
    pub ended_at: Option<DateTime<Utc>>,
    /// The whole event.
    #[sea_orm(column_type = "JsonBinary")]
    pub body: Json,
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
    const KEY: &'static [Column] = &[Column::Account, Column::EventId];
    const AT: Column = Column::Timestamp;

    fn schema() -> &'static TableSchema {
        static SCHEMA: LazyLock<TableSchema> = LazyLock::new(TableSchema::of::<Entity>);
        &SCHEMA
    }
}
