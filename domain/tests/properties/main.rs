//! Property tests of the decisions, one file per module, and of the whole pipeline in memory under virtual time.
//!
//! `PROPTEST_CASES` raises the number of cases.

#![cfg(test)]

mod back_pressure;
mod backoff;
mod clock_skew;
mod coverage;
mod dataset;
mod days;
mod eventual_coverage;
mod export;
mod export_mail;
mod fake_store;
mod fake_vendor;
mod file_overlap;
mod file_time;
mod forecast;
mod granularity;
mod health;
mod item;
mod judge;
mod lane;
mod ledger;
mod mail_trust;
mod next_job;
mod pace;
mod pacer;
mod pipeline;
mod plan;
mod reopening;
mod request_count;
mod revocation;
mod rng;
mod row_histogram;
mod rules;
mod scenario;
mod simulation;
mod spans;
mod strategies;
mod stream_simulation;
mod window;
