//! The vendor's table `tiny_events`.

use chrono::{DateTime, Utc};
use entities::schema::{TableSchema, VendorTable};
use sea_orm::entity::prelude::*;
use std::sync::LazyLock;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tiny_events")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub account: String,
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub event_id: String,
    pub at: DateTime<Utc>,
    #[sea_orm(column_type = "Text")]
    pub text: String,
    #[sea_orm(column_type = "Text")]
    pub digest: String,
    pub synced_at: DateTime<Utc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl VendorTable for Entity {
    const KEY: &'static [Column] = &[Column::Account, Column::EventId];
    const AT: Column = Column::At;

    fn schema() -> &'static TableSchema {
        static SCHEMA: LazyLock<TableSchema> = LazyLock::new(TableSchema::of::<Entity>);
        &SCHEMA
    }
}

/// What the vendor's migration would run.
pub const UP: &str = "CREATE TABLE tiny_events (account text NOT NULL, event_id text NOT NULL, \
     at timestamp with time zone NOT NULL, text text NOT NULL, digest text NOT NULL, \
     synced_at timestamp with time zone NOT NULL, PRIMARY KEY (account, event_id))";

/// An event is a conversation with one message.
pub const CONVERSATIONS: &str = "SELECT 'tiny' AS source, e.account AS account, e.event_id AS conversation_id, \
     e.at AS started_at, e.at AS ended_at, CAST(NULL AS text) AS channel, CAST(NULL AS text) AS customer_phone, \
     CAST(NULL AS text) AS customer_name, CAST(NULL AS boolean) AS reached_agent, CAST(NULL AS text) AS agent_name, \
     CAST(1 AS bigint) AS messages, e.synced_at AS synced_at FROM tiny_events e";
