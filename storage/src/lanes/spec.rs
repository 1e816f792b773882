//! A lane as the settings describe it.

use chrono_tz::Tz;
use domain::lane::LaneKey;
use domain::rules::Rules;

/// The lane of one credential, as the settings describe it.
#[derive(Clone, Debug)]
pub struct LaneSpec {
    /// The lane's key as the database stores it: a keyed hash of vendor and credential.
    pub key: LaneKey,
    /// The vendor's name.
    pub vendor: &'static str,
    /// The accounts that share the credential.
    pub accounts: Vec<String>,
    /// The strictest of the accounts' rules.
    pub rules: Rules,
    /// The zone of the vendor's quota day.
    pub zone: Tz,
    /// The operation whose lanes share a daily quota; `None` if the lane has its own.
    pub quota_group: Option<LaneKey>,
}
