//! The laws of the decisions, one file per noun, and at last the whole line in memory under virtual time.
//!
//! `PROPTEST_CASES` makes them dig deeper.

#![cfg(test)]

mod any;
mod backoff;
mod coverage;
mod days;
mod export;
mod fake_store;
mod granularity;
mod item;
mod judge;
mod lane;
mod ledger;
mod mail;
mod pace;
mod pacer;
mod pick;
mod pipeline;
mod plan;
mod retained;
mod rng;
mod row_histogram;
mod rules;
mod scenario;
mod spans;
mod stream;
mod truth;
mod vendor;
mod window;
mod world;
