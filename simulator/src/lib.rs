//! The vendors, simulated: each holds the truth by seed, enforces the vendor's rules, injects faults by
//! seed and records every breach. It shares no reading code with the house: it is the referee.

pub mod certainly;
mod draw;
pub mod gateway;
pub mod post;
mod sender;
mod serve;
pub mod treble;
pub mod truora;
pub mod ultimate;
pub mod wolkvox;

pub use sender::Sending;
pub use serve::{Serving, serve};
