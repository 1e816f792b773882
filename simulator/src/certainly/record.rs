//! What was asked, what was broken, and what is under way.

use chrono::{DateTime, NaiveDate, Utc};
use domain::clock::Clock;
use serde::Serialize;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
    /// A token that was good until it expired. It says itself when.
    ExpiredToken,
    /// More requests under way on one token than it may have.
    Simultaneous,
    /// A parameter is missing.
    MissingParameter,
    /// A parameter, or the body, cannot be read or has a value that does not exist.
    BadParameter,
    /// A bot that the token's user does not have.
    UnknownBot,
    /// `fromDate` is after `toDate`.
    Inverted,
    /// A GET for more days than the vendor permits.
    TooWide,
    /// A POST to the path without its slash.
    NoSlash,
}

/// How a request was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// For rows.
    Get,
    /// For an export.
    Post,
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
    /// Which of the good tokens it came with, by its place in the configuration.
    pub token: Option<usize>,
    /// How it was made.
    pub method: Method,
    /// `botId` as written.
    pub bot: Option<String>,
    /// `fromDate`, where it can be read.
    pub from: Option<NaiveDate>,
    /// `toDate`, where it can be read.
    pub to: Option<NaiveDate>,
    /// Rows that the question matched; 0 where the vendor did not look.
    pub matched: usize,
    /// Rows answered; 0 for anything but rows, and for an answer cut off.
    pub sent: usize,
    /// The HTTP status.
    pub status: u16,
    /// How it was answered: `rows`, `capped`, `empty`, `over_cap`, `accepted`, `busy`, `redirect`, a fault's name,
    /// or a broken rule's.
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
}

/// A request under way. It ends when this is dropped.
pub(super) struct Slot {
    record: Arc<Record>,
    clock: Arc<dyn Clock>,
    token: Option<usize>,
    place: usize,
}

#[derive(Debug, Default)]
struct Pages {
    seen: Vec<Seen>,
    breaches: Vec<Breach>,
    under_way: HashMap<usize, u32>,
    most: u32,
}

impl Seen {
    /// One of which nothing is known but how it was made.
    pub(super) fn new(at: DateTime<Utc>, method: Method) -> Self {
        Self {
            ordinal: 0,
            at,
            ended_at: None,
            token: None,
            method,
            bot: None,
            from: None,
            to: None,
            matched: 0,
            sent: 0,
            status: 0,
            outcome: "",
            in_flight: 0,
        }
    }
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

    pub(super) fn busy_count(&self) -> usize {
        self.pages().seen.iter().filter(|seen| seen.outcome == "busy").count()
    }

    /// Writes down that a request came; its ordinal and the requests in flight are filled in.
    pub(super) fn arrive(self: &Arc<Self>, clock: &Arc<dyn Clock>, mut seen: Seen) -> (Arrival, Slot) {
        let mut pages = self.pages();
        if let Some(token) = seen.token {
            let under_way = pages.under_way.entry(token).or_default();
            *under_way += 1;
            seen.in_flight = *under_way;
        }
        pages.most = pages.most.max(seen.in_flight);
        let place = pages.seen.len();
        seen.ordinal = u64::try_from(place).unwrap_or(u64::MAX).saturating_add(1);
        let arrival = Arrival { ordinal: seen.ordinal, at: seen.at, in_flight: seen.in_flight };
        let token = seen.token;
        pages.seen.push(seen);
        drop(pages);
        (arrival, Slot { record: Arc::clone(self), clock: Arc::clone(clock), token, place })
    }

    /// Writes down the rules that a request broke.
    pub(super) fn broken(&self, arrival: Arrival, rules: impl Iterator<Item = (Kind, String)>) {
        let Arrival { at, ordinal, .. } = arrival;
        let breaches = rules.map(|(kind, detail)| Breach { at, ordinal, kind, detail });
        self.pages().breaches.extend(breaches);
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// Writes down how its request is answered, and with how many of the rows that it matched.
    pub(super) fn answered(&self, status: u16, outcome: &'static str, (matched, sent): (usize, usize)) {
        if let Some(seen) = self.record.pages().seen.get_mut(self.place) {
            seen.status = status;
            seen.outcome = outcome;
            seen.matched = matched;
            seen.sent = sent;
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let now = self.clock.now();
        let mut pages = self.record.pages();
        if let Some(under_way) = self.token.and_then(|token| pages.under_way.get_mut(&token)) {
            *under_way = under_way.saturating_sub(1);
        }
        if let Some(seen) = pages.seen.get_mut(self.place) {
            seen.ended_at = Some(now);
        }
    }
}
