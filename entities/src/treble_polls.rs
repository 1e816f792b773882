//! Treble's polls: in its words, the conversations that somebody has drawn.

use crate::schema::{TableSchema, VendorTable};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use std::sync::LazyLock;

/// One poll.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "treble_polls")]
pub struct Model {
    /// The account's name in the settings.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub account: String,
    /// The vendor's id, as text.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub poll_id: String,
    /// Its name.
    #[sea_orm(column_type = "Text")]
    pub name: Option<String>,
    /// Its settings.
    #[sea_orm(column_type = "JsonBinary")]
    pub settings: Option<Json>,
    /// When it was made, where the vendor says so.
    pub created_at: Option<DateTime<Utc>>,
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
    const KEY: &'static [Column] = &[Column::Account, Column::PollId];
    const AT: Column = Column::CreatedAt;

    fn schema() -> &'static TableSchema {
        static SCHEMA: LazyLock<TableSchema> = LazyLock::new(TableSchema::of::<Entity>);
        &SCHEMA
    }
}
