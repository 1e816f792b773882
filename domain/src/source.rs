//! What a vendor must describe. Sans-I/O: a source says the next request and reads the next answer; it cannot send,
//! sleep, read the clock, log a secret or forget a rule.

use crate::fault::Fault;
use crate::item::{Item, ItemStatus};
use crate::job::Slice;
use crate::lane::LaneKey;
use crate::rules::Rules;
use crate::webhook::{Webhook, WebhookEvent, WebhookFault};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use secrecy::SecretString;
use std::fmt;
use std::time::Duration;

/// One account at one vendor, ready to be asked. `R` is a batch of rows on its way to storage.
pub trait Source<R>: Send + Sync {
    /// The account's name in the settings.
    fn account(&self) -> &str;

    /// The vendor's name, such as `wolkvox`.
    fn vendor(&self) -> &'static str;

    /// What the account offers, such as `chat_8`.
    fn streams(&self) -> Vec<Stream>;

    /// The rules in force.
    fn rules(&self) -> &Rules;

    /// Where the account's days begin and end.
    fn zone(&self) -> Tz;

    /// The credential's lane.
    fn lane(&self) -> LaneKey;

    /// The request for `slice` of `stream`; `cursor` is what the step before named.
    ///
    /// # Errors
    /// [`Fault::Refused`] where the slice is none that this source knows.
    fn ask(&self, stream: &str, slice: &Slice, cursor: Option<&Cursor>) -> Result<Request, Fault>;

    /// Reads the answer to that request.
    ///
    /// # Errors
    /// [`Fault::Refused`] where the stream is none that this source knows.
    fn reader(&self, stream: &str, slice: &Slice, cursor: Option<&Cursor>) -> Result<Box<dyn Reader<R>>, Fault>;

    /// Reads a file of `stream`'s rows that came another way: by mail, or by hand. It is fed as a good answer's body.
    ///
    /// # Errors
    /// [`Fault::Refused`] where the vendor makes no such files, or the stream is none that this source knows.
    fn file_reader(&self, stream: &str) -> Result<Box<dyn Reader<R>>, Fault> {
        Err(Fault::Refused(format!("{} makes no files that could be read for {stream:?}", self.vendor())))
    }

    /// Reads a webhook that was posted for the account, and says whether to believe it. In constant time where it compares
    /// secrets.
    ///
    /// # Errors
    /// Why it is not taken.
    fn webhook(&self, _webhook: &Webhook<'_>) -> Result<Vec<WebhookEvent<R>>, WebhookFault> {
        Err(WebhookFault::Unsupported)
    }

    /// Where the vendor's mails arrive, for one that answers by mail.
    fn mailbox(&self) -> Option<&Mailbox> {
        None
    }

    /// When the credential ends, where it says so itself.
    fn credential_ends(&self) -> Option<DateTime<Utc>> {
        None
    }
}

/// Where a vendor's mails arrive.
#[derive(Clone, Debug)]
pub struct Mailbox {
    /// `maildir:/path`, `imap://user@host/FOLDER` or `imaps://…`; holds no secret.
    pub address: String,
    /// The mailbox's password, where it needs one.
    pub password: Option<SecretString>,
    /// Whom to trust besides everybody's authorities: a file of certificates.
    pub ca_file: Option<String>,
    /// How often to look.
    pub interval: Duration,
}

/// One thing an account offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Its name, unique within the account.
    pub name: String,
    /// The table its rows go to.
    pub table: &'static str,
    /// The column of that table by which the vendor files rows, in UTC.
    pub at: &'static str,
    /// The column of that table that holds the stream's name, where several streams share the table.
    pub partition: Option<&'static str>,
}

/// Where one is within a slice. It may hold what the vendor gave out for a while, such as a signed address.
#[derive(Clone, PartialEq, Eq)]
pub struct Cursor(pub String);

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cursor(…)")
    }
}

/// A request to send. Header values are secrets, whatever they hold, and so is the part of the address after `?`.
#[derive(Clone)]
pub struct Request {
    /// How.
    pub method: Method,
    /// Where to.
    pub url: String,
    /// Header names and values.
    pub headers: Vec<(String, SecretString)>,
    /// What is sent along, as JSON.
    pub body: Option<String>,
}

/// How to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// For what is there.
    Get,
    /// For what has to be made first.
    Post,
}

impl Request {
    /// For what is at `url`.
    #[must_use]
    pub fn get(url: String, headers: Vec<(String, SecretString)>) -> Self {
        Self { method: Method::Get, url, headers, body: None }
    }

    /// With a body of JSON.
    #[must_use]
    pub fn post(url: String, headers: Vec<(String, SecretString)>, body: String) -> Self {
        Self { method: Method::Post, url, headers, body: Some(body) }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.url.split('?').next().unwrap_or_default();
        f.debug_struct("Request").field("method", &self.method).field("address", &address).finish_non_exhaustive()
    }
}

/// The first lines of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The HTTP status.
    pub status: u16,
    /// What `Retry-After` said, whether in seconds or as a date.
    pub retry_after: Option<Duration>,
}

/// Reads one reply, chunk by chunk, in bounded memory.
pub trait Reader<R>: Send {
    /// Takes the next chunk of the body.
    ///
    /// # Errors
    /// As soon as the body cannot become a good answer any more.
    fn feed(&mut self, head: Head, chunk: &[u8]) -> Result<(), Fault>;

    /// Some of the rows read so far, in a batch of bounded size; call until `None`.
    fn take(&mut self) -> Option<R>;

    /// The body is over.
    ///
    /// # Errors
    /// Where it was a refusal, or was cut off, or had an unknown shape.
    fn finish(&mut self, head: Head) -> Result<ResponseSummary, Fault>;
}

/// What one reply held besides its rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseSummary {
    /// How many rows the vendor sent, kept aside ones included.
    pub rows: u64,
    /// Rows that could not be read.
    pub rejects: Vec<Reject>,
    /// What is worth claiming next.
    pub items: Vec<Item>,
    /// Where to go on, if this was not all.
    pub cursor: Option<Cursor>,
    /// Whether the vendor has taken the question and will answer by another way, such as a mail.
    pub awaited: bool,
    /// What was asked for by its key.
    pub item_status: Option<ItemStatus>,
}

/// A row that could not be read, kept aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// Why.
    pub reason: String,
    /// The row as it came.
    pub raw: String,
}
