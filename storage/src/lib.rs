//! Every query on the database: the only crate that reads or writes a table.
//!
//! Map, in the order of a job's life: [`accounts`], the accounts in force and the lanes they share; [`ledger`], one
//! stream's coverage, jobs, items and backfills, and the commit of an exchange; [`lanes`], turn-taking for one credential
//! over all processes, and [`processes`], who they are; [`upsert`], a vendor's rows into their table; [`deliveries`], mails, files and webhooks;
//! [`reports`], the answers to operators' questions; [`retention`], which deletes old rows. [`database`] and [`transaction`] hide which engine it is.

#![expect(clippy::must_use_candidate, reason = "a boxed future is as unused without `.await` as any other")]

pub mod accounts;
mod conversations_view;
pub mod database;
pub mod deliveries;
pub mod installation;
pub mod lanes;
pub mod ledger;
mod migration_state;
pub mod processes;
pub mod reports;
pub mod retention;
pub mod snapshot;
pub mod time_limit;
pub mod transaction;
pub mod transport;
pub mod upsert;

/// Compiles the body of an async function in this crate. Otherwise each crate that awaits the function compiles the body
/// again, with the queries below it: more than half of the code that the crate of the commands compiled. A call costs one allocation more.
use async_recursion::async_recursion as boxed;
pub use sea_orm::DbErr;
