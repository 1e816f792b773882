//! Something that an answer or a webhook names, and that is worth asking for by itself; and what came of asking.

use crate::job::Slice;
use crate::window::Window;
use chrono::{DateTime, Utc};

/// A slice to ask for next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What to ask for.
    pub slice: Slice,
    /// The instant at which it began, where that is not known all that could be: this stretch is not known in full before
    /// the slice is answered. `None` where nobody knows, and no day is to wait for it.
    pub scope: Option<Window>,
    /// The version of it that was named. What was heard in this version or a later one, and at its end, need not be asked
    /// for again.
    pub seen_version: Option<DateTime<Utc>>,
    /// Whether it is said to be at its end, which its own answer may not tell.
    pub has_ended: bool,
}

/// What an answer names that is worth asking for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamedItems {
    /// What nobody has asked for to its end.
    pub first: Vec<Item>,
    /// What was heard to its end before, and is worth asking for once more: what is held of it stays good until then.
    pub again: Vec<Item>,
}

impl NamedItems {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.first.is_empty() && self.again.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.first.len() + self.again.len()
    }
}

impl From<Vec<Item>> for NamedItems {
    fn from(first: Vec<Item>) -> Self {
        Self { first, again: Vec::new() }
    }
}

/// One thing that was asked for by its key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ItemStatus {
    /// The version of it that was heard, where it tells one.
    pub version: Option<DateTime<Utc>>,
    /// Until when it may still change: it is asked for again and again until then. `None` where it is at its end.
    pub open_until: Option<DateTime<Utc>>,
    /// When to look at it once more, though it is at its end.
    pub look_again: Option<DateTime<Utc>>,
}
