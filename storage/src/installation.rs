//! What the installation has made for itself when its tables were created.

use crate::database::Database;
use domain::lane::LaneSecret;
use entities::installation::Entity;
use sea_orm::{DbErr, EntityTrait};

/// The secret that keys the names of the lanes. All processes of an installation share it.
///
/// # Errors
/// Returns the database error, also if the row is missing: with another secret, two processes would each use a lane of their
/// own for one credential.
#[crate::boxed]
pub async fn lane_secret(db: &Database) -> Result<LaneSecret, DbErr> {
    let row = Entity::find_by_id("lane_secret").one(db.connection()).await?;
    let row = row.ok_or_else(|| {
        DbErr::Custom("the table installation has no row lane_secret; restore it from a backup".to_owned())
    })?;
    Ok(LaneSecret::new(row.value.into()))
}
