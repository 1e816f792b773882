//! What was asked, what was broken, and what is under way.

use super::conversation::Version;
use chrono::{DateTime, NaiveDate, Utc};
use domain::clock::Clock;
use serde::Serialize;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio_util::task::task_tracker::TaskTrackerToken;

/// A rule of the vendor that a caller broke.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Breach {
    /// When.
    pub at: DateTime<Utc>,
    /// The request that broke it: [`Seen::ordinal`].
    pub ordinal: u64,
    /// Which rule.
    pub kind: Kind,
    /// What exactly; never a key.
    pub detail: String,
}

/// The rules that can be broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// No key, one that is not good, or one sent in the wrong way.
    BadKey,
    /// A good key with the id of another organisation.
    OtherOrganization,
    /// A header or the body is missing or cannot be read.
    Malformed,
    /// A bot that the organisation does not have.
    UnknownBot,
    /// More requests under way than the organisation may have.
    Simultaneous,
    /// A day before the retention.
    TooOld,
    /// The key, or an id, was sent to the host of the files.
    KeySentToFileHost,
    /// The address of a file that was not signed here.
    BadLink,
}

/// What was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// The list of a day's files.
    List,
    /// A file.
    Download,
}

/// A request as the vendor saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// The how-manieth it was, list calls and downloads together, from 1.
    pub ordinal: u64,
    /// When it arrived.
    pub at: DateTime<Utc>,
    /// When the last of its answer had left, or the caller was lost. `None` while under way.
    pub ended_at: Option<DateTime<Utc>>,
    /// What was called.
    pub call: Call,
    /// Of which version.
    pub version: Option<Version>,
    /// The bot asked for, where the id could be read.
    pub bot: Option<String>,
    /// The day asked for, where it could be read.
    pub day: Option<NaiveDate>,
    /// Which of the day's files, from 0; none for a list call.
    pub file: Option<u32>,
    /// The status that it was answered with.
    pub status: u16,
    /// How it was answered: `listed`, `empty`, `early`, `rows`, `expired`, `slow`, a fault's name, or a broken rule's.
    pub outcome: &'static str,
    /// Rows sent so far; 0 for anything but rows, and for an answer cut off.
    pub rows: u64,
    /// Bytes sent so far.
    pub bytes: u64,
    /// Requests under way when it arrived, itself included; 0 for a list call without a good key.
    pub in_flight: u32,
}

/// Everything that is recorded.
#[derive(Debug, Default)]
pub(super) struct Record {
    pages: Mutex<Pages>,
}

/// What the vendor knows about a request on its arrival.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    pub(super) ordinal: u64,
    pub(super) at: DateTime<Utc>,
    pub(super) in_flight: u32,
}

/// What a request asks for, as far as it can be read.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    pub(super) call: Call,
    pub(super) version: Option<Version>,
    pub(super) bot: Option<String>,
    pub(super) day: Option<NaiveDate>,
    pub(super) file: Option<u32>,
    /// Whether it counts as under way.
    pub(super) counts: bool,
}

/// A request under way. It ends when this is dropped.
pub(super) struct Slot {
    record: Arc<Record>,
    clock: Arc<dyn Clock>,
    place: usize,
    counts: bool,
    _under_way: TaskTrackerToken,
}

#[derive(Debug, Default)]
struct Pages {
    seen: Vec<Seen>,
    breaches: Vec<Breach>,
    under_way: u32,
    most: u32,
    listed: HashMap<(usize, NaiveDate), u32>,
}

impl Record {
    pub(super) fn breaches(&self) -> Vec<Breach> {
        self.pages().breaches.clone()
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.pages().seen.clone()
    }

    pub(super) fn most_in_flight(&self) -> u32 {
        self.pages().most
    }

    /// Writes down that a request came.
    pub(super) fn arrive(
        self: &Arc<Self>,
        clock: &Arc<dyn Clock>,
        under_way: TaskTrackerToken,
        subject: Subject,
    ) -> (Arrival, Slot) {
        let at = clock.now();
        let mut pages = self.pages();
        pages.under_way += u32::from(subject.counts);
        let in_flight = if subject.counts { pages.under_way } else { 0 };
        pages.most = pages.most.max(in_flight);
        let place = pages.seen.len();
        let ordinal = u64::try_from(place).unwrap_or(u64::MAX).saturating_add(1);
        let Subject { call, version, bot, day, file, counts } = subject;
        let (status, outcome, rows, bytes, ended_at) = (0, "", 0, 0, None);
        let seen =
            Seen { ordinal, at, ended_at, call, version, bot, day, file, status, outcome, rows, bytes, in_flight };
        pages.seen.push(seen);
        drop(pages);
        let slot = Slot { record: Arc::clone(self), clock: Arc::clone(clock), place, counts, _under_way: under_way };
        (Arrival { ordinal, at, in_flight }, slot)
    }

    /// Writes down the rules that a request broke.
    pub(super) fn broken(&self, arrival: Arrival, rules: &[(Kind, String)]) {
        let Arrival { at, ordinal, .. } = arrival;
        let breaches = rules.iter().map(|(kind, detail)| Breach { at, ordinal, kind: *kind, detail: detail.clone() });
        self.pages().breaches.extend(breaches);
    }

    /// Counts an answer to a list call for `bot` and `day`; tells how many came before.
    pub(super) fn listed(&self, bot: usize, day: NaiveDate) -> u32 {
        let mut pages = self.pages();
        let listed = pages.listed.entry((bot, day)).or_default();
        *listed += 1;
        *listed - 1
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// Writes down how its request is answered.
    pub(super) fn answered(&self, status: u16, outcome: &'static str) {
        if let Some(seen) = self.record.pages().seen.get_mut(self.place) {
            seen.status = status;
            seen.outcome = outcome;
        }
    }

    /// Writes down that so many rows were sent by now, and so many more bytes.
    pub(super) fn sent(&self, rows: u64, bytes: usize) {
        if let Some(seen) = self.record.pages().seen.get_mut(self.place) {
            seen.rows = rows;
            seen.bytes += u64::try_from(bytes).unwrap_or_default();
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let now = self.clock.now();
        let mut pages = self.record.pages();
        pages.under_way = pages.under_way.saturating_sub(u32::from(self.counts));
        if let Some(seen) = pages.seen.get_mut(self.place) {
            seen.ended_at = Some(now);
        }
    }
}
