//! Treble's polls: the conversations that a company has designed.

use crate::schema::{TableSchema, VendorTable};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use std::sync::LazyLock;

/// One row per poll. Treble calls a conversation that a company has designed a poll.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "treble_polls")]
pub struct Model {
    /// The account's name in the settings.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub account: String,
    /// The poll's id, as text. From the vendor's `id`.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub poll_id: String,
    /// The poll's name. From the vendor's `name`.
    #[sea_orm(column_type = "Text")]
    pub name: Option<String>,
    /// The poll's settings. From the vendor's `settings`.
    #[sea_orm(column_type = "JsonBinary")]
    pub settings: Option<Json>,
    /// When the poll was created, if the vendor says so. From the vendor's `created_at`.
    pub created_at: Option<DateTime<Utc>>,
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
    const KEY: &'static [Column] = &[Column::Account, Column::PollId];
    const AT: Column = Column::CreatedAt;

    fn schema() -> &'static TableSchema {
        static SCHEMA: LazyLock<TableSchema> = LazyLock::new(TableSchema::of::<Entity>);
        &SCHEMA
    }
}
