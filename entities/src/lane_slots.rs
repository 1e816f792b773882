//! The slots of each lane, and the workers that hold them.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// One row per slot of a lane. A worker holds a slot while it sends requests.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "lane_slots")]
pub struct Model {
    /// The lane's key in `lanes`.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub lane: String,
    /// The slot's number, from 0.
    #[sea_orm(primary_key, auto_increment = false)]
    pub slot: i32,
    /// A counter that each acquisition raises. A worker with an older value can no longer write.
    pub fence: i64,
    /// The worker that acquired the slot last; `NULL` before the first one.
    #[sea_orm(column_type = "Text", nullable)]
    pub holder: Option<String>,
    /// The end of the lease. The slot is free after it.
    pub until_at: DateTime<Utc>,
    /// The earliest start of the next request.
    pub not_before: DateTime<Utc>,
}

/// No relations: queries join by name.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
