//! Items: what a list or a webhook names and a job of its own fetches.

use crate::slice::Slice;
use crate::window::Window;
use chrono::{DateTime, TimeDelta, Utc};

/// A partition or an item that a list or a webhook names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What to fetch.
    pub slice: Slice,
    /// The window in which the item began. Until the item is fetched this window is not complete. `None` if the vendor
    /// does not say; then no day waits for the item.
    pub scope: Option<Window>,
    /// The item's version, as the list or webhook states it. An ended item that was fetched in this version or a later
    /// one needs no further fetch. A webhook without a version asks for one.
    pub seen_version: Option<DateTime<Utc>>,
    /// Whether the list or webhook says that the item has ended. The item's own answer may not say so.
    pub has_ended: bool,
}

/// How far a version may lie in the future, because the vendor's clock may be ahead.
const MAX_AHEAD: TimeDelta = TimeDelta::hours(1);

/// The version to store of an item for which the vendor states `version`. A version that lies more than an hour in the
/// future would hide all later changes, so the end of the current hour takes its place: one that a list repeats is news
/// once an hour at most.
#[must_use]
pub fn capped_version(version: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
    if version <= now + MAX_AHEAD {
        return version;
    }
    let hour = MAX_AHEAD.num_seconds();
    let end = (now.timestamp().div_euclid(hour) + 1) * hour;
    DateTime::from_timestamp(end, 0).unwrap_or(now)
}

/// The items that an answer or a webhook names and that need a fetch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamedItems {
    /// Items that were never fetched to their end.
    pub first_fetch: Vec<Item>,
    /// Items that were fetched to their end and are fetched once more. Their stored rows stay valid until then.
    pub refetch: Vec<Item>,
}

impl NamedItems {
    /// Whether no item needs a fetch.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.first_fetch.is_empty() && self.refetch.is_empty()
    }

    /// The number of items that need a fetch.
    #[must_use]
    pub fn len(&self) -> usize {
        self.first_fetch.len() + self.refetch.len()
    }
}

impl From<Vec<Item>> for NamedItems {
    fn from(first_fetch: Vec<Item>) -> Self {
        Self { first_fetch, refetch: Vec::new() }
    }
}

/// The state of one item, as its own answer gives it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ItemStatus {
    /// The version that was fetched, if the vendor states one.
    pub version: Option<DateTime<Utc>>,
    /// The last instant at which the item may still change; the worker fetches it repeatedly until then. `None` if the
    /// item has ended.
    pub open_until: Option<DateTime<Utc>>,
    /// When to fetch an ended item once more, if the vendor may still correct it.
    pub recheck_at: Option<DateTime<Utc>>,
}
