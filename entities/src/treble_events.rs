//! Treble's webhooks, of the account and of single flows: one row per event.

use crate::schema::{TableSchema, VendorTable};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use std::sync::LazyLock;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "treble_events")]
pub struct Model {
    /// The account's name in the settings.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub account: String,
    /// The vendor's id. Those of flows have none: `hash:` and a hash of all that they say.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub event_id: String,
    /// When it happened. Of those of flows only a time-out says so.
    pub timestamp: Option<DateTime<Utc>>,
    /// `session.close`, `deployment.failure`, `hsm.status`; of flows `flow.response`, `flow.timeout`, `flow.opt_out`,
    /// `flow.closed`, which are our words.
    #[sea_orm(column_type = "Text")]
    pub event_type: String,
    /// The session, as webhooks call it; empty ones are none.
    #[sea_orm(column_type = "Text")]
    pub external_id: Option<String>,
    /// The poll, which flows call `conversation_id`.
    #[sea_orm(column_type = "Text")]
    pub poll_id: Option<String>,
    /// The digits of the user's phone.
    #[sea_orm(column_type = "Text")]
    pub phone: Option<String>,
    /// The last ten of them, by which an event without a session's id is matched.
    #[sea_orm(column_type = "Text")]
    pub phone_tail: Option<String>,
    /// Why a deployment failed, as it came.
    #[sea_orm(column_type = "Text")]
    pub failure_reason: Option<String>,
    /// The deployment's state, as text: `failure_reason`, or what the event calls its deployment's status.
    #[sea_orm(column_type = "Text")]
    pub deployment_status: Option<String>,
    /// The template's new status, of `hsm.status`.
    #[sea_orm(column_type = "Text")]
    pub status: Option<String>,
    /// The template's name.
    #[sea_orm(column_type = "Text")]
    pub hsm_name: Option<String>,
    /// When the session closed or the deployment failed.
    pub ended_at: Option<DateTime<Utc>>,
    /// All of it.
    #[sea_orm(column_type = "JsonBinary")]
    pub body: Json,
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
    const KEY: &'static [Column] = &[Column::Account, Column::EventId];
    const AT: Column = Column::Timestamp;

    fn schema() -> &'static TableSchema {
        static SCHEMA: LazyLock<TableSchema> = LazyLock::new(TableSchema::of::<Entity>);
        &SCHEMA
    }
}
