//! What one installation has made for itself: the secret that keys the names of its lanes.

use crate::table::Columns;
use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(Columns::of("installation").texts(&["name", "value"]).key(&["name"])).await?;
        // Both databases seed these functions from the operating system: 244 and 256 random bits.
        let random = match manager.get_database_backend() {
            DbBackend::Postgres => "replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '')",
            _ => "lower(hex(randomblob(32)))",
        };
        let insert = format!("INSERT INTO installation (name, value) VALUES ('lane_secret', {random})");
        manager.get_connection().execute_unprepared(&insert).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Alias::new("installation")).to_owned()).await
    }
}
