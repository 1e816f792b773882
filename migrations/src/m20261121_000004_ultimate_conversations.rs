//! Ultimate's conversations and the final ones among them.

use crate::table::{Columns, index};
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(conversations()).await?;
        manager.create_index(index("ultimate_conversations", &["conversation_start_time"])).await?;
        manager.get_connection().execute_unprepared(FINAL).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("DROP VIEW ultimate_conversations_final").await?;
        manager.drop_table(Table::drop().table(Alias::new("ultimate_conversations")).to_owned()).await
    }
}

/// Rows whose end lies in a stretch of their bot's that equals what the vendor holds.
const FINAL: &str = "CREATE VIEW ultimate_conversations_final AS SELECT c.* FROM ultimate_conversations c WHERE EXISTS \
     (SELECT 1 FROM coverage v WHERE v.account = c.account AND v.stream = c.bot_id AND v.state = 'final' AND v.from_at <= \
     c.conversation_end_time AND c.conversation_end_time < v.to_at)";

fn conversations() -> TableCreateStatement {
    let texts = [
        "bot_name",
        "platform_conversation_id",
        "conversation_type",
        "language",
        "channel",
        "conversation_status",
        "last_resolution",
        "resolution_tier",
        "automated_resolution",
        "automated_resolution_reasoning",
        "rbp_status_name",
        "instance_account_id",
        "conversation_end_date",
    ];
    let counts = [
        "llm_notunderstood_count",
        "llm_responsegenerated_count",
        "llm_erroroccurred_count",
        "llm_escalationrequired_count",
        "llm_fallback_count",
        "knowledge_notunderstood_count",
        "knowledge_responsegenerated_count",
        "knowledge_erroroccurred_count",
        "knowledge_escalationrequired_count",
        "knowledge_fallback_count",
        "bot_messages_count",
        "visitor_messages_count",
        "not_understood_messages_count",
    ];
    let instants = ["conversation_start_time", "conversation_end_time", "session_ended_timestamp"];
    let table = Columns::of("ultimate_conversations")
        .texts(&["account", "bot_id", "conversation_id"])
        .optional_texts(&texts)
        .optional_instants(&instants)
        .optional_numbers(&counts);
    let flags = ["test_mode", "is_llm_conversation", "has_knowledge_response_attempt"];
    let table = flags
        .into_iter()
        .fold(table, |table, name| table.column(ColumnDef::new(Alias::new(name)).boolean().to_owned()));
    let lists = [
        "labels",
        "segments",
        "conversations_data",
        "triggered_replies",
        "triggered_intent_replies",
        "triggered_procedures",
        "triggered_use_cases",
        "knowledge_sources",
    ];
    let table = lists
        .into_iter()
        .fold(table, |table, name| table.column(ColumnDef::new(Alias::new(name)).json_binary().to_owned()));
    table
        .column(ColumnDef::new(Alias::new("extra")).json_binary().not_null().to_owned())
        .texts(&["digest"])
        .instants(&["synced_at"])
        .key(&["account", "conversation_id"])
}
