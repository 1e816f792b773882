//! An operator's order to ask for a past span.

use crate::coverage::Coverage;
use crate::rules::Rules;
use crate::spans::Spans;
use crate::window::Window;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Which parts of the span to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Only what is not held: nothing is asked twice.
    Missing,
    /// Everything once more.
    All,
}

/// How far along it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Progress {
    /// Being worked on.
    Running,
    /// Held back by a person.
    Paused,
    /// Every window was answered in full.
    Done,
    /// Ended by a person; what was answered stays.
    Cancelled,
}

/// One backfill of one stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Backfill {
    /// Its id in the ledger.
    pub id: i64,
    /// What to ask for.
    pub window: Window,
    /// Which parts of it.
    pub mode: Mode,
    /// When it was ordered.
    pub ordered_at: DateTime<Utc>,
    /// How far along it is.
    pub progress: Progress,
    /// What was answered in full on its behalf.
    pub answered: Spans,
    /// How many windows that took.
    pub windows_done: u32,
    /// How many rows came with them.
    pub rows: u64,
}

impl Backfill {
    /// What it still has to ask for, oldest first: what may have been filed later than it happened is asked for too.
    #[must_use]
    pub fn remaining(&self, coverage: &Coverage, rules: &Rules) -> Vec<Window> {
        let needed = Window::new(self.window.from(), self.window.to() + rules.late_filing).unwrap_or(self.window);
        match self.mode {
            Mode::Missing => coverage.held().gaps(needed),
            Mode::All => self.answered.gaps(needed),
        }
    }
}
