//! One credential's lane, as the settings describe it.

use chrono_tz::Tz;
use domain::lane::LaneKey;
use domain::rules::Rules;

/// One credential's lane, as the settings describe it.
#[derive(Clone, Debug)]
pub struct LaneSpec {
    /// Its key.
    pub key: LaneKey,
    /// The vendor.
    pub vendor: &'static str,
    /// The accounts that share the credential.
    pub accounts: Vec<String>,
    /// The strictest of their rules: width and spacing hold for all.
    pub rules: Rules,
    /// Where the vendor's day begins.
    pub zone: Tz,
}
