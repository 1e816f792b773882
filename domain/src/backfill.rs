//! Backfills: an operator's orders to fetch a past window.

use crate::coverage::Coverage;
use crate::rules::Rules;
use crate::spans::Spans;
use crate::window::Window;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Which parts of the window to fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Only windows that are not held; nothing is fetched twice.
    Missing,
    /// Fetches the whole window, the held part included.
    All,
}

/// The state of a backfill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Progress {
    /// The planner adds jobs for it.
    Running,
    /// An operator paused it.
    Paused,
    /// Every window was answered in full.
    Done,
    /// An operator cancelled it; rows that were stored stay.
    Cancelled,
}

/// One backfill of one stream. A row of the table `backfills`.
#[derive(Clone, Debug, PartialEq)]
pub struct Backfill {
    /// The id in the table `backfills`.
    pub id: i64,
    /// The window to fetch.
    pub window: Window,
    /// Which parts of the window to fetch.
    pub mode: Mode,
    /// When the operator ordered it.
    pub ordered_at: DateTime<Utc>,
    /// The state.
    pub progress: Progress,
    /// The windows that jobs of this backfill answered in full.
    pub answered: Spans,
    /// The number of those windows.
    pub windows_done: u32,
    /// The number of items that began in the window and were read. An item that has changed and is read again counts again.
    pub items_done: u32,
    /// The number of rows in the answers for those windows and items.
    pub rows: u64,
}

impl Backfill {
    /// The windows still to fetch, oldest first. The span beyond the end in which the vendor may file late rows
    /// ([`Rules::late_filing`]) is included.
    #[must_use]
    pub fn remaining(&self, coverage: &Coverage, rules: &Rules) -> Vec<Window> {
        let needed = rules.with_late_filing(self.window);
        match self.mode {
            Mode::Missing => coverage.held().gaps(needed),
            Mode::All => self.answered.gaps(needed),
        }
    }
}
