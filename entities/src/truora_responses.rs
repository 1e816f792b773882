//! Truora's `user_responses`: one row per answer that a customer gave in a process.

use crate::schema::{TableSchema, VendorTable};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use std::sync::LazyLock;

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "truora_responses")]
pub struct Model {
    /// The account's name in the settings.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub account: String,
    /// The process.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub process_id: String,
    /// Its place among the process's answers, from 0: names repeat.
    #[sea_orm(primary_key, auto_increment = false)]
    pub ordinal: i64,
    /// When the process began, in UTC: its day is the answer's day.
    pub creation_date: DateTime<Utc>,
    /// The question's name.
    #[sea_orm(column_type = "Text")]
    pub name: Option<String>,
    /// `text`, `select` and so on; the vendor's `type`.
    #[sea_orm(column_name = "type", column_type = "Text")]
    pub kind: Option<String>,
    /// What was answered.
    #[sea_orm(column_type = "Text")]
    pub value: Option<String>,
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
    const KEY: &'static [Column] = &[Column::Account, Column::ProcessId, Column::Ordinal];
    const AT: Column = Column::CreationDate;

    fn schema() -> &'static TableSchema {
        static SCHEMA: LazyLock<TableSchema> = LazyLock::new(TableSchema::of::<Entity>);
        &SCHEMA
    }
}
