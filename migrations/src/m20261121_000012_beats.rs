//! When a lane's next request may be sent, where the vendor sets a rate.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut next = ColumnDef::new(Alias::new("next_at")).timestamp_with_time_zone().to_owned();
        manager.alter_table(Table::alter().table(Alias::new("lanes")).add_column(&mut next).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let without = Table::alter().table(Alias::new("lanes")).drop_column(Alias::new("next_at")).to_owned();
        manager.alter_table(without).await
    }
}
