//! Decides what to ask: the only producer of jobs.
//!
//! Any number of schedulers may run: what to ask is decided under a lock, from the ledger alone, and a job that is
//! there already is not made again. There is no leader.

mod tick;

pub use tick::{Scheduler, TickError};
