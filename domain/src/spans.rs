//! A set of instants, stored as windows that never touch.

use crate::window::Window;
use chrono::{DateTime, Utc};

/// Sorted windows with a gap between every two. The order and repetition of additions do not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spans(Vec<Window>);

impl Spans {
    /// The windows, oldest first.
    #[must_use]
    pub fn windows(&self) -> &[Window] {
        &self.0
    }

    /// Whether the set is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds `window` and joins windows that then touch.
    pub fn add(&mut self, window: Window) {
        let first = self.0.partition_point(|held| held.to() < window.from());
        let last = self.0.partition_point(|held| held.from() <= window.to());
        let from = self.0.get(first).map_or(window.from(), |held| held.from().min(window.from()));
        let to =
            last.checked_sub(1).and_then(|at| self.0.get(at)).map_or(window.to(), |held| held.to().max(window.to()));
        if let Some(joined) = Window::new(from.min(window.from()), to.max(window.to())) {
            self.0.splice(first..last.max(first), [joined]);
        }
    }

    /// The parts of `window` outside the set, oldest first.
    #[must_use]
    pub fn gaps(&self, window: Window) -> Vec<Window> {
        window.minus(self.0.iter().copied())
    }

    /// The parts of `window` inside the set, oldest first.
    #[must_use]
    pub fn within(&self, window: Window) -> Vec<Window> {
        self.0.iter().filter_map(|held| held.intersect(&window)).collect()
    }

    /// Whether the set contains all of `window`.
    #[must_use]
    pub fn covers(&self, window: Window) -> bool {
        self.0.iter().any(|held| held.covers(&window))
    }

    /// Whether the set contains the instant `at`.
    #[must_use]
    pub fn contains(&self, at: DateTime<Utc>) -> bool {
        self.0.iter().any(|held| held.contains(at))
    }

    /// The end of the gapless span that contains `from`; `from` itself if the set does not contain it.
    #[must_use]
    pub fn reach(&self, from: DateTime<Utc>) -> DateTime<Utc> {
        self.0.iter().find(|held| held.contains(from)).map_or(from, Window::to)
    }
}

impl FromIterator<Window> for Spans {
    fn from_iter<I: IntoIterator<Item = Window>>(windows: I) -> Self {
        let mut spans = Self::default();
        windows.into_iter().for_each(|window| spans.add(window));
        spans
    }
}
