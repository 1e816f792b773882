//! The views over several vendors' tables, and Ultimate's final rows by the day on which they happened.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let on = manager.get_connection();
        on.execute_unprepared("DROP VIEW conversations").await?;
        on.execute_unprepared(&format!(
            "CREATE VIEW conversations AS {WOLKVOX} UNION ALL {ULTIMATE} UNION ALL {CERTAINLY}"
        ))
        .await?;
        on.execute_unprepared("DROP VIEW ultimate_conversations_final").await?;
        let next_day = match manager.get_database_backend() {
            DbBackend::Postgres => "v.to_at > c.conversation_start_time + INTERVAL '1 day'",
            _ => "julianday(v.to_at) > julianday(c.conversation_start_time) + 1",
        };
        on.execute_unprepared(&format!("{FINAL} AND {next_day})")).await.map(|_| ())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let on = manager.get_connection();
        on.execute_unprepared("DROP VIEW ultimate_conversations_final").await?;
        on.execute_unprepared(&format!("{FINAL} AND c.conversation_end_time < v.to_at)")).await?;
        on.execute_unprepared("DROP VIEW conversations").await?;
        on.execute_unprepared(&format!("CREATE VIEW conversations AS {WOLKVOX}")).await.map(|_| ())
    }
}

/// A conversation is in the file of the day on which it ended. All of those that began on a day are held once that day's
/// file and the next are: so the stretch that is final must reach over the next midnight, to the one after.
const FINAL: &str = "CREATE VIEW ultimate_conversations_final AS SELECT c.* FROM ultimate_conversations c WHERE EXISTS \
     (SELECT 1 FROM coverage v WHERE v.account = c.account AND v.stream = c.bot_id AND v.state = 'final' AND v.from_at <= \
     c.conversation_start_time";

const WOLKVOX: &str = "SELECT 'wolkvox' AS source, c.account AS account, c.conn_id AS conversation_id, c.start_at AS \
     started_at, c.end_at AS ended_at, c.channel AS channel, c.customer_phone AS customer_phone, c.customer_name AS \
     customer_name, (c.go_to_agent = 'yes') AS reached_agent, c.agent_name AS agent_name, c.times_chatted AS messages, \
     c.synced_at AS synced_at FROM wolkvox_chats c";

/// Escalated is what the vendor's own measures count as such, in either of its spellings.
const ULTIMATE: &str = "SELECT 'ultimate' AS source, c.account AS account, c.conversation_id AS conversation_id, \
     c.conversation_start_time AS started_at, c.conversation_end_time AS ended_at, c.channel AS channel, NULL AS \
     customer_phone, NULL AS customer_name, (LOWER(REPLACE(c.conversation_status, '_', '')) IN ('email', 'agent', \
     'customescalation')) AS reached_agent, NULL AS agent_name, c.bot_messages_count + c.visitor_messages_count AS \
     messages, c.synced_at AS synced_at FROM ultimate_conversations c";

/// The report has messages only: a conversation is made of those with its id.
const CERTAINLY: &str = "SELECT 'certainly' AS source, c.account AS account, c.conversation_id AS conversation_id, \
     MIN(c.timestamp) AS started_at, MAX(c.timestamp) AS ended_at, NULL AS channel, NULL AS customer_phone, NULL AS \
     customer_name, NULL AS reached_agent, NULL AS agent_name, COUNT(*) AS messages, MAX(c.synced_at) AS synced_at FROM \
     certainly_messages c WHERE c.conversation_id IS NOT NULL GROUP BY c.account, c.bot_id, c.conversation_id";
