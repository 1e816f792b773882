//! The laws of the decisions, one file per noun, and at last the whole line in memory under virtual time.
//!
//! `PROPTEST_CASES` makes them dig deeper.

#![cfg(test)]

mod any;
mod backoff;
mod beat;
mod coverage;
mod days;
mod desk;
mod dice;
mod export;
mod grain;
mod judge;
mod kept;
mod lane;
mod lead;
mod ledger;
mod line;
mod mail;
mod pace;
mod pick;
mod plan;
mod plot;
mod rules;
mod spans;
mod stream;
mod tally;
mod truth;
mod vendor;
mod window;
mod world;
