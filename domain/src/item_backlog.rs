//! The open items of a stream, summed over spans of time. Reports and the planner need sums, never single items, so that
//! their cost does not grow with the number of items.

use crate::window::Window;

/// The open items of a stream in buckets of time, oldest first. Storage computes it with one query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ItemBacklog {
    /// The buckets; their windows may overlap where items began in longer windows.
    pub buckets: Vec<ItemBucket>,
}

/// The open items that began in one span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ItemBucket {
    /// From the start of the first item's window to the end of the last item's window.
    pub window: Window,
    /// The same for items that no worker has read since a list or a webhook named them.
    pub unread: Option<Window>,
    /// The same for those unread items of which no earlier answer is stored either.
    pub missing: Option<Window>,
    /// The same for items that wait for an operator.
    pub blocked: Option<Window>,
    /// The number of items by state.
    pub counts: ItemCounts,
}

/// Numbers of open items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ItemCounts {
    /// Items that no worker has read since a list or a webhook named them, without the parked ones.
    pub unread: u64,
    /// The unread items whose fetch has never failed.
    pub untried: u64,
    /// Items that were read and have not ended.
    pub open: u64,
    /// Items that wait for an operator.
    pub parked: u64,
    /// The most failures in a row of any of them.
    pub failures: u32,
}

impl ItemBacklog {
    /// The windows of all open items.
    pub fn windows(&self) -> impl Iterator<Item = Window> {
        self.buckets.iter().map(|bucket| bucket.window)
    }

    /// The windows of items that no worker has read since they were named.
    pub fn unread(&self) -> impl Iterator<Item = Window> {
        self.buckets.iter().filter_map(|bucket| bucket.unread)
    }

    /// The windows of items of which no answer is stored.
    pub fn missing(&self) -> impl Iterator<Item = Window> {
        self.buckets.iter().filter_map(|bucket| bucket.missing)
    }

    /// The windows of items that wait for an operator.
    pub fn blocked(&self) -> impl Iterator<Item = Window> {
        self.buckets.iter().filter_map(|bucket| bucket.blocked)
    }

    /// The number of items in each state.
    #[must_use]
    pub fn total(&self) -> ItemCounts {
        sum(self.buckets.iter())
    }

    /// The number of items in each state that began in `window`, give or take one bucket.
    #[must_use]
    pub fn within(&self, window: Window) -> ItemCounts {
        sum(self.buckets.iter().filter(|bucket| bucket.window.intersect(&window).is_some()))
    }
}

fn sum<'a>(buckets: impl Iterator<Item = &'a ItemBucket>) -> ItemCounts {
    buckets.fold(ItemCounts::default(), |sum, bucket| ItemCounts {
        unread: sum.unread + bucket.counts.unread,
        untried: sum.untried + bucket.counts.untried,
        open: sum.open + bucket.counts.open,
        parked: sum.parked + bucket.counts.parked,
        failures: sum.failures.max(bucket.counts.failures),
    })
}
