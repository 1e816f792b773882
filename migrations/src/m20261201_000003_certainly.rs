//! Certainly: the table of the message report, and the view of its final rows.

use crate::table::{Columns, index};
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(messages()).await?;
        manager.create_index(index("certainly_messages", &["timestamp"])).await?;
        manager.get_connection().execute_unprepared(FINAL).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("DROP VIEW certainly_messages_final").await?;
        manager.drop_table(Table::drop().table(Alias::new("certainly_messages")).to_owned()).await
    }
}

/// Messages sent in a span of time whose coverage is final. A bot is a stream.
const FINAL: &str = "CREATE VIEW certainly_messages_final AS SELECT c.* FROM certainly_messages c WHERE EXISTS (SELECT 1 \
     FROM coverage v WHERE v.account = c.account AND v.stream = c.bot_id AND v.state = 'final' AND v.from_at <= \
     c.timestamp AND c.timestamp < v.to_at) AND c.gone_at IS NULL";

fn messages() -> TableCreateStatement {
    let json = |name: &'static str| ColumnDef::new(Alias::new(name)).json_binary().to_owned();
    let boolean = |name: &'static str| ColumnDef::new(Alias::new(name)).boolean().to_owned();
    Columns::of("certainly_messages")
        .texts(&["account", "bot_id", "message_id"])
        .instants(&["timestamp"])
        .optional_texts(&["message"])
        .column(json("response"))
        .optional_texts(&["conversation_id"])
        .column(json("through_bot_modules"))
        .optional_texts(&["bot_module_id"])
        .column(boolean("is_test"))
        .optional_texts(&["external_agent", "through_connection_id"])
        .column(boolean("is_global_module_match"))
        .column(boolean("is_deleted"))
        .optional_texts(&["id_message_evaluate"])
        .column(json("data"))
        .column(boolean("user_message_empty"))
        .column(boolean("bot_response_empty"))
        .optional_texts(&[
            "bot_module_name",
            "bot_module_type",
            "bot_module_instruction",
            "bot_module_error_instruction",
        ])
        .column(boolean("bot_module_is_global"))
        .optional_numbers(&["bot_module_priority"])
        .column(boolean("bot_module_is_starting"))
        .optional_texts(&["bot_module_fallback_module_id"])
        .column(boolean("bot_module_skip_user_input"))
        .column(boolean("bot_module_skip_global_connection_evaluation"))
        .column(json("bot_module_group"))
        .column(json("bot_module_kpis"))
        .optional_texts(&["botuser_id"])
        .optional_instants(&["botuser_created_date"])
        .column(json("botuser_meta"))
        .column(json("extra").not_null().to_owned())
        .texts(&["digest"])
        .instants(&["synced_at"])
        .optional_instants(&["gone_at"])
        .key(&["account", "bot_id", "message_id"])
}
