//! Takes tickets from the queue, sends the requests of their jobs under each vendor's rules, and stores what comes
//! back.
//!
//! Map, in the order of a job: [`queue`] consumes tickets through apalis, each by a `consumer`; [`worker`] claims the job and
//! follows it to its commit; `exchange` sends the requests and feeds the source's reader; [`http`] is the only place that
//! sends, and `public_address` keeps what a vendor's answer names out of the operator's network; `lease_guard` holds the lane
//! meanwhile, and [`rate_limit`] smooths this process' requests. `quota` asks once a day for the vendor's daily quota.
//! [`mail_ingest`] reads mailed exports, for a [`mail_reader`], through [`mail`], the only place that opens a mailbox;
//! [`mod@file`] imports a file that an operator gives.

#![expect(clippy::must_use_candidate, reason = "a boxed future is as unused without `.await` as any other")]

mod consumer;
mod exchange;
pub mod file;
pub mod http;
mod lease_guard;
pub mod mail;
pub mod mail_ingest;
pub mod mail_reader;
mod public_address;
pub mod queue;
mod quota;
pub mod rate_limit;
pub mod worker;
