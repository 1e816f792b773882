//! The processes of the service.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// One row per process of `convosync run` or `convosync demo`. A process writes its row every ten seconds, and deletes it
/// when it stops cleanly.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "processes")]
pub struct Model {
    /// The host's name and the process id.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub name: String,
    /// The roles that the process runs, separated by commas: `scheduler`, `worker`, `server`.
    #[sea_orm(column_type = "Text")]
    pub roles: String,
    /// The host's name.
    #[sea_orm(column_type = "Text")]
    pub host: String,
    /// The version of the program.
    #[sea_orm(column_type = "Text")]
    pub version: String,
    /// When the process started.
    pub started_at: DateTime<Utc>,
    /// When the process last wrote this row.
    pub last_seen_at: DateTime<Utc>,
}

/// No relations: queries join by name.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
