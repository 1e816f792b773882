//! Items that have ended and need no further fetch.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// One row per item that has ended. It is fetched again only if a list or a webhook names a newer version, if a webhook
/// names no version, or if an operator orders a backfill of everything.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "items")]
pub struct Model {
    /// The account's name in the settings.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub account: String,
    /// The stream's name.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub stream: String,
    /// The item's key.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub slice_key: String,
    /// When the item began, if known.
    pub began_at: Option<DateTime<Utc>>,
    /// The newest version that was named or fetched, if the item has versions; at most an hour ahead of the database's
    /// clock.
    pub version_at: Option<DateTime<Utc>>,
    /// When a fetch found that the item has ended.
    pub ended_at: DateTime<Utc>,
}

/// No relations: queries join by name.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
