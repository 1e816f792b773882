//! The tables as SeaORM models, one file per table, and how a batch of a vendor's rows is encoded.
//!
//! Map: a file per table of the ledger (`streams`, `coverage`, `jobs`, `items`, `backfills`, `requests` …) and per table
//! of a vendor (`wolkvox_chats` …). [`schema`] describes a vendor's table to the code that writes it, [`rows`] holds rows
//! on their way there. Every query lives in the crate `storage`.

pub mod backfill_streams;
pub mod backfill_windows;
pub mod backfills;
pub mod certainly_messages;
pub mod coverage;
pub mod deliveries;
pub mod installation;
pub mod items;
pub mod jobs;
mod json;
pub mod lane_slots;
pub mod lanes;
pub mod merge_rules;
pub mod processes;
pub mod prunings;
pub mod rejects;
pub mod reopened_days;
pub mod requests;
pub mod row_version;
pub mod rows;
pub mod schema;
pub mod streams;
pub mod treble_events;
pub mod treble_messages;
pub mod treble_polls;
pub mod treble_sessions;
pub mod truora_processes;
pub mod truora_responses;
pub mod ultimate_conversations;
pub mod wolkvox_chats;

use schema::{TableSchema, VendorTable};

/// The schema of every table that holds a vendor's rows.
#[must_use]
pub fn schemas() -> Vec<&'static TableSchema> {
    vec![
        wolkvox_chats::Entity::schema(),
        certainly_messages::Entity::schema(),
        ultimate_conversations::Entity::schema(),
        truora_processes::Entity::schema(),
        truora_responses::Entity::schema(),
        treble_polls::Entity::schema(),
        treble_sessions::Entity::schema(),
        treble_messages::Entity::schema(),
        treble_events::Entity::schema(),
    ]
}
