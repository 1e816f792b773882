//! The webhook outbox that Truora and Treble share. Some webhooks are lost, duplicated, late or forged.

mod delivery;
mod event;
mod outbox;
mod queue;

pub use delivery::{Delivery, DeliveryAttempt, Origin, WebhookReply};
pub use event::{DeliveryPlan, Event, WebhookFaults};
pub use outbox::WebhookVendor;
pub(crate) use outbox::{EventSource, WebhookOutbox};
pub(crate) use queue::{OutboxEvent, WebhookBody};
