//! Answers that come by mail: when they were asked for, and what came.

use crate::table::{Columns, index};
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut asked = ColumnDef::new(Alias::new("asked_at")).timestamp_with_time_zone().to_owned();
        let wants = Table::alter().table(Alias::new("wants")).add_column(&mut asked).to_owned();
        manager.alter_table(wants).await?;
        manager.create_table(deliveries()).await?;
        let mut once = index("deliveries", &["place", "name"]);
        manager.create_index(once.unique().to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Alias::new("deliveries")).to_owned()).await?;
        let wants = Table::alter().table(Alias::new("wants")).drop_column(Alias::new("asked_at")).to_owned();
        manager.alter_table(wants).await
    }
}

fn deliveries() -> TableCreateStatement {
    Columns::of("deliveries")
        .counted("id")
        .texts(&["place", "name", "kind", "state"])
        .optional_texts(&["account", "stream", "reason"])
        .optional_instants(&["from_at", "to_at"])
        .numbers(&["rows"])
        .instants(&["seen_at"])
        .done()
}
