//! The only place that opens a mailbox. It lists, fetches and marks mails and waits for new ones; the caller decides
//! what a mail means and when to mark it.
//!
//! Map: `mailbox` is the interface and `mail_entry` one mail in a list; `address` parses the setting, `maildir` and
//! `imap` are the two backends, `connection` logs in to an IMAP server with a `credential`, `folder` encodes folder names, `mime_part` splits a
//! mail into its parts, `parsed_mail` finds its sender and its CSV attachments.

mod address;
mod connection;
mod credential;
mod error;
mod folder;
mod imap;
mod mail_entry;
mod mailbox;
mod maildir;
mod mime_part;
mod parsed_mail;

pub use address::{AddressError, MailboxAddress};
pub use credential::Credential;
pub use error::MailError;
pub use mail_entry::{MailEntry, MailId};
pub use mailbox::Mailbox;
pub use parsed_mail::{Attachment, MailParseError, ParsedMail};
