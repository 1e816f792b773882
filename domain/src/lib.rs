//! The nouns and the decisions. Nothing here reads a clock, a file, a socket or a random number.
//!
//! Read in this order: a [`window`] of time; [`coverage`], the windows held; a [`job`], a slice to ask for; the
//! [`ledger`], one stream's coverage and jobs; [`plan`], what is worth claiming now; the [`lane`], whose turn it is;
//! [`source`], how a vendor is described; [`judge`], what follows from what came back.

pub mod backfill;
pub mod backoff;
pub mod clock;
pub mod coverage;
pub mod days;
pub mod fault;
pub mod item;
pub mod job;
pub mod judge;
pub mod lane;
pub mod ledger;
mod named;
pub mod pace;
pub mod pacer;
pub mod plan;
pub mod row_histogram;
pub mod rules;
pub mod source;
pub mod spans;
pub mod ticket;
pub mod webhook;
pub mod window;
