//! The interface of a vendor. A source is sans-I/O: it builds the next request and parses the response; it cannot send,
//! sleep, read the clock, log a secret or bypass a rule.

use crate::fault::Fault;
use crate::item::{Item, ItemStatus};
use crate::lane::LaneKey;
use crate::mail_trust::MailPolicy;
use crate::quota::QuotaReport;
use crate::rules::Rules;
use crate::slice::Slice;
use crate::webhook::{Webhook, WebhookEvent, WebhookFault};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use secrecy::SecretString;
use std::fmt;
use std::time::Duration;

/// One account at one vendor. `R` is a batch of rows on its way to storage.
pub trait Source<R>: Send + Sync {
    /// The account's name in the settings.
    fn account(&self) -> &str;

    /// The vendor's name, such as `wolkvox`.
    fn vendor(&self) -> &'static str;

    /// The streams of the account, such as `chat_8`.
    fn streams(&self) -> Vec<Stream>;

    /// The rules in force for the account.
    fn rules(&self) -> &Rules;

    /// The account's time zone, in which its days begin and end.
    fn zone(&self) -> Tz;

    /// The key of the credential's lane.
    fn lane(&self) -> LaneKey;

    /// Builds the request for `slice` of `stream`. `cursor` is `None` for the first request, then what the previous
    /// response named.
    ///
    /// # Errors
    /// [`Fault::Refused`] if the source does not know the stream or the slice.
    fn request(&self, stream: &str, slice: &Slice, cursor: Option<&Cursor>) -> Result<Request, Fault>;

    /// A reader for the response to that request.
    ///
    /// # Errors
    /// [`Fault::Refused`] if the source does not know the stream.
    fn reader(&self, stream: &str, slice: &Slice, cursor: Option<&Cursor>) -> Result<Box<dyn Reader<R>>, Fault>;

    /// A reader for a file of the stream's rows that came by mail or import. It is fed as the body of a response with
    /// status 200.
    ///
    /// # Errors
    /// [`Fault::Refused`] if the vendor has no such files or the source does not know the stream.
    fn file_reader(&self, stream: &str) -> Result<Box<dyn Reader<R>>, Fault> {
        Err(Fault::Refused(format!("{} has no importable files for the stream {stream:?}", self.vendor())))
    }

    /// The columns whose values never change once the vendor has filed a row. A mailed file that contradicts a stored value is
    /// not believed.
    fn fixed_columns(&self) -> &'static [&'static str] {
        &[]
    }

    /// Verifies and parses a webhook that was posted for the account. Secrets are compared in constant time.
    ///
    /// # Errors
    /// Why the webhook is rejected.
    fn webhook(&self, _webhook: &Webhook<'_>) -> Result<Vec<WebhookEvent<R>>, WebhookFault> {
        Err(WebhookFault::Unsupported)
    }

    /// The mailbox that receives the vendor's mails; `None` if the vendor sends none.
    fn mailbox(&self) -> Option<&Mailbox> {
        None
    }

    /// The operation whose credentials share a daily quota, as the key of its count; `None` if a credential has its own.
    fn quota_group(&self) -> Option<LaneKey> {
        None
    }

    /// The request that asks the vendor for the daily quota; `None` if the settings state it or the vendor does not tell.
    fn quota_request(&self) -> Option<Request> {
        None
    }

    /// Reads the answer to that request; `None` if it states no quota.
    fn read_quota(&self, _head: ResponseHead, _body: &[u8]) -> Option<QuotaReport> {
        None
    }

    /// When the credential expires, if the credential itself states it.
    fn credential_expires(&self) -> Option<DateTime<Utc>> {
        None
    }
}

/// Where a vendor's mails arrive.
#[derive(Clone, Debug)]
pub struct Mailbox {
    /// `maildir:/path`, `imap://user@host/FOLDER` or `imaps://…`, without a secret.
    pub address: String,
    /// The mailbox's password, if it needs one.
    pub password: Option<SecretString>,
    /// The command, with its arguments, that prints an OAuth access token, if the mailbox needs one.
    pub token_command: Option<Vec<String>>,
    /// A PEM file of CA certificates to trust besides the system's own.
    pub ca_file: Option<String>,
    /// The time between two looks for new mails.
    pub interval: Duration,
    /// Which mails are believed.
    pub policy: MailPolicy,
}

