//! Days that were final until a later answer proved otherwise.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// One row per day of a stream that was ever reopened: it was final, and a later answer changed rows of it; or a delivery had
/// proved it, and an operator revoked the delivery.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "reopened_days")]
pub struct Model {
    /// The account's name in the settings.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub account: String,
    /// The stream's name.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub stream: String,
    /// The day as `YYYY-MM-DD`, in the account's time zone.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub day: String,
    /// When the day was last reopened.
    pub reopened_at: DateTime<Utc>,
    /// The number of rows of the day that the last such answer added or changed.
    pub rows: i64,
    /// The number of items of the day that the last such answer named for the first time.
    pub items: i64,
    /// How many times the day was reopened.
    pub times: i64,
    /// The id in `deliveries` of the delivery that an operator revoked, if that reopened the day last. `rows` is then the number
    /// of rows that the delivery had stored.
    pub delivery_id: Option<i64>,
}

/// No relations: queries join by name.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
