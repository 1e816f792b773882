//! Does the asking: takes tickets from the queue, waits its turn on the lane, asks, reads, and commits.

mod exchange;
pub mod http;
pub mod mail;
pub mod pull;
pub mod queue;
mod turn;
