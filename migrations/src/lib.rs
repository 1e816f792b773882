//! One file per change, up and down, for PostgreSQL and SQLite alike.

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::prelude::*;

mod m20261121_000001_ledger;
mod m20261121_000002_wolkvox_chats;
mod m20261121_000003_mails;
mod m20261121_000004_ultimate_conversations;
mod m20261121_000005_certainly_messages;
mod m20261121_000006_conversations;
mod m20261121_000007_leads;
mod m20261121_000008_truora;
mod m20261121_000009_treble;
mod m20261121_000010_conversations;
mod m20261121_000011_unheld;
mod m20261121_000012_beats;
mod table;

/// All changes, in order.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261121_000001_ledger::Migration),
            Box::new(m20261121_000002_wolkvox_chats::Migration),
            Box::new(m20261121_000003_mails::Migration),
            Box::new(m20261121_000004_ultimate_conversations::Migration),
            Box::new(m20261121_000005_certainly_messages::Migration),
            Box::new(m20261121_000006_conversations::Migration),
            Box::new(m20261121_000007_leads::Migration),
            Box::new(m20261121_000008_truora::Migration),
            Box::new(m20261121_000009_treble::Migration),
            Box::new(m20261121_000010_conversations::Migration),
            Box::new(m20261121_000011_unheld::Migration),
            Box::new(m20261121_000012_beats::Migration),
        ]
    }
}
