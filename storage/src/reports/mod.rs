//! The answers to operators' questions.
//!
//! Map: [`status`], the state of every account, lane and the queue; [`coverage`], the completeness of each day, with the counts
//! of `day_counts`;
//! [`queue_depth`], the number of jobs in each state; [`webhook_stats`], webhooks received and missed; [`doctor`], checks of the
//! stored ledger.

pub mod coverage;
mod day_counts;
pub mod doctor;
pub mod queue_depth;
pub mod status;
pub mod webhook_stats;
