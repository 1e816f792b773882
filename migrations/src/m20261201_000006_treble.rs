//! Treble: the tables of polls, sessions, messages and events, the views of final sessions and messages, and the view that
//! matches events to sessions.

use crate::table::{Columns, index};
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [polls(), sessions(), messages(), events()] {
            manager.create_table(table).await?;
        }
        for (table, at) in DAY_TABLES {
            manager.create_index(index(table, &[at, "account"])).await?;
            manager.get_connection().execute_unprepared(&final_view(table, at)).await?;
        }
        manager.create_index(index("treble_events", &["timestamp", "account"])).await?;
        // The view below looks sessions up by these columns.
        manager.create_index(index("treble_sessions", &["external_id"])).await?;
        manager.create_index(index("treble_sessions", &["phone_tail", "created_at"])).await?;
        manager.get_connection().execute_unprepared(EVENTS).await.map(|_| ())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("DROP VIEW treble_session_events").await?;
        for (table, _) in DAY_TABLES {
            manager.get_connection().execute_unprepared(&format!("DROP VIEW {table}_final")).await?;
        }
        for table in ["treble_events", "treble_messages", "treble_sessions", "treble_polls"] {
            manager.drop_table(Table::drop().table(Alias::new(table)).to_owned()).await?;
        }
        Ok(())
    }
}

/// The tables whose rows belong to a day, and the column with the instant.
const DAY_TABLES: [(&str, &str); 2] = [("treble_sessions", "created_at"), ("treble_messages", "session_created_at")];

/// The view of the sessions that were created in final coverage and whose history no open job fetches.
fn final_view(table: &str, at: &str) -> String {
    format!(
        "CREATE VIEW {table}_final AS SELECT c.* FROM {table} c WHERE EXISTS (SELECT 1 FROM coverage v WHERE v.account = \
         c.account AND v.stream = 'sessions' AND v.state = 'final' AND v.from_at <= c.{at} AND c.{at} < v.to_at) AND NOT \
         EXISTS (SELECT 1 FROM jobs w WHERE w.account = c.account AND w.stream = 'sessions' AND w.purpose = 'item' AND w.from_at = c.{at} AND \
         w.slice_key LIKE 'session/%')"
    )
}

/// Each event with the session it is about, matched by the external id; an event without one belongs to the latest earlier
/// session of the same phone. Events about templates belong to no session.
const EVENTS: &str = "CREATE VIEW treble_session_events AS SELECT e.account AS account, e.event_id AS event_id, e.event_type \
     AS event_type, e.timestamp AS timestamp, s.session_id AS session_id, s.created_at AS session_created_at, 'external_id' \
     AS matched_by FROM treble_events e JOIN treble_sessions s ON s.external_id = e.external_id AND s.account = e.account \
     UNION ALL SELECT e.account, e.event_id, e.event_type, e.timestamp, s.session_id, s.created_at, 'phone_tail' FROM \
     treble_events e JOIN treble_sessions s ON s.phone_tail = e.phone_tail AND s.account = e.account AND s.created_at <= \
     COALESCE(e.timestamp, e.synced_at) AND s.session_id NOT LIKE 'csv:%' WHERE e.external_id IS NULL AND NOT EXISTS (SELECT \
     1 FROM treble_sessions l WHERE l.phone_tail = s.phone_tail AND l.account = s.account AND l.created_at > s.created_at \
     AND l.created_at <= COALESCE(e.timestamp, e.synced_at) AND l.session_id NOT LIKE 'csv:%')";

fn polls() -> TableCreateStatement {
    Columns::of("treble_polls")
        .texts(&["account", "poll_id"])
        .optional_texts(&["name"])
        .column(json("settings"))
        .optional_instants(&["created_at"])
        .column(json("extra").not_null().to_owned())
        .texts(&["digest"])
        .instants(&["synced_at"])
        .key(&["account", "poll_id"])
}

fn sessions() -> TableCreateStatement {
    Columns::of("treble_sessions")
        .texts(&["account", "session_id"])
        .optional_texts(&["poll_id", "external_id"])
        .instants(&["created_at"])
        .optional_instants(&["finished_at"])
        .optional_texts(&["country_code", "cellphone", "phone", "phone_tail"])
        .column(json("user"))
        .optional_texts(&["deployment_status", "session_status", "conversation_version"])
        .optional_instants(&["first_message_at", "last_message_at"])
        .optional_texts(&["last_message", "last_node_id"])
        .column(json("report_extra"))
        .column(json("extra").not_null().to_owned())
        .texts(&["digest"])
        .instants(&["synced_at"])
        .key(&["account", "session_id"])
}

fn messages() -> TableCreateStatement {
    Columns::of("treble_messages")
        .texts(&["account", "session_id"])
        .numbers(&["ordinal"])
        .instants(&["session_created_at"])
        .optional_texts(&["entry_type", "type", "sender", "text", "file_url"])
        .optional_instants(&["created_at", "delivered_at", "read_at"])
        .column(json("extra").not_null().to_owned())
        .texts(&["digest"])
        .instants(&["synced_at"])
        .key(&["account", "session_id", "ordinal"])
}

fn events() -> TableCreateStatement {
    Columns::of("treble_events")
        .texts(&["account", "event_id"])
        .optional_instants(&["timestamp"])
        .texts(&["event_type"])
        .optional_texts(&["external_id", "poll_id", "phone", "phone_tail"])
        .optional_texts(&["failure_reason", "deployment_status", "status", "hsm_name"])
        .optional_instants(&["ended_at"])
        .column(json("body").not_null().to_owned())
        .texts(&["digest"])
        .instants(&["synced_at"])
        .key(&["account", "event_id"])
}

fn json(name: &'static str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).json_binary().to_owned()
}
