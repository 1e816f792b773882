//! What is known of each stream besides its coverage: where planning stands and how its answers look.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// One stream of one account.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "streams")]
pub struct Model {
    /// The account's name in the settings.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub account: String,
    /// The stream's name.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub stream: String,
    /// The vendor.
    #[sea_orm(column_type = "Text")]
    pub source: String,
    /// What the live sync covers from, where the settings do not say.
    pub since_at: Option<DateTime<Utc>>,
    /// The newest live slot that was planned.
    pub slot_at: Option<DateTime<Utc>>,
    /// The slot at which the unsettled stretch was last wanted in full.
    pub refreshed_at: Option<DateTime<Utc>>,
    /// Learnt from answers, but for live ones.
    pub rows_per_day: Option<f64>,
    /// Learnt from live answers.
    pub live_rows_per_day: Option<f64>,
    /// The time a request takes whatever it returns.
    pub base_seconds: f64,
    /// The further time per row.
    pub seconds_per_row: f64,
    /// When an answer was last stored.
    pub answered_at: Option<DateTime<Utc>>,
    /// Since when every request failed; empty once one succeeds.
    pub failing_since: Option<DateTime<Utc>>,
    /// The last failure, for people.
    #[sea_orm(column_type = "Text", nullable)]
    pub last_error: Option<String>,
}

/// No relations: queries join by name.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
