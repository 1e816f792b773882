//! How far along a backfill is, stream by stream.

use sea_orm::entity::prelude::*;

/// One stream of one backfill.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "backfill_streams")]
pub struct Model {
    /// The backfill.
    #[sea_orm(primary_key, auto_increment = false)]
    pub backfill_id: i64,
    /// The stream.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub stream: String,
    /// Whether nothing is left to ask for.
    pub is_done: bool,
    /// Windows answered in full.
    pub windows_done: i32,
    /// Rows that came with them.
    pub rows: i64,
}

/// No relations: queries join by name.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
