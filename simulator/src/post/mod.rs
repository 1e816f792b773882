//! What Truora and Treble send by themselves: webhooks, of which some are lost, doubled, late or forged.

mod delivery;
mod event;
mod outbox;

pub use delivery::{Delivery, Kind, Reply, Sent};
pub use event::{Event, Fate, Shares};
pub(crate) use outbox::{Outbox, Telling, Written};
