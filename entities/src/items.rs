//! What was asked for by its key, and is at its end: it need not be asked for again where it is named once more.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// One thing.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "items")]
pub struct Model {
    /// The account's name in the settings.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub account: String,
    /// The stream's name.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub stream: String,
    /// What was asked for.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub slice_key: String,
    /// When it began, where that is known.
    pub began_at: Option<DateTime<Utc>>,
    /// The newest version of it that was named or heard, where it has any.
    pub version_at: Option<DateTime<Utc>>,
    /// When it was found at its end.
    pub ended_at: DateTime<Utc>,
}

/// No relations: queries join by name.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
