//! Does the asking: takes tickets from the queue, waits its turn on the lane, asks, reads, and commits.

mod exchange;
pub mod file;
pub mod http;
pub mod mail;
pub mod post;
pub mod pull;
pub mod queue;
mod turn;
