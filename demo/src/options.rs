//! The arguments of `convosync demo` and `convosync simulate`.

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use simulator::{VENDORS, VendorEntry};
use std::net::SocketAddr;
use std::path::PathBuf;

/// The arguments of `convosync demo`.
#[derive(Debug, Args)]
pub struct DemoOptions {
    /// Fetch 30 days, compare the tables with the vendors, and exit: 0 if all is equal, 8 if not
    #[arg(long)]
    pub once: bool,
    /// Build the vendors' rows from this seed; the same seed gives the same rows
    #[arg(long, default_value_t = 42, value_name = "NUMBER")]
    pub seed: u64,
    /// Store the rows in this file; an existing file is deleted first
    #[arg(long, default_value = "convosync-demo.db", value_name = "FILE")]
    pub database: PathBuf,
    /// Serve the dashboard on this address, or on another port if it is taken
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    pub bind: SocketAddr,
}

/// The arguments of `convosync simulate`.
#[derive(Debug, Args)]
pub struct SimulateOptions {
    /// Simulate this vendor
    #[arg(value_parser = vendor_names())]
    pub vendor: &'static VendorEntry,
    /// Listen on this loopback address
    #[arg(long, default_value = "127.0.0.1:9042", value_name = "ADDRESS")]
    pub bind: SocketAddr,
    /// Build the rows from this seed; the same seed gives the same rows
    #[arg(long, default_value_t = 42, value_name = "NUMBER")]
    pub seed: u64,
    /// Hold this many chats, conversations, messages, processes or sessions on a mean day, per bot or poll [default: 400;
    /// 40 in all where each is fetched by itself]
    #[arg(long, value_name = "NUMBER")]
    pub chats_per_day: Option<f64>,
    /// Hold this many past days
    #[arg(long, default_value_t = 60)]
    pub days: i64,
    /// Accept this token
    #[arg(long, default_value = "simulated-token")]
    pub token: String,
    /// Put at most this many rows into one answer [default: the vendor's own limit]
    #[arg(long, value_name = "ROWS")]
    pub row_cap: Option<usize>,
    /// Deliver the vendor's mails to this Maildir [default: deliver none]
    #[arg(long, value_name = "FOLDER")]
    pub maildir: Option<PathBuf>,
    /// Send the vendor's webhooks to this loopback address [default: send none, and begin nothing new]
    #[arg(long, value_name = "URL")]
    pub webhooks: Option<String>,
    /// Let each kind of fault hit this share, 0 to 1, of requests and webhooks
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    pub faults: f64,
}

/// The names in the list of vendors, each with its sentence.
fn vendor_names() -> impl TypedValueParser<Value = &'static VendorEntry> {
    let names = VENDORS.iter().map(|vendor| PossibleValue::new(vendor.name).help(vendor.summary));
    PossibleValuesParser::new(names)
        .try_map(|name| VendorEntry::named(&name).ok_or("no simulated vendor has this name"))
}
