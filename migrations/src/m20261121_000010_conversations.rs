//! Truora's processes and Treble's sessions come into the view over all vendors.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let on = manager.get_connection();
        on.execute_unprepared("DROP VIEW conversations").await?;
        let view = format!("CREATE VIEW conversations AS {BEFORE} UNION ALL {TRUORA} UNION ALL {TREBLE}");
        on.execute_unprepared(&view).await.map(|_| ())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let on = manager.get_connection();
        on.execute_unprepared("DROP VIEW conversations").await?;
        on.execute_unprepared(&format!("CREATE VIEW conversations AS {BEFORE}")).await.map(|_| ())
    }
}

/// The vendors that were in it already, as they were.
const BEFORE: &str = "SELECT 'wolkvox' AS source, c.account AS account, c.conn_id AS conversation_id, c.start_at AS \
     started_at, c.end_at AS ended_at, c.channel AS channel, c.customer_phone AS customer_phone, c.customer_name AS \
     customer_name, (c.go_to_agent = 'yes') AS reached_agent, c.agent_name AS agent_name, c.times_chatted AS messages, \
     c.synced_at AS synced_at FROM wolkvox_chats c \
     UNION ALL SELECT 'ultimate', c.account, c.conversation_id, c.conversation_start_time, c.conversation_end_time, \
     c.channel, NULL, NULL, (LOWER(REPLACE(c.conversation_status, '_', '')) IN ('email', 'agent', 'customescalation')), \
     NULL, c.bot_messages_count + c.visitor_messages_count, c.synced_at FROM ultimate_conversations c \
     UNION ALL SELECT 'certainly', c.account, c.conversation_id, MIN(c.timestamp), MAX(c.timestamp), NULL, NULL, NULL, \
     NULL, NULL, COUNT(*), MAX(c.synced_at) FROM certainly_messages c WHERE c.conversation_id IS NOT NULL GROUP BY \
     c.account, c.bot_id, c.conversation_id";

/// A process is one. Only the customer's answers are known, no messages: they are what is counted.
const TRUORA: &str = "SELECT 'truora', c.account, c.process_id, c.creation_date, CASE WHEN c.is_open THEN NULL ELSE \
     c.update_date END, c.created_via, c.phone, NULL, NULL, NULL, c.responses, c.synced_at FROM truora_processes c";

/// A session is one. One that only a report tells of counts where no list has a session of that moment and phone.
const TREBLE: &str = "SELECT 'treble', c.account, c.session_id, c.created_at, c.finished_at, 'whatsapp', c.phone, NULL, \
     (COALESCE(c.session_status, '') = 'HumanHandover' OR EXISTS (SELECT 1 FROM treble_messages m WHERE m.account = \
     c.account AND m.session_id = c.session_id AND m.sender = 'AGENT')), NULL, (SELECT COUNT(*) FROM treble_messages m \
     WHERE m.account = c.account AND m.session_id = c.session_id AND m.entry_type = 'MESSAGE'), c.synced_at FROM \
     treble_sessions c WHERE c.session_id NOT LIKE 'csv:%' OR NOT EXISTS (SELECT 1 FROM treble_sessions o WHERE \
     o.created_at = c.created_at AND o.account = c.account AND o.phone_tail = c.phone_tail AND o.session_id NOT LIKE \
     'csv:%')";
