//! Budgets of an exchange: how much one list may read before its window is cut, so that live work never waits long for a slot.

use crate::rules::Rules;
use std::time::Duration;

/// The most that one exchange of a list reads. A source without lists has no budget, because nothing else has many pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExchangeBudget {
    /// The most requests.
    pub pages: u64,
    /// The most bytes of all bodies, after decompression.
    pub bytes: u64,
    /// The longest time from the first request to the last byte.
    pub time: Duration,
    /// The most items that the pages name.
    pub items: u64,
}

/// What an exchange has read so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExchangeUsage {
    /// The number of requests.
    pub pages: u64,
    /// The bytes of all bodies, after decompression.
    pub bytes: u64,
    /// The time since the first request.
    pub time: Duration,
    /// The number of items that the pages named.
    pub items: u64,
}

/// The most pages of a list.
const MOST_PAGES: u64 = 100;
/// The most bytes of a list. Its pages are parsed one by one, but their items are held until the commit.
const MOST_BYTES: u64 = 64 << 20;
/// The longest time for a list, unless the account's `timeout` is shorter.
const LONGEST: Duration = Duration::from_secs(20);
/// The most items, as a multiple of the number that a list should name.
const ITEMS_FACTOR: u64 = 2;

impl ExchangeBudget {
    /// The budget of a list under `rules`; `None` if the vendor's answers name no items.
    #[must_use]
    pub fn of(rules: &Rules) -> Option<Self> {
        rules.items_per_list.map(|items| Self {
            pages: MOST_PAGES,
            bytes: MOST_BYTES,
            time: LONGEST.min(rules.timeout),
            items: items.saturating_mul(ITEMS_FACTOR),
        })
    }

    /// Whether the exchange has used up one of its budgets.
    #[must_use]
    pub fn is_spent(&self, usage: &ExchangeUsage) -> bool {
        usage.pages >= self.pages || usage.bytes >= self.bytes || usage.time >= self.time || usage.items >= self.items
    }
}
