//! A mail in a mailbox' list, and its id.

use chrono::{DateTime, Utc};
use std::fmt;

/// The id of a mail in its mailbox: a Maildir's base name, or IMAP's `UIDVALIDITY/UID`. It stays the same between
/// calls.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailId(pub(super) String);

/// A mail that is not marked as done, as the mailbox lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailEntry {
    /// The id.
    pub id: MailId,
    /// The length of the whole message in bytes.
    pub bytes: u64,
    /// When the mail arrived in the mailbox.
    pub received_at: DateTime<Utc>,
}

impl MailId {
    /// The id as it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for MailId {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for MailId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
