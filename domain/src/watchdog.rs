//! Says which loops of a process are stuck: each loop announces how long it may take until it moves again.

use std::time::Duration;

/// Watches the loops of a process. `cli` hands one to each loop, as it does with the clock.
pub trait Watchdog: Send + Sync {
    /// Begins to watch a loop. The watch ends when the result is dropped. `name` is shown to operators and in metrics, so
    /// that it must come from a closed set.
    fn watch(&self, name: &'static str) -> Box<dyn Progress>;
}

/// The progress of one loop.
pub trait Progress: Send + Sync {
    /// Notes that the loop has moved, and that it will note so again within `longest`. The watchdog adds the time that the
    /// database may take.
    fn expect_within(&self, longest: Duration);

    /// Notes that the loop has moved, and that it now waits for other loops that are watched.
    fn rest(&self);
}

/// The progress of a loop that nothing watches: one of a command, or of a test.
#[derive(Clone, Copy, Debug)]
pub struct Unwatched;

impl Watchdog for Unwatched {
    fn watch(&self, _: &'static str) -> Box<dyn Progress> {
        Box::new(Self)
    }
}

impl Progress for Unwatched {
    fn expect_within(&self, _: Duration) {}

    fn rest(&self) {}
}

/// The last movement of one loop, by a monotonic clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Movement {
    /// The loop's name.
    pub name: &'static str,
    /// When the loop moved.
    pub at: Duration,
    /// How long the loop may take until it moves again; `None` while it waits for other loops.
    pub longest: Option<Duration>,
}

/// A loop that has not moved for longer than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StuckLoop {
    /// The loop's name.
    pub name: &'static str,
    /// The time since the loop moved.
    pub since: Duration,
}

/// The loops that have not moved for longer than they may, the longest first. A name that several loops have comes once.
#[must_use]
pub fn stuck_loops(movements: impl IntoIterator<Item = Movement>, now: Duration) -> Vec<StuckLoop> {
    let mut stuck: Vec<StuckLoop> = movements
        .into_iter()
        .map(|moved| (moved, now.saturating_sub(moved.at)))
        .filter(|(moved, since)| moved.longest.is_some_and(|longest| *since > longest))
        .map(|(moved, since)| StuckLoop { name: moved.name, since })
        .collect();
    stuck.sort_by_key(|stuck| (std::cmp::Reverse(stuck.since), stuck.name));
    let mut names = std::collections::BTreeSet::new();
    stuck.retain(|stuck| names.insert(stuck.name));
    stuck
}
