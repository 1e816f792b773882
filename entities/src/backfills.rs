//! Orders to ask for a past span.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// One backfill of one account.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "backfills")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The account's name in the settings.
    #[sea_orm(column_type = "Text")]
    pub account: String,
    /// Where it begins.
    pub from_at: DateTime<Utc>,
    /// Where it ends, exclusive.
    pub to_at: DateTime<Utc>,
    /// `missing` or `all`.
    #[sea_orm(column_type = "Text")]
    pub mode: String,
    /// `running`, `paused`, `done` or `cancelled`.
    #[sea_orm(column_type = "Text")]
    pub state: String,
    /// When it was ordered.
    pub created_at: DateTime<Utc>,
    /// When it was done or cancelled.
    pub finished_at: Option<DateTime<Utc>>,
}

/// No relations: queries join by name.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
