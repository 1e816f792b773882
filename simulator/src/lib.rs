//! Simulated vendors: each holds a dataset by seed, enforces the vendor's rules, injects faults by seed and logs every
//! breach. Demos, tests and benchmarks run convosync against them and compare the result with the dataset.
//!
//! The crate shares no reading code with the rest of the workspace, so that it cannot share its mistakes.
//!
//! | module | holds |
//! |---|---|
//! | [`VENDORS`] | the list of vendors, with a constructor from common options |
//! | [`gateway`] | what all vendors share: log, limits, faults, answers, control routes |
//! | [`webhook_outbox`] | the webhooks of Truora and Treble |
//! | one folder a vendor | its dataset, its dialect (how it writes answers) and its rules |

mod calendar;
mod catalog;
pub mod certainly;
mod delimited;
pub mod gateway;
mod random;
mod sender;
mod serve;
pub mod treble;
pub mod truora;
pub mod ultimate;
mod vendor;
pub mod webhook_outbox;
pub mod wolkvox;

pub use catalog::{VENDORS, VendorEntry, VendorOptions};
pub use certainly::make_maildir;
pub use gateway::{Breach, Faults, RequestRecord, Rule};
pub use sender::WebhookSender;
pub use serve::{Serving, serve};
pub use vendor::SimulatedVendor;
pub use webhook_outbox::WebhookVendor;
