//! The tables, one file each. Names are fixed, so that people can write SQL against them.

pub mod backfill_streams;
pub mod backfill_windows;
pub mod backfills;
pub mod certainly_messages;
pub mod coverage;
pub mod deliveries;
pub mod followed;
pub mod lane_slots;
pub mod lanes;
pub mod rejects;
pub mod requests;
pub mod streams;
pub mod treble_events;
pub mod treble_messages;
pub mod treble_polls;
pub mod treble_sessions;
pub mod truora_processes;
pub mod truora_responses;
pub mod ultimate_conversations;
pub mod wants;
pub mod wolkvox_chats;

use crate::shape::{Shape, Table};

/// The shapes of the vendors' tables, and of what they tell besides.
#[must_use]
pub fn shapes() -> Vec<&'static Shape> {
    vec![
        wolkvox_chats::Entity::shape(),
        certainly_messages::Entity::shape(),
        ultimate_conversations::Entity::shape(),
        truora_processes::Entity::shape(),
        truora_responses::Entity::shape(),
        treble_polls::Entity::shape(),
        treble_sessions::Entity::shape(),
        treble_messages::Entity::shape(),
        treble_events::Entity::shape(),
    ]
}
