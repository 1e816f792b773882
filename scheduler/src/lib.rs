//! The scheduler plans jobs and pushes tickets, once per tick.
//!
//! Any number of schedulers may run, and there is no leader: planning takes a lock on the stream and depends on the
//! ledger alone, so a job that exists is not added again.
//!
//! Map: [`Scheduler::tick`] plans each stream that `watch` does not know as quiet (`storage::ledger::planning`), dispatches
//! the next jobs of each lane that has work (`storage::lanes::dispatch`) and pushes their tickets to a
//! [`domain::ticket::TicketSink`]; `failure_log` notes what fails meanwhile. Beside it [`webhook_backlog`] stores webhook
//! events that the server has only recorded, and [`pruner`] deletes old rows.

mod failure_log;
pub mod pruner;
mod tick;
mod watch;
pub mod webhook_backlog;

pub use tick::{Scheduler, TickError};
