//! What was answered in full on behalf of each backfill.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// One window; those of one stream never touch.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "backfill_windows")]
pub struct Model {
    /// The backfill.
    #[sea_orm(primary_key, auto_increment = false)]
    pub backfill_id: i64,
    /// The stream.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub stream: String,
    /// The first instant answered.
    #[sea_orm(primary_key, auto_increment = false)]
    pub from_at: DateTime<Utc>,
    /// The first instant no longer answered.
    pub to_at: DateTime<Utc>,
}

/// No relations: queries join by name.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
