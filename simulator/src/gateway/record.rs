//! What was asked, what was broken, and what is under way.

use super::Arrival;
use super::limit::{Limits, Meter, Over};
use chrono::{DateTime, Utc};
use domain::clock::Clock;
use serde::Serialize;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A rule of the vendor that a caller broke.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Breach {
    /// When.
    pub at: DateTime<Utc>,
    /// The request that broke it: [`Seen::ordinal`]; for an answer to a webhook the number of its delivery.
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
    /// No key, or one that is not good.
    BadKey,
    /// More requests a second than permitted.
    Rate,
    /// More requests under way than permitted.
    Width,
    /// Asked again before `Retry-After` was over.
    Early,
    /// A parameter that cannot be read, is out of its range, or is missing.
    BadParameter,
    /// A path that does not exist.
    UnknownRoute,
    /// A webhook answered too late, with another status than 2xx, or with something other than it must be.
    BadReply,
}

/// A request as the vendor saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// The how-manieth it was, from 1.
    pub ordinal: u64,
    /// When it arrived.
    pub at: DateTime<Utc>,
    /// When the vendor was through with it. `None` while under way.
    pub ended_at: Option<DateTime<Utc>>,
    /// Which of the good keys it came with, by its place in the configuration.
    pub key: Option<usize>,
    /// Its path and query.
    pub path: String,
    /// Rows answered; 0 for anything but rows, and for an answer cut off.
    pub rows: usize,
    /// The HTTP status.
    pub status: u16,
    /// How it was answered: what was asked for, `unknown`, `crossed`, a fault's name, or a broken rule's.
    pub outcome: &'static str,
    /// Requests under way on its key when it arrived, itself included; 0 without a good key.
    pub in_flight: u32,
}

/// Everything that is recorded.
#[derive(Debug, Default)]
pub(crate) struct Record {
    pages: Mutex<Pages>,
}

/// A request under way. It ends when this is dropped.
pub(super) struct Slot {
    record: Arc<Record>,
    clock: Arc<dyn Clock>,
    key: Option<usize>,
    place: usize,
}

#[derive(Debug, Default)]
struct Pages {
    seen: Vec<Seen>,
    breaches: Vec<Breach>,
    keys: HashMap<usize, Account>,
    most: u32,
}

#[derive(Debug, Default)]
struct Account {
    under_way: u32,
    meter: Meter,
}

impl Record {
    pub(crate) fn breaches(&self) -> Vec<Breach> {
        self.pages().breaches.clone()
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.pages().seen.clone()
    }

    /// How many requests are so.
    pub(crate) fn count(&self, is_so: impl Fn(&Seen) -> bool) -> usize {
        self.pages().seen.iter().filter(|seen| is_so(seen)).count()
    }

    pub(crate) fn most_in_flight(&self) -> u32 {
        self.pages().most
    }

    /// Writes down that a rule was broken.
    pub(crate) fn broken(&self, Arrival { ordinal, at }: Arrival, kind: Kind, detail: String) {
        self.pages().breaches.push(Breach { at, ordinal, kind, detail });
    }

    /// Writes down that a request came, and says whether it is held back. It counts as under way until its slot ends.
    pub(super) fn arrive(
        self: &Arc<Self>,
        clock: &Arc<dyn Clock>,
        key: Option<usize>,
        path: String,
        limits: &Limits,
    ) -> (Arrival, Option<Over>, Slot) {
        let (at, elapsed) = (clock.now(), clock.elapsed());
        let mut pages = self.pages();
        let place = pages.seen.len();
        let ordinal = u64::try_from(place).unwrap_or(u64::MAX).saturating_add(1);
        let (mut in_flight, mut over) = (0, None);
        if let Some(key) = key {
            let account = pages.keys.entry(key).or_default();
            account.under_way += 1;
            in_flight = account.under_way;
            over = account.meter.take(elapsed, in_flight, limits);
        }
        pages.most = pages.most.max(in_flight);
        pages.seen.push(Seen { ordinal, at, ended_at: None, key, path, rows: 0, status: 0, outcome: "", in_flight });
        drop(pages);
        let slot = Slot { record: Arc::clone(self), clock: Arc::clone(clock), key, place };
        (Arrival { ordinal, at }, over, slot)
    }

    /// Tells a key to wait, which it learns `later`; how long, in whole seconds.
    pub(super) fn shut(&self, key: usize, at: Duration, later: Duration, wait: Duration) -> Duration {
        self.pages().keys.entry(key).or_default().meter.shut(at, later, wait)
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// Writes down how its request is answered.
    pub(super) fn answered(&self, status: u16, outcome: &'static str, rows: usize) {
        if let Some(seen) = self.record.pages().seen.get_mut(self.place) {
            seen.status = status;
            seen.outcome = outcome;
            seen.rows = rows;
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let now = self.clock.now();
        let mut pages = self.record.pages();
        if let Some(account) = self.key.and_then(|key| pages.keys.get_mut(&key)) {
            account.under_way = account.under_way.saturating_sub(1);
        }
        if let Some(seen) = pages.seen.get_mut(self.place) {
            seen.ended_at = Some(now);
        }
    }
}

impl Kind {
    /// Its name in the record of requests.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::BadKey => "bad_key",
            Self::Rate => "rate",
            Self::Width => "width",
            Self::Early => "early",
            Self::BadParameter => "bad_parameter",
            Self::UnknownRoute => "unknown_route",
            Self::BadReply => "bad_reply",
        }
    }
}