/// One stream of an account: a report, a bot or a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// The name, unique within the account.
    pub name: String,
    /// The table that holds its rows.
    pub table: &'static str,
    /// The column, in UTC, by which the vendor files rows.
    pub at: &'static str,
    /// The column that holds the stream's name, if several streams share the table.
    pub partition: Option<&'static str>,
    /// Whether an answer for a window names all rows that the vendor files in it, so that a row which is missing is gone.
    /// The table then has the column `gone_at`.
    pub names_all_rows: bool,
}

/// The position within a slice from which the next request continues. It may hold a temporary secret, such as a signed
/// URL, so `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Cursor(pub String);

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cursor(…)")
    }
}

/// A request to send. All header values and the query of the URL are secrets, so `Debug` does not show them.
#[derive(Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The absolute URL.
    pub url: String,
    /// Header names and values.
    pub headers: Vec<(String, SecretString)>,
    /// The body, as JSON.
    pub body: Option<String>,
}

/// The HTTP method of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads a resource.
    Get,
    /// Makes the vendor produce a result.
    Post,
}

impl Request {
    /// A GET request for `url`.
    #[must_use]
    pub fn get(url: String, headers: Vec<(String, SecretString)>) -> Self {
        Self { method: Method::Get, url, headers, body: None }
    }

    /// A POST request with a body of JSON.
    #[must_use]
    pub fn post(url: String, headers: Vec<(String, SecretString)>, body: String) -> Self {
        Self { method: Method::Post, url, headers, body: Some(body) }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.url.split('?').next().unwrap_or_default();
        f.debug_struct("Request").field("method", &self.method).field("url", &url).finish_non_exhaustive()
    }
}

/// The status and the relevant headers of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseHead {
    /// The HTTP status.
    pub status: u16,
    /// The wait that the header `Retry-After` states, in seconds or as a date.
    pub retry_after: Option<Duration>,
    /// The vendor's time, as the header `Date` states it.
    pub date: Option<DateTime<Utc>>,
}

/// Parses one response, chunk by chunk, in bounded memory.
pub trait Reader<R>: Send {
    /// Parses the next chunk of the body.
    ///
    /// # Errors
    /// As soon as the body cannot become a valid answer any more.
    fn feed(&mut self, head: ResponseHead, chunk: &[u8]) -> Result<(), Fault>;

    /// The next batch of parsed rows, bounded in size; call it until `None`.
    fn take(&mut self) -> Option<R>;

    /// Ends the parsing; the body is complete.
    ///
    /// # Errors
    /// If the response was a refusal, was truncated or had an unknown shape.
    fn finish(&mut self, head: ResponseHead) -> Result<ResponseSummary, Fault>;
}

/// What one response held besides its rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseSummary {
    /// The number of rows that the vendor sent, rejected ones included.
    pub rows: u64,
    /// The rows that could not be parsed.
    pub rejects: Vec<Reject>,
    /// The items that the response names.
    pub items: Vec<Item>,
    /// Where the next request continues; `None` if this was the last response.
    pub cursor: Option<Cursor>,
    /// Whether the vendor accepted the request and sends the rows later, by mail.
    pub by_mail: bool,
    /// Whether the worker ended the exchange before the last page, because it was over its budget.
    pub is_over_budget: bool,
    /// The item's state, if the slice was one item.
    pub item_status: Option<ItemStatus>,
}

/// A row that could not be parsed. It is stored in the table `rejects`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// Why the row could not be parsed.
    pub reason: String,
    /// The row as the vendor sent it, or its beginning if the row is long or many rows could not be parsed.
    pub raw: String,
    /// A digest of the whole row. The table stores the same row once.
    pub digest: u128,
}
