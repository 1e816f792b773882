//! The ledger (streams, coverage, jobs, items, backfills), the lanes, the processes, and the evidence (requests, rejects, deliveries).

use crate::table::{Columns, index};
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

const TABLES: [&str; 14] = [
    "streams",
    "coverage",
    "reopened_days",
    "jobs",
    "items",
    "lanes",
    "lane_slots",
    "processes",
    "backfills",
    "backfill_streams",
    "backfill_windows",
    "requests",
    "rejects",
    "deliveries",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ledger().into_iter().chain(lanes()).chain(backfills()).chain(evidence()) {
            manager.create_table(table).await?;
        }
        for (table, columns) in [
            // Each index answers one query of every tick, dispatch or report, whatever the number of jobs.
            ("jobs", &["account", "stream", "purpose", "from_at"][..]),
            ("jobs", &["account", "purpose", "state", "rechecks", "failures", "to_at"]),
            ("jobs", &["account", "purpose", "state", "due_at"]),
            ("jobs", &["account", "state", "until_at"]),
            ("jobs", &["account", "state", "due_at"]),
            ("jobs", &["slice_key"]),
            ("items", &["began_at"]),
            ("requests", &["account", "stream", "to_at"]),
            ("requests", &["sent_at"]),
            ("deliveries", &["slice_key"]),
            ("deliveries", &["kind", "received_at"]),
            ("deliveries", &["state", "id"]),
            ("deliveries", &["account", "id"]),
            ("deliveries", &["kind", "id"]),
        ] {
            manager.create_index(index(table, columns)).await?;
        }
        // A list and any number of webhooks may name an item at once: it has one job.
        let mut one_job = index("jobs", &["account", "stream", "slice_key"]);
        one_job.unique().and_where(Expr::col(Alias::new("purpose")).eq("item"));
        manager.create_index(one_job).await?;
        // A reject and a delivery are each stored once, however often they come.
        for (table, key) in [("rejects", &["account", "stream", "digest"][..]), ("deliveries", &["origin", "identity"])]
        {
            manager.create_index(index(table, key).unique().to_owned()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TABLES.iter().rev() {
            manager.drop_table(Table::drop().table(Alias::new(*table)).to_owned()).await?;
        }
        Ok(())
    }
}

fn ledger() -> [TableCreateStatement; 5] {
    let double = |name: &'static str| ColumnDef::new(Alias::new(name)).double().to_owned();
    [
        Columns::of("streams")
            .texts(&["account", "stream", "source"])
            .optional_instants(&["since_at", "slot_at", "refreshed_at", "unproven_at", "answered_at", "failing_since"])
            .numbers(&["revision"])
            .optional_numbers(&["clock_skew_seconds"])
            .column(double("rows_per_day"))
            .column(double("live_rows_per_day"))
            .column(double("rows_spread").not_null().to_owned())
            .column(ColumnDef::new(Alias::new("week_profile")).blob().to_owned())
            .column(double("base_seconds").not_null().to_owned())
            .column(double("seconds_per_row").not_null().to_owned())
            .optional_texts(&["last_error"])
            .key(&["account", "stream"]),
        Columns::of("coverage")
            .texts(&["account", "stream", "state"])
            .instants(&["from_at", "to_at"])
            .key(&["account", "stream", "from_at"]),
        Columns::of("reopened_days")
            .texts(&["account", "stream", "day"])
            .instants(&["reopened_at"])
            .numbers(&["rows", "items", "times"])
            .optional_numbers(&["delivery_id"])
            .key(&["account", "stream", "day"]),
        Columns::of("jobs")
            .serial_key("id")
            .texts(&["account", "stream", "purpose", "state"])
            .optional_numbers(&["backfill_id", "delivery_id"])
            .optional_instants(&["from_at", "to_at", "until_at"])
            .optional_texts(&["slice_key", "reason"])
            .instants(&["due_at"])
            .numbers(&["expected_ms"])
            .small_numbers(&["attempt", "failures", "rechecks"])
            .optional_instants(&["requested_at", "seen_version_at", "missing_from_at", "missing_to_at"])
            .column(ColumnDef::new(Alias::new("has_ended")).boolean().not_null().to_owned())
            .column(ColumnDef::new(Alias::new("refetch")).boolean().not_null().to_owned())
            .done(),
        Columns::of("items")
            .texts(&["account", "stream", "slice_key"])
            .optional_instants(&["began_at", "version_at"])
            .instants(&["ended_at"])
            .key(&["account", "stream", "slice_key"]),
    ]
}

fn lanes() -> [TableCreateStatement; 3] {
    [
        Columns::of("lanes")
            .texts(&["lane"])
            .numbers(&["spacing_ms"])
            .small_numbers(&["max_in_flight", "quota_used", "quota_others"])
            .column(ColumnDef::new(Alias::new("quota_limit")).integer().to_owned())
            .optional_instants(&["closed_at", "closed_until", "background_at", "backfill_at", "next_send_at"])
            .optional_texts(&["closed_reason", "quota_day", "quota_group", "quota_asked_day"])
            .key(&["lane"]),
        Columns::of("lane_slots")
            .texts(&["lane"])
            .small_numbers(&["slot"])
            .numbers(&["fence"])
            .optional_texts(&["holder"])
            .instants(&["until_at", "not_before"])
            .key(&["lane", "slot"]),
        Columns::of("processes")
            .texts(&["name", "roles", "host", "version"])
            .instants(&["started_at", "last_seen_at"])
            .key(&["name"]),
    ]
}

fn backfills() -> [TableCreateStatement; 3] {
    [
        Columns::of("backfills")
            .serial_key("id")
            .texts(&["account", "mode", "state"])
            .instants(&["from_at", "to_at", "created_at"])
            .optional_instants(&["finished_at"])
            .done(),
        Columns::of("backfill_streams")
            .numbers(&["backfill_id", "rows"])
            .texts(&["stream"])
            .column(ColumnDef::new(Alias::new("is_done")).boolean().not_null().to_owned())
            .small_numbers(&["windows_done", "items_done"])
            .key(&["backfill_id", "stream"]),
        Columns::of("backfill_windows")
            .numbers(&["backfill_id"])
            .texts(&["stream"])
            .instants(&["from_at", "to_at"])
            .key(&["backfill_id", "stream", "from_at"]),
    ]
}

fn evidence() -> [TableCreateStatement; 3] {
    [
        Columns::of("requests")
            .serial_key("id")
            .texts(&["account", "stream", "purpose", "outcome", "verdict"])
            .optional_numbers(&["backfill_id"])
            .optional_instants(&["from_at", "to_at"])
            .instants(&["sent_at"])
            .numbers(&["elapsed_ms", "rows", "inserted", "updated", "unchanged", "rejected"])
            .optional_texts(&["error", "slice_key"])
            .done(),
        Columns::of("rejects")
            .serial_key("id")
            .texts(&["account", "stream", "digest", "reason", "raw"])
            .optional_instants(&["from_at", "to_at"])
            .instants(&["rejected_at"])
            .done(),
        Columns::of("deliveries")
            .serial_key("id")
            .texts(&["origin", "identity", "kind", "state"])
            .optional_texts(&["account", "stream", "reason", "slice_key", "payload"])
            .optional_instants(&["from_at", "to_at", "version_at"])
            .numbers(&["rows"])
            .instants(&["received_at"])
            .done(),
    ]
}
