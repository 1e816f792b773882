//! Types and decisions of convosync. This crate does no I/O and reads no clock, file, socket or random number.
//!
//! Map, in reading order: [`window`] and [`spans`] are spans of time; [`coverage`] says which are held and final.
//! [`rules`] state what a vendor permits. A [`mod@slice`] is what one [`job`] fetches; [`item`] is what lists and webhooks
//! name. [`ledger`] is one stream's state; [`planner`] proposes a [`plan`] of new jobs for it, at each [`live_slot`]
//! and with window lengths by [`forecast`], which joins [`pace`] and [`week_profile`]. [`lane`] takes turns and [`next_job`]
//! picks the job; [`pacer`] spaces requests, [`quota`] counts them and [`clock_skew`] compares clocks.
//! [`source`] is the interface of a vendor, [`webhook`] and [`fault`] are parts of it; an [`exchange_budget`] bounds what one
//! exchange reads. [`judge`] turns an answer into a verdict, [`row_histogram`] says where to cut a full answer. [`days`] reports
//! completeness day by day, [`health`] the state of accounts and of the installation, whose processes are in [`process`];
//! [`stalled`] finds backfills that stand still; a [`reopening`] follows from [`row_changes`] in days that were final, and
//! [`gone_rows`] are those that an answer lacks.
//! [`file_time`] says which state of the vendor an imported file shows, and [`retention`] how long history is kept.
//! [`mail_trust`] decides by a mail's sender and its [`authentication_results`] whether the mail is believed, and
//! [`file_overlap`] compares its rows with the stored ones. [`lost_attempts`] sets poison pills aside, [`restart`] says when a
//! loop that failed starts again, [`watchdog`] which loops are stuck, and [`loopback`] which hosts are this machine.

pub mod authentication_results;
pub mod backfill;
pub mod backoff;
pub mod clock;
pub mod clock_skew;
pub mod coverage;
pub mod days;
pub mod duration;
pub mod exchange_budget;
pub mod fault;
pub mod file_overlap;
pub mod file_time;
pub mod forecast;
pub mod gone_rows;
pub mod health;
pub mod item;
pub mod item_backlog;
pub mod job;
pub mod judge;
pub mod lane;
pub mod ledger;
pub mod live_slot;
pub mod loopback;
pub mod lost_attempts;
pub mod mail_trust;
pub mod next_job;
pub mod pace;
pub mod pacer;
pub mod plan;
pub mod planner;
pub mod process;
pub mod quota;
pub mod reopening;
pub mod restart;
pub mod retention;
pub mod row_changes;
pub mod row_histogram;
pub mod rules;
pub mod slice;
pub mod source;
pub mod spans;
pub mod stalled;
pub mod ticket;
pub mod watchdog;
pub mod webhook;
pub mod week_profile;
pub mod week_weights;
pub mod window;
