//! The tables whose old rows the pruner deletes, and which process does so now.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// One row per table whose old rows the pruner deletes.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "prunings")]
pub struct Model {
    /// The name of the table.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub name: String,
    /// The next instant at which a scheduler may look for old rows. While a scheduler deletes rows: when it counts as dead.
    pub due_at: DateTime<Utc>,
    /// The process that deletes rows of the table now, if one does.
    #[sea_orm(column_type = "Text", nullable)]
    pub holder: Option<String>,
    /// The latest instant before which rows may have been deleted; `NULL` if none ever were.
    pub pruned_before: Option<DateTime<Utc>>,
}

/// No relations: queries join by name.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
