//! The progress of each backfill, by stream.

use sea_orm::entity::prelude::*;

/// One row per backfill and stream: the progress of the backfill.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "backfill_streams")]
pub struct Model {
    /// The backfill's id in `backfills`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub backfill_id: i64,
    /// The stream's name.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub stream: String,
    /// Whether no window is left to fetch.
    pub is_done: bool,
    /// The number of windows that were answered in full.
    pub windows_done: i32,
    /// The number of items that began in the backfill's window and were read.
    pub items_done: i32,
    /// The number of rows in the answers for those windows and items.
    pub rows: i64,
}

/// No relations: queries join by name.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
