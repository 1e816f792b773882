//! The only place that reads a mailbox: it lists, fetches, watches and files mails. What a mail is, and when it may be
//! marked, is the caller's to say.

mod address;
mod connection;
mod error;
mod folder;
mod imap;

mod maildir;
mod parsed_mail;

pub use address::{Address, AddressError};
pub use error::MailError;
pub use parsed_mail::{Attachment, MailParseError, ParsedMail};

use address::Place;
use chrono::{DateTime, NaiveDate, Utc};
use imap::Imap;
use maildir::Maildir;
use std::fmt;
use std::time::Duration;

/// An open connection, or a folder. After an error that is the server's own (`MailError::is_closed`), open it anew.
pub struct Mailbox {
    kind: Kind,
}

enum Kind {
    Maildir(Maildir),
    Imap(Box<Imap>),
}

/// Names a mail in its mailbox, the same between calls. A Maildir's base name, or IMAP's UIDVALIDITY/UID.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailId(String);

/// A mail that is not marked as done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Names it.
    pub id: MailId,
    /// How long the whole message is.
    pub bytes: u64,
    /// When the mailbox got it.
    pub received: DateTime<Utc>,
}

impl Mailbox {
    /// Opens it, with `timeout` for logging in, and for each later summary on the network.
    ///
    /// # Errors
    /// Where it cannot be reached, is not trusted, refuses the login, or has no such folder.
    pub async fn open(address: &Address, timeout: Duration) -> Result<Self, MailError> {
        let kind = match address.place() {
            Place::Maildir(path) => Kind::Maildir(Maildir::open(path).await?),
            Place::Imap(server) => Kind::Imap(Box::new(Imap::open(server, timeout).await?)),
        };
        Ok(Self { kind })
    }

    /// The mails that arrived on the day `since` or later and are not marked as done, oldest first.
    ///
    /// # Errors
    /// Where the mailbox cannot be read.
    pub async fn list(&mut self, since: NaiveDate) -> Result<Vec<Entry>, MailError> {
        let mut entries = match &mut self.kind {
            Kind::Maildir(maildir) => maildir.list(since).await,
            Kind::Imap(imap) => imap.list(since).await,
        }?;
        // Stable: IMAP's come in the order of their UIDs, a Maildir's in the order of their names.
        entries.sort_by_key(|entry| entry.received);
        Ok(entries)
    }

    /// The whole message. Fetching does not mark it, neither as done nor as seen.
    ///
    /// # Errors
    /// Where it is gone, or longer than `limit`, which is found out before it is fetched.
    pub async fn fetch(&mut self, id: &MailId, limit: u64) -> Result<Vec<u8>, MailError> {
        match &mut self.kind {
            Kind::Maildir(maildir) => maildir.fetch(id, limit).await,
            Kind::Imap(imap) => imap.fetch(id, limit).await,
        }
    }

    /// Marks a mail as done. Doing it again changes nothing, but a mail that was moved away is gone from this folder.
    ///
    /// # Errors
    /// Where it is gone, or the mailbox does not keep the mark.
    pub async fn mark(&mut self, id: &MailId) -> Result<(), MailError> {
        match &mut self.kind {
            Kind::Maildir(maildir) => maildir.mark(id).await,
            Kind::Imap(imap) => imap.mark(id).await,
        }
    }

    /// Returns when there may be something new since the last `list`, or after `at_most`.
    ///
    /// # Errors
    /// Where the connection is lost meanwhile.
    pub async fn wait(&mut self, at_most: Duration) -> Result<(), MailError> {
        match &mut self.kind {
            Kind::Maildir(maildir) => maildir.wait(at_most).await,
            Kind::Imap(imap) => imap.wait(at_most).await,
        }
    }
}

impl MailId {
    /// As it is stored.
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
