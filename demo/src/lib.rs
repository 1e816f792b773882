//! The simulated vendors at work: `convosync demo`, `convosync simulate`, and the comparison of the tables with what
//! the vendors hold.
//!
//! - [`vendors`]: the vendors of the demo, one file each; everything else iterates over that list.
//! - [`scenario`]: the demo from its first backfill to the comparison at its end.
//! - `world`: what takes part in it: the vendors, the service, its database.
//! - [`simulate`]: one vendor alone, until it is stopped.
//! - [`compare`]: a table against a vendor's dataset, column by column.
//! - [`host`]: what the demo needs of the program that runs it; the crate `convosync` implements it, so that this crate
//!   needs none of its settings and none of its wiring.

pub mod compare;
mod error;
pub mod host;
mod options;
pub mod scenario;
pub mod simulate;
pub mod vendors;
mod world;

pub use error::DemoError;
pub use options::{DemoOptions, SimulateOptions};
