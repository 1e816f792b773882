//! What is asked for once more, though an answer of it is held: of which stretch nothing is.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

const COLUMNS: [&str; 2] = ["unheld_from_at", "unheld_to_at"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in COLUMNS {
            let mut column = ColumnDef::new(Alias::new(name)).timestamp_with_time_zone().to_owned();
            manager.alter_table(Table::alter().table(Alias::new("wants")).add_column(&mut column).to_owned()).await?;
        }
        // Nothing was told apart before.
        let all = "UPDATE wants SET unheld_from_at = from_at, unheld_to_at = to_at WHERE slice_key IS NOT NULL";
        manager.get_connection().execute_unprepared(all).await.map(|_| ())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in COLUMNS {
            let without = Table::alter().table(Alias::new("wants")).drop_column(Alias::new(name)).to_owned();
            manager.alter_table(without).await?;
        }
        Ok(())
    }
}
