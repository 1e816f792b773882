//! Integration tests with a real PostgreSQL, Redis, mail server, browser and processes. The simulated vendors record each
//! breach of their rules.
//!
//! `scripts/test` starts the PostgreSQL server and sets three variables. `CONVOSYNC_TEST_POSTGRES` is a server on which the
//! tests create databases. `CONVOSYNC_TEST_REDIS_SERVER` and `CONVOSYNC_TEST_DOVECOT` are the programs that a test starts.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on must fail")]

mod backfill;
mod busy_database;
mod canary;
mod certainly;
mod chaos;
mod clock_steps;
mod commands;
mod dashboard;
mod deletions;
mod drain;
mod faults;
mod half_open;
mod harness;
mod installations;
mod lists;
mod live;
mod mailboxes;
mod mails;
mod open_door;
mod poison_pills;
mod private_storage;
mod quotas;
mod sixth_vendor;
mod store;
mod supervision;
mod treble;
mod truora;
mod ultimate;
mod webhooks;
