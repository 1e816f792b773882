//! Operators' orders to fetch a past window.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// One row per backfill: an operator's order to fetch a past window of an account.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "backfills")]
pub struct Model {
    /// The backfill's id.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The account's name in the settings.
    #[sea_orm(column_type = "Text")]
    pub account: String,
    /// The start of the window.
    pub from_at: DateTime<Utc>,
    /// The end of the window, exclusive.
    pub to_at: DateTime<Utc>,
    /// `missing` fetches what is not held; `all` fetches everything again.
    #[sea_orm(column_type = "Text")]
    pub mode: String,
    /// `running`, `paused`, `done` or `cancelled`.
    #[sea_orm(column_type = "Text")]
    pub state: String,
    /// When the operator created the backfill.
    pub created_at: DateTime<Utc>,
    /// When the backfill was done or cancelled; `NULL` before.
    pub finished_at: Option<DateTime<Utc>>,
}

/// No relations: queries join by name.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
