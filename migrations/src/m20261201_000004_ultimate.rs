//! Ultimate: the table of conversations, and the view of the final ones.

use crate::table::{Columns, index};
use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(conversations()).await?;
        manager.create_index(index("ultimate_conversations", &["conversation_start_time"])).await?;
        let reaches_over_the_next_day = match manager.get_database_backend() {
            DbBackend::Postgres => "v.to_at > c.conversation_start_time + INTERVAL '1 day'",
            _ => "julianday(v.to_at) > julianday(c.conversation_start_time) + 1",
        };
        let view = format!("{FINAL} AND {reaches_over_the_next_day})");
        manager.get_connection().execute_unprepared(&view).await.map(|_| ())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("DROP VIEW ultimate_conversations_final").await?;
        manager.drop_table(Table::drop().table(Alias::new("ultimate_conversations")).to_owned()).await
    }
}

/// Conversations that began on a day which is final. The file of a day holds the conversations that ended on that day, so
/// the day is complete once its own file and the next day's are held: the final coverage must reach beyond the next
/// midnight, to the one after.
const FINAL: &str = "CREATE VIEW ultimate_conversations_final AS SELECT c.* FROM ultimate_conversations c WHERE EXISTS \
     (SELECT 1 FROM coverage v WHERE v.account = c.account AND v.stream = c.bot_id AND v.state = 'final' AND v.from_at <= \
     c.conversation_start_time";

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
