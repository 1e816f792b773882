//! What a vendor must describe. Sans-I/O: a source says the next request and reads the next answer; it cannot send,
//! sleep, read the clock, log a secret or forget a rule.

use crate::fault::Fault;
use crate::lane::LaneKey;
use crate::rules::Rules;
use crate::want::Slice;
use chrono_tz::Tz;
use secrecy::SecretString;
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
    fn reader(&self, stream: &str, slice: &Slice) -> Result<Box<dyn Reader<R>>, Fault>;
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
}

/// Where one is within a slice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(pub String);

/// A request to send. Header values are secrets, whatever they hold.
#[derive(Debug)]
pub struct Request {
    /// Where to; holds no secret.
    pub url: String,
    /// Header names and values.
    pub headers: Vec<(String, SecretString)>,
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
    fn finish(&mut self, head: Head) -> Result<Step, Fault>;
}

/// What one reply held besides its rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// How many rows the vendor sent, kept aside ones included.
    pub rows: u64,
    /// Rows that could not be read.
    pub rejects: Vec<Reject>,
    /// Slices worth wanting next.
    pub leads: Vec<Slice>,
    /// Where to go on, if this was not all.
    pub cursor: Option<Cursor>,
}

/// A row that could not be read, kept aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// Why.
    pub reason: String,
    /// The row as it came.
    pub raw: String,
}
