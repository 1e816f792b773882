//! The tables, one file each. Names are fixed, so that people can write SQL against them.

pub mod backfill_streams;
pub mod backfill_windows;
pub mod backfills;
pub mod certainly_messages;
pub mod coverage;
pub mod deliveries;
pub mod lane_slots;
pub mod lanes;
pub mod rejects;
pub mod requests;
pub mod streams;
pub mod ultimate_conversations;
pub mod wants;
pub mod wolkvox_chats;

use crate::shape::{Shape, Table};

/// The shapes of the vendors' tables.
#[must_use]
pub fn shapes() -> Vec<&'static Shape> {
    vec![wolkvox_chats::Entity::shape(), certainly_messages::Entity::shape(), ultimate_conversations::Entity::shape()]
}
