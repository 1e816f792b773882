//! Rows that could not be read, kept aside.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// One row as it came.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "rejects")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The account's name in the settings.
    #[sea_orm(column_type = "Text")]
    pub account: String,
    /// The stream's name.
    #[sea_orm(column_type = "Text")]
    pub stream: String,
    /// Tells whether it was kept aside before.
    #[sea_orm(column_type = "Text")]
    pub digest: String,
    /// The window asked for.
    pub from_at: Option<DateTime<Utc>>,
    /// The window asked for.
    pub to_at: Option<DateTime<Utc>>,
    /// Why it could not be read.
    #[sea_orm(column_type = "Text")]
    pub reason: String,
    /// The row as it came.
    #[sea_orm(column_type = "Text")]
    pub raw: String,
    /// When it was first kept aside.
    pub rejected_at: DateTime<Utc>,
}

/// No relations: queries join by name.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
