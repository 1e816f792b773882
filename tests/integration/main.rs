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
mod drain;
mod faults;
mod live;
mod mailboxes;
mod mails;
mod page;
mod sixth_vendor;
mod stage;
mod store;
mod treble;
mod truora;
mod twins;
mod ultimate;
mod webhooks;
