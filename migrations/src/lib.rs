//! The database schema as migrations, one file per change, up and down, for PostgreSQL and SQLite alike.
//!
//! The first file makes the ledger, each further one the tables and views of one vendor, the last one
//! what the installation makes for itself. The view `conversations` over all
//! vendors is no migration: `storage` replaces it from the list of vendors whenever it migrates.

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::prelude::*;

mod m20261201_000001_ledger;
mod m20261201_000002_wolkvox;
mod m20261201_000003_certainly;
mod m20261201_000004_ultimate;
mod m20261201_000005_truora;
mod m20261201_000006_treble;
mod m20261201_000007_installation;
mod table;

/// All migrations, in order.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261201_000001_ledger::Migration),
            Box::new(m20261201_000002_wolkvox::Migration),
            Box::new(m20261201_000003_certainly::Migration),
            Box::new(m20261201_000004_ultimate::Migration),
            Box::new(m20261201_000005_truora::Migration),
            Box::new(m20261201_000006_treble::Migration),
            Box::new(m20261201_000007_installation::Migration),
        ]
    }
}
