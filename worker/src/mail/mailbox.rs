//! An open mailbox, on either backend.

use super::address::{Location, MailboxAddress};
use super::error::MailError;
use super::imap::Imap;
use super::mail_entry::{MailEntry, MailId};
use super::maildir::Maildir;
use chrono::NaiveDate;
use std::time::Duration;

/// An open mailbox. After an error for which [`MailError::is_closed`] is true, open it again.
pub struct Mailbox {
    backend: Backend,
}

enum Backend {
    Maildir(Maildir),
    Imap(Box<Imap>),
}

impl Mailbox {
    /// Opens the mailbox. `timeout` applies to the login and to each later command.
    ///
    /// # Errors
    /// If the mailbox cannot be reached, is not trusted, refuses the login or has no such folder.
    pub async fn open(address: &MailboxAddress, timeout: Duration) -> Result<Self, MailError> {
        let backend = match address.location() {
            Location::Maildir(path) => Backend::Maildir(Maildir::open(path).await?),
            Location::Imap(server) => Backend::Imap(Box::new(Imap::open(server, timeout).await?)),
        };
        Ok(Self { backend })
    }

    /// The mails that arrived on the day `since` or later and are not marked as done, oldest first.
    ///
    /// # Errors
    /// If the mailbox cannot be read.
    pub async fn list(&mut self, since: NaiveDate) -> Result<Vec<MailEntry>, MailError> {
        let mut entries = match &mut self.backend {
            Backend::Maildir(maildir) => maildir.list(since).await,
            Backend::Imap(imap) => imap.list(since).await,
        }?;
        // A stable sort: mails of one instant stay in the order of their UIDs (IMAP) or names (Maildir).
        entries.sort_by_key(|entry| entry.received_at);
        Ok(entries)
    }

    /// Fetches the whole message without marking it as done or as seen.
    ///
    /// # Errors
    /// If the mail is gone or longer than `limit`; the length is checked before the mail is fetched.
    pub async fn fetch(&mut self, id: &MailId, limit: u64) -> Result<Vec<u8>, MailError> {
        match &mut self.backend {
            Backend::Maildir(maildir) => maildir.fetch(id, limit).await,
            Backend::Imap(imap) => imap.fetch(id, limit).await,
        }
    }

    /// Marks a mail as done. Marking it again changes nothing. A mail that was moved to another folder counts as gone.
    ///
    /// # Errors
    /// If the mail is gone or the mailbox does not keep the mark.
    pub async fn mark(&mut self, id: &MailId) -> Result<(), MailError> {
        match &mut self.backend {
            Backend::Maildir(maildir) => maildir.mark(id).await,
            Backend::Imap(imap) => imap.mark(id).await,
        }
    }

    /// Waits until a mail may have arrived since the last `list`, or for `at_most`.
    ///
    /// # Errors
    /// If the connection is lost meanwhile.
    pub async fn wait(&mut self, at_most: Duration) -> Result<(), MailError> {
        match &mut self.backend {
            Backend::Maildir(maildir) => maildir.wait(at_most).await,
            Backend::Imap(imap) => imap.wait(at_most).await,
        }
    }
}
