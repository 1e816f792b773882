//! The places of each lane, and who holds them.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// One place.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "lane_slots")]
pub struct Model {
    /// Its lane.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub lane: String,
    /// Its number, from 0.
    #[sea_orm(primary_key, auto_increment = false)]
    pub slot: i32,
    /// Raised by each acquisition; an older holder can no longer write.
    pub fence: i64,
    /// The worker that holds it.
    #[sea_orm(column_type = "Text", nullable)]
    pub holder: Option<String>,
    /// The end of the lease.
    pub until_at: DateTime<Utc>,
    /// When the next request may start.
    pub not_before: DateTime<Utc>,
}

/// No relations: queries join by name.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
