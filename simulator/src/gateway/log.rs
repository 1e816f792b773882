//! The request log: all requests, all breaches, and the requests that are in flight.

use super::limits::{Limits, RateMeter};
use super::request::{Arrival, RequestFacts, Violation};
use super::rule::Rule;
use chrono::{DateTime, Utc};
use domain::clock::Clock;
use serde::Serialize;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// A rule of the vendor that a caller broke.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Breach {
    /// When the vendor noticed it.
    pub at: DateTime<Utc>,
    /// The request that broke it ([`RequestRecord::ordinal`]); for an answer to a webhook the number of its delivery.
    pub ordinal: u64,
    /// The rule.
    pub rule: Rule,
    /// The values that broke it; never a credential.
    pub detail: String,
}

/// One request to the vendor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RequestRecord {
    /// Its number by arrival, from 1.
    pub ordinal: u64,
    /// When it arrived.
    pub at: DateTime<Utc>,
    /// When the vendor had worked on it and had sent the last byte or lost the caller. `None` while it is in flight.
    pub ended_at: Option<DateTime<Utc>>,
    /// Method, path and parameters.
    #[serde(flatten)]
    pub facts: RequestFacts,
    /// The HTTP status.
    pub status: u16,
    /// How the vendor answered it: a word of the vendor for a regular answer, the name of a fault, or the name of a
    /// broken rule.
    pub outcome: &'static str,
    /// Rows that the query matched, before any cap; 0 where the vendor did not look.
    pub matched: usize,
    /// Rows sent; 0 for an answer that was cut off.
    pub rows: usize,
    /// Bytes of the body sent so far.
    pub bytes: u64,
    /// Requests in flight on its key when it arrived, itself included; 0 without a good key.
    pub in_flight: u32,
}

/// The log of one vendor.
#[derive(Default)]
pub(super) struct RequestLog {
    entries: Mutex<Entries>,
}

/// Holds a request in flight until it is dropped.
pub(super) struct Slot {
    log: Arc<RequestLog>,
    clock: Arc<dyn Clock>,
    index: usize,
    ended: CancellationToken,
}

#[derive(Default)]
struct Entries {
    requests: Vec<RequestRecord>,
    breaches: Vec<Breach>,
    keys: HashMap<usize, KeyUse>,
    open: HashMap<usize, OpenRequest>,
    most_in_flight: u32,
}

#[derive(Debug, Default)]
struct KeyUse {
    in_flight: u32,
    meter: RateMeter,
}

struct OpenRequest {
    key: Option<usize>,
    ended: CancellationToken,
    _in_flight: TaskTrackerToken,
}

impl RequestLog {
    pub(super) fn breaches(&self) -> Vec<Breach> {
        self.entries().breaches.clone()
    }

    pub(super) fn requests(&self) -> Vec<RequestRecord> {
        self.entries().requests.clone()
    }

    pub(super) fn most_in_flight(&self) -> u32 {
        self.entries().most_in_flight
    }

    /// Records the arrival of a request. It is in flight until its slot is dropped.
    pub(super) fn arrive(
        self: &Arc<Self>,
        clock: &Arc<dyn Clock>,
        in_flight_token: TaskTrackerToken,
        facts: RequestFacts,
        limits: Option<&Limits>,
    ) -> (Arrival, Slot) {
        let (at, elapsed) = (clock.now(), clock.elapsed());
        let mut entries = self.entries();
        let index = entries.requests.len();
        let ordinal = u64::try_from(index).unwrap_or(u64::MAX).saturating_add(1);
        let (mut in_flight, mut throttle) = (0, None);
        if let Some(key) = facts.key {
            let key = entries.keys.entry(key).or_default();
            key.in_flight += 1;
            in_flight = key.in_flight;
            throttle = limits.and_then(|limits| key.meter.admit(elapsed, in_flight, limits));
        }
        entries.most_in_flight = entries.most_in_flight.max(in_flight);
        let ended = CancellationToken::new();
        let open = OpenRequest { key: facts.key, ended: ended.clone(), _in_flight: in_flight_token };
        entries.open.insert(index, open);
        let (ended_at, status, outcome, matched, rows, bytes) = (None, 0, "", 0, 0, 0);
        let record = RequestRecord { ordinal, at, ended_at, facts, status, outcome, matched, rows, bytes, in_flight };
        entries.requests.push(record);
        drop(entries);
        let slot = Slot { log: Arc::clone(self), clock: Arc::clone(clock), index, ended };
        (Arrival { ordinal, at, in_flight, throttle }, slot)
    }

    /// Records breaches of one request or one webhook delivery.
    pub(super) fn breach<'a>(
        &self,
        (ordinal, at): (u64, DateTime<Utc>),
        rules: impl IntoIterator<Item = &'a Violation>,
    ) {
        let breaches = rules.into_iter().map(|it| Breach { at, ordinal, rule: it.rule, detail: it.detail.clone() });
        self.entries().breaches.extend(breaches);
    }

    /// Closes a key for `wait`, of which the caller learns `later`; returns the wait in whole seconds.
    pub(super) fn close_key(&self, key: usize, at: Duration, later: Duration, wait: Duration) -> Duration {
        self.entries().keys.entry(key).or_default().meter.close(at, later, wait)
    }

    fn end(&self, index: usize, now: DateTime<Utc>) {
        let mut entries = self.entries();
        let Some(open) = entries.open.remove(&index) else { return };
        open.ended.cancel();
        if let Some(key) = open.key.and_then(|key| entries.keys.get_mut(&key)) {
            key.in_flight = key.in_flight.saturating_sub(1);
        }
        if let Some(record) = entries.requests.get_mut(index) {
            record.ended_at = Some(now);
        }
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// Records how the vendor answers the request.
    pub(super) fn answer(&self, status: u16, outcome: &'static str, (matched, rows): (usize, usize)) {
        if let Some(record) = self.log.entries().requests.get_mut(self.index) {
            record.status = status;
            record.outcome = outcome;
            record.matched = matched;
            record.rows = rows;
        }
    }

    /// Adds to the rows and bytes sent.
    pub(super) fn add(&self, rows: usize, bytes: usize) {
        if let Some(record) = self.log.entries().requests.get_mut(self.index) {
            record.rows += rows;
            record.bytes += u64::try_from(bytes).unwrap_or_default();
        }
    }

    /// Whether the vendor has given the request up.
    pub(super) fn has_ended(&self) -> bool {
        self.ended.is_cancelled()
    }

    /// Gives the request up after `left`: a caller who stops reading does not keep the vendor busy for ever.
    pub(super) fn give_up_after(&self, left: Duration) -> impl Future<Output = ()> + Send + use<> {
        let (log, clock, index, ended) =
            (Arc::clone(&self.log), Arc::clone(&self.clock), self.index, self.ended.clone());
        async move {
            let _ = tokio::time::timeout(left, ended.cancelled()).await;
            log.end(index, clock.now());
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.log.end(self.index, self.clock.now());
    }
}
