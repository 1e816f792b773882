//! The windows that were asked for and answered in full.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// One held window; windows of one stream never overlap.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "coverage")]
pub struct Model {
    /// The account's name in the settings.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub account: String,
    /// The stream's name.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub stream: String,
    /// The first instant held.
    #[sea_orm(primary_key, auto_increment = false)]
    pub from_at: DateTime<Utc>,
    /// The first instant no longer held.
    pub to_at: DateTime<Utc>,
    /// `final` or `provisional`.
    #[sea_orm(column_type = "Text")]
    pub state: String,
}

/// No relations: queries join by name.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
