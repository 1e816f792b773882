//! Something that an answer or a webhook names, and that is worth asking for by itself.

use crate::want::Slice;
use crate::window::Window;
use chrono::{DateTime, Utc};

/// A slice to ask for next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lead {
    /// What to ask for.
    pub slice: Slice,
    /// The stretch that is not known in full before that is answered: the instant at which a process began, or all that a
    /// list of pages is asked for.
    pub of: Window,
    /// The version of it that was named. What is stored in this state or a later one, and at its end, need not be asked
    /// for again.
    pub seen: Option<DateTime<Utc>>,
}
