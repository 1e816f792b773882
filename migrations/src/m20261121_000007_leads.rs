//! What is asked for by name: what is known of it, and what is at its end.

use crate::table::{Columns, index};
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut seen = ColumnDef::new(Alias::new("seen_at")).timestamp_with_time_zone().to_owned();
        let mut ended = ColumnDef::new(Alias::new("has_ended")).boolean().not_null().default(false).to_owned();
        for column in [&mut seen, &mut ended] {
            manager.alter_table(Table::alter().table(Alias::new("wants")).add_column(column).to_owned()).await?;
        }
        let mut names = ColumnDef::new(Alias::new("slice_key")).text().to_owned();
        let mut version = ColumnDef::new(Alias::new("version_at")).timestamp_with_time_zone().to_owned();
        for column in [&mut names, &mut version] {
            manager.alter_table(Table::alter().table(Alias::new("deliveries")).add_column(column).to_owned()).await?;
        }
        let mut asked = ColumnDef::new(Alias::new("slice_key")).text().to_owned();
        manager.alter_table(Table::alter().table(Alias::new("requests")).add_column(&mut asked).to_owned()).await?;
        manager.create_table(followed()).await?;
        manager.create_index(index("wants", &["slice_key"])).await?;
        manager.create_index(index("deliveries", &["slice_key"])).await?;
        manager.create_index(index("deliveries", &["kind", "seen_at"])).await?;
        manager.create_index(index("followed", &["of_at"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, index) in [
            ("deliveries", "deliveries_kind_seen_at"),
            ("deliveries", "deliveries_slice_key"),
            ("wants", "wants_slice_key"),
        ] {
            manager.drop_index(Index::drop().name(index).table(Alias::new(table)).to_owned()).await?;
        }
        manager.drop_table(Table::drop().table(Alias::new("followed")).to_owned()).await?;
        let columns = [
            ("requests", "slice_key"),
            ("deliveries", "version_at"),
            ("deliveries", "slice_key"),
            ("wants", "has_ended"),
            ("wants", "seen_at"),
        ];
        for (table, column) in columns {
            let without = Table::alter().table(Alias::new(table)).drop_column(Alias::new(column)).to_owned();
            manager.alter_table(without).await?;
        }
        Ok(())
    }
}

fn followed() -> TableCreateStatement {
    Columns::of("followed")
        .texts(&["account", "stream", "slice_key"])
        .optional_instants(&["of_at", "version_at"])
        .instants(&["ended_at"])
        .key(&["account", "stream", "slice_key"])
}
