//! The vendors, as descriptions: what to ask next, and what an answer means. Nothing here sends, waits, reads a clock,
//! a file or the environment, or draws a random number.
//!
//! A sixth vendor is one folder here, its table (an entity with its migration), and one line in [`VENDORS`]. The
//! commands, the dashboard, the metrics and the tests read that list.

mod address;
pub mod certainly;
pub mod elements;
mod encoding;
pub mod fields;
mod grid;
mod json;
mod lines;
mod literal;
mod moment;
mod nearest;
mod plain;
mod proof;
mod quote;
mod record;
pub mod settings;
pub mod treble;
pub mod truora;
pub mod ultimate;
pub mod vendor;
mod whole;
pub mod wolkvox;
mod words;

pub use nearest::nearest;
pub use vendor::{Opened, Problem, Vendor};

use serde_json::{Map, Value};
use settings::Settings;

/// Every vendor there is.
pub const VENDORS: &[Vendor] = &[wolkvox::VENDOR, certainly::VENDOR, ultimate::VENDOR, truora::VENDOR, treble::VENDOR];

/// Opens `account`, a table of the settings with its secrets resolved.
///
/// # Errors
/// Everything that is wrong with its settings, not only the first thing.
pub fn open(account: &str, settings: &Map<String, Value>) -> Result<Opened, Vec<Problem>> {
    let mut settings = Settings::new(account, settings);
    let opened = settings.vendor(VENDORS).and_then(|vendor| {
        settings.check_keys(vendor);
        (vendor.open)(&mut settings)
    });
    let problems = settings.into_problems();
    opened.filter(|_| problems.is_empty()).ok_or(problems)
}
