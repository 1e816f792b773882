//! Integration tests: real PostgreSQL, Redis, processes, mail server and browser; the simulated vendors are the referee.
//!
//! `scripts/test` starts what these need and says where it is: `CONVOSYNC_TEST_POSTGRES` names a server on which
//! databases may be made, `CONVOSYNC_TEST_REDIS_SERVER` and `CONVOSYNC_TEST_DOVECOT` the programs that each test starts
//! for itself.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on must fail")]

mod backfill;
mod canary;
mod certainly;
mod chaos;
mod commands;
mod dashboard;
mod drain;
mod faults;
mod harness;
mod installations;
mod live;
mod mailboxes;
mod mails;
mod store;
mod treble;
mod truora;
mod ultimate;
mod webhooks;
