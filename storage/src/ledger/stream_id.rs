//! The identity of a stream.

/// The identity of a stream: its account and its name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId {
    /// The account's name in the settings.
    pub account: String,
    /// The stream's name.
    pub stream: String,
    /// The vendor's name, as in the setting `source`.
    pub source: String,
}
