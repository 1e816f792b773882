//! What one installation has made for itself.

use sea_orm::entity::prelude::*;

/// One row per value that the installation made for itself when its tables were created.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "installation")]
pub struct Model {
    /// The value's name: `lane_secret`, the key of the hashes that name the lanes.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub name: String,
    /// The value.
    #[sea_orm(column_type = "Text")]
    pub value: String,
}

/// No relations: queries join by name.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
