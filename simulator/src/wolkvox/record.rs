//! What was asked, what was broken, and what is under way.

use chrono::{DateTime, NaiveDate, Utc};
use domain::clock::Clock;
use serde::Serialize;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// A rule of the vendor that a caller broke.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Breach {
    /// When.
    pub at: DateTime<Utc>,
    /// The request that broke it: [`Seen::ordinal`].
    pub ordinal: u64,
    /// Which rule.
    pub kind: Kind,
    /// What exactly; never a token.
    pub detail: String,
}

/// The rules that can be broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// No token, or one that is not good.
    BadToken,
    /// More requests under way on one token than it may have.
    Simultaneous,
    /// More calls in a local day than the operation may make.
    OverQuota,
    /// A parameter is missing or cannot be read.
    MissingParameter,
    /// A report that does not exist.
    UnknownReport,
    /// The range ends before it begins.
    Inverted,
    /// The range is longer than the vendor permits.
    RangeTooLong,
}

/// A request as the vendor saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// The how-manieth it was, from 1.
    pub ordinal: u64,
    /// When it arrived.
    pub at: DateTime<Utc>,
    /// When the vendor was through with it: worked, and sent all or lost the caller. `None` while under way.
    pub ended_at: Option<DateTime<Utc>>,
    /// Which of the good tokens it came with, by its place in the configuration.
    pub token: Option<usize>,
    /// The range as the caller wrote it, `date_ini..date_end`.
    pub asked: String,
    /// Rows answered; 0 for anything but rows, and for an answer cut off.
    pub rows: usize,
    /// How it was answered: `rows`, `capped`, `empty`, `slow`, `timeout_504`, a fault's name, or a broken rule's.
    pub outcome: &'static str,
    /// Requests under way on its token when it arrived, itself included; 0 without a good token.
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
    pub(super) calls_today: u32,
}

/// A request under way. It ends when this is dropped, or when the vendor gives it up.
pub(super) struct Slot {
    record: Arc<Record>,
    clock: Arc<dyn Clock>,
    token: Option<usize>,
    place: usize,
    ended: CancellationToken,
}

#[derive(Debug, Default)]
struct Pages {
    seen: Vec<Seen>,
    breaches: Vec<Breach>,
    under_way: HashMap<usize, u32>,
    most: u32,
    today: Option<NaiveDate>,
    calls_today: u32,
    maintenance_left: u32,
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

    pub(super) fn calls_today(&self) -> u32 {
        self.pages().calls_today
    }

    /// Writes down that a request came, on `token` and on `day` in the vendor's zone.
    pub(super) fn arrive(
        self: &Arc<Self>,
        clock: &Arc<dyn Clock>,
        (at, day): (DateTime<Utc>, NaiveDate),
        token: Option<usize>,
        asked: String,
    ) -> (Arrival, Slot) {
        let mut pages = self.pages();
        if pages.today != Some(day) {
            pages.today = Some(day);
            pages.calls_today = 0;
        }
        let mut in_flight = 0;
        if let Some(token) = token {
            // "Daily quota, shared by all tokens of the operation; each call costs exactly 1 whatever it returns".
            pages.calls_today += 1;
            let under_way = pages.under_way.entry(token).or_default();
            *under_way += 1;
            in_flight = *under_way;
        }
        pages.most = pages.most.max(in_flight);
        let place = pages.seen.len();
        let ordinal = u64::try_from(place).unwrap_or(u64::MAX).saturating_add(1);
        pages.seen.push(Seen { ordinal, at, ended_at: None, token, asked, rows: 0, outcome: "", in_flight });
        let arrival = Arrival { ordinal, at, in_flight, calls_today: pages.calls_today };
        drop(pages);
        let ended = CancellationToken::new();
        (arrival, Slot { record: Arc::clone(self), clock: Arc::clone(clock), token, place, ended })
    }

    /// Writes down the rules that a request broke.
    pub(super) fn broken(&self, arrival: Arrival, rules: &[(Kind, String)]) {
        let Arrival { at, ordinal, .. } = arrival;
        let breaches = rules.iter().map(|(kind, detail)| Breach { at, ordinal, kind: *kind, detail: detail.clone() });
        self.pages().breaches.extend(breaches);
    }

    /// Begins a maintenance of `calls` calls.
    pub(super) fn maintain(&self, calls: u32) {
        self.pages().maintenance_left = calls;
    }

    /// Whether this call falls into a maintenance; counts it.
    pub(super) fn maintained(&self) -> bool {
        let mut pages = self.pages();
        let left = pages.maintenance_left;
        pages.maintenance_left = left.saturating_sub(1);
        left > 0
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// Writes down how its request is answered.
    pub(super) fn answered(&self, outcome: &'static str, rows: usize) {
        if let Some(seen) = self.record.pages().seen.get_mut(self.place) {
            seen.outcome = outcome;
            seen.rows = rows;
        }
    }

    /// Whether it has ended.
    pub(super) fn is_over(&self) -> bool {
        self.ended.is_cancelled()
    }

    /// Gives it up after `left`, where it has not ended by then: a caller who stops reading does not keep the
    /// vendor busy for ever.
    pub(super) fn give_up_after(&self, left: Duration) -> impl Future<Output = ()> + use<> {
        let twin = Self {
            record: Arc::clone(&self.record),
            clock: Arc::clone(&self.clock),
            token: self.token,
            place: self.place,
            ended: self.ended.clone(),
        };
        async move {
            let _ = tokio::time::timeout(left, twin.ended.cancelled()).await;
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let now = self.clock.now();
        let mut pages = self.record.pages();
        if self.ended.is_cancelled() {
            return;
        }
        self.ended.cancel();
        if let Some(under_way) = self.token.and_then(|token| pages.under_way.get_mut(&token)) {
            *under_way = under_way.saturating_sub(1);
        }
        if let Some(seen) = pages.seen.get_mut(self.place) {
            seen.ended_at = Some(now);
        }
    }
}
