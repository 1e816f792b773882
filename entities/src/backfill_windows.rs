//! The windows that each backfill has answered in full.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// One row per window that jobs of a backfill answered in full. Windows of one stream never touch.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "backfill_windows")]
pub struct Model {
    /// The backfill's id in `backfills`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub backfill_id: i64,
    /// The stream's name.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub stream: String,
    /// The start of the window.
    #[sea_orm(primary_key, auto_increment = false)]
    pub from_at: DateTime<Utc>,
    /// The end of the window, exclusive.
    pub to_at: DateTime<Utc>,
}

/// No relations: queries join by name.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
