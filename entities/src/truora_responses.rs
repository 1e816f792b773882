//! Truora's `user_responses`: one row per answer that a customer gave in a process.

use crate::schema::{TableSchema, VendorTable};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use std::sync::LazyLock;

/// One row per answer that a customer gave in a process.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "truora_responses")]
pub struct Model {
    /// The account's name in the settings.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub account: String,
    /// The process's id. From the vendor's `process_id`.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub process_id: String,
    /// The position among the answers of the process, from 0. Names repeat, so the position is the key. From the
    /// vendor's `user_responses`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub ordinal: i64,
    /// When the process began. The answer belongs to the same day. From the vendor's `creation_date`.
    pub creation_date: DateTime<Utc>,
    /// The question's name. From the vendor's `user_responses[].name`.
    #[sea_orm(column_type = "Text")]
    pub name: Option<String>,
    /// The type of the answer: `text`, `select` and others. From the vendor's `user_responses[].type`.
    #[sea_orm(column_name = "type", column_type = "Text")]
    pub kind: Option<String>,
    /// The answer. An empty answer is an empty text. From the vendor's `user_responses[].value`.
    #[sea_orm(column_type = "Text")]
    pub value: Option<String>,
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
    const KEY: &'static [Column] = &[Column::Account, Column::ProcessId, Column::Ordinal];
    const AT: Column = Column::CreationDate;

    fn schema() -> &'static TableSchema {
        static SCHEMA: LazyLock<TableSchema> = LazyLock::new(TableSchema::of::<Entity>);
        &SCHEMA
    }
}
