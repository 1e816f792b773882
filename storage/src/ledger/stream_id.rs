//! The name of a stream.

/// Which stream of which account.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId {
    /// The account's name in the settings.
    pub account: String,
    /// The stream's name.
    pub stream: String,
    /// The vendor.
    pub source: String,
}
