//! The windows that the vendor answered in full.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// One row per held window of a stream: the vendor answered it in full. Windows of one stream never overlap.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "coverage")]
pub struct Model {
    /// The account's name in the settings.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub account: String,
    /// The stream's name.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub stream: String,
    /// The start of the window.
    #[sea_orm(primary_key, auto_increment = false)]
    pub from_at: DateTime<Utc>,
    /// The end of the window, exclusive.
    pub to_at: DateTime<Utc>,
    /// `final` if the live sync does not fetch the window again; `provisional` if the vendor may still change it.
    #[sea_orm(column_type = "Text")]
    pub state: String,
}

/// No relations: queries join by name.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
