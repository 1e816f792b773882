//! Wolkvox: the table of report `chat_8`, and the view of its final rows.

use crate::table::{Columns, index};
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(chats()).await?;
        manager.create_index(index("wolkvox_chats", &["start_at"])).await?;
        manager.get_connection().execute_unprepared(FINAL).await.map(|_| ())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("DROP VIEW wolkvox_chats_final").await?;
        manager.drop_table(Table::drop().table(Alias::new("wolkvox_chats")).to_owned()).await
    }
}

/// Chats that started in a span of time whose coverage is final.
const FINAL: &str = "CREATE VIEW wolkvox_chats_final AS SELECT c.* FROM wolkvox_chats c WHERE EXISTS (SELECT 1 FROM \
     coverage v WHERE v.account = c.account AND v.stream = 'chat_8' AND v.state = 'final' AND v.from_at <= c.start_at AND \
     c.start_at < v.to_at) AND c.gone_at IS NULL";

fn chats() -> TableCreateStatement {
    Columns::of("wolkvox_chats")
        .texts(&[
            "account",
            "conn_id",
            "session_id",
            "start_date",
            "end_date",
            "time_on_chatbot",
            "rp_id",
            "channel",
            "go_to_agent",
            "customer_phone",
            "customer_name",
            "agent_id",
            "agent_name",
            "time_with_agent",
            "total_time",
            "asa",
            "last_sender",
            "customer_id",
            "customer_email",
        ])
        .optional_numbers(&["times_chatted", "customer_chars", "agent_chars", "total_chars"])
        .optional_instants(&["start_at", "end_at"])
        .optional_numbers(&["time_on_chatbot_seconds", "time_with_agent_seconds", "total_time_seconds", "asa_seconds"])
        .column(ColumnDef::new(Alias::new("extra")).json_binary().not_null().to_owned())
        .texts(&["digest"])
        .instants(&["synced_at"])
        .optional_instants(&["gone_at"])
        .key(&["account", "conn_id"])
}
