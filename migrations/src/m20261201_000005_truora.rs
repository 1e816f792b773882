//! Truora: the tables of processes and of their responses, and the views of the final ones.

use crate::table::{Columns, index};
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(processes()).await?;
        manager.create_table(responses()).await?;
        for (table, condition) in [("truora_processes", ENDED), ("truora_responses", COUNTING)] {
            manager.create_index(index(table, &["creation_date", "account"])).await?;
            manager.get_connection().execute_unprepared(&final_view(table, condition)).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["truora_responses", "truora_processes"] {
            manager.get_connection().execute_unprepared(&format!("DROP VIEW {table}_final")).await?;
            manager.drop_table(Table::drop().table(Alias::new(table)).to_owned()).await?;
        }
        Ok(())
    }
}

/// A process that has ended.
const ENDED: &str = "NOT c.is_open";
/// A response that counts, of a process that has ended.
const COUNTING: &str = "EXISTS (SELECT 1 FROM truora_processes p WHERE p.account = c.account AND p.process_id = \
     c.process_id AND NOT p.is_open AND c.ordinal < p.responses)";

/// The view of the ended processes that began in final coverage and that no open job fetches again.
fn final_view(table: &str, condition: &str) -> String {
    format!(
        "CREATE VIEW {table}_final AS SELECT c.* FROM {table} c WHERE {condition} AND EXISTS (SELECT 1 FROM coverage v WHERE \
         v.account = c.account AND v.stream = 'processes' AND v.state = 'final' AND v.from_at <= c.creation_date AND \
         c.creation_date < v.to_at) AND NOT EXISTS (SELECT 1 FROM jobs w WHERE w.slice_key = c.process_id AND w.account = \
         c.account AND w.stream = 'processes' AND w.from_at IS NOT NULL)"
    )
}

fn processes() -> TableCreateStatement {
    Columns::of("truora_processes")
        .texts(&["account", "process_id"])
        .optional_texts(&["account_id", "phone", "client_id", "flow_id", "created_via"])
        .optional_numbers(&["flow_version"])
        .optional_texts(&["country", "status"])
        .column(ColumnDef::new(Alias::new("is_open")).boolean().not_null().to_owned())
        .optional_texts(&["failure_status", "declined_reason"])
        .numbers(&["responses"])
        .column(json("last_finished_step"))
        .column(json("validations"))
        .instants(&["creation_date"])
        .optional_instants(&["update_date"])
        .optional_texts(&["ip_address"])
        .column(json("trigger_info"))
        .optional_numbers(&["time_to_live", "current_step_index"])
        .instants(&["state_at"])
        .column(json("extra").not_null().to_owned())
        .texts(&["digest"])
        .instants(&["synced_at"])
        .key(&["account", "process_id"])
}

fn responses() -> TableCreateStatement {
    Columns::of("truora_responses")
        .texts(&["account", "process_id"])
        .numbers(&["ordinal"])
        .instants(&["creation_date"])
        .optional_texts(&["name", "type", "value"])
        .column(json("extra").not_null().to_owned())
        .texts(&["digest"])
        .instants(&["synced_at"])
        .key(&["account", "process_id", "ordinal"])
}

fn json(name: &'static str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).json_binary().to_owned()
}
