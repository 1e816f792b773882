//! The migrations that a database has, compared with those of this version. During an upgrade a newer version may have
//! migrated already; changes only add at first, so that this version still works.

use sea_orm::{DatabaseConnection, DbErr, EntityTrait};
use sea_orm_migration::{MigratorTrait, SchemaManager, seaql_migrations};
use std::collections::HashSet;

/// The table in which SeaORM notes the migrations.
const TABLE: &str = "seaql_migrations";

/// The state of a database.
pub(crate) struct MigrationState {
    /// The migrations of this version that the database lacks, in their order.
    pub(crate) pending: Vec<String>,
    /// Whether the database has migrations that this version does not know.
    pub(crate) is_newer: bool,
}

/// Reads the state, and writes nothing.
pub(crate) async fn migration_state(on: &DatabaseConnection) -> Result<MigrationState, DbErr> {
    let is_noted = SchemaManager::new(on).has_table(TABLE).await?;
    let applied = if is_noted { seaql_migrations::Entity::find().all(on).await? } else { Vec::new() };
    let applied: HashSet<String> = applied.into_iter().map(|migration| migration.version).collect();
    let own: Vec<String> = migrations::Migrator::migrations().iter().map(|own| own.name().to_owned()).collect();
    let is_newer = applied.iter().any(|version| !own.contains(version));
    Ok(MigrationState { pending: own.into_iter().filter(|version| !applied.contains(version)).collect(), is_newer })
}
