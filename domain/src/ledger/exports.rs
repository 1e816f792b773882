//! Exports that the vendor sends by mail, for windows that are too dense for any answer.

use super::Ledger;
use crate::job::{Job, JobState, Purpose};
use crate::rules::Rules;
use crate::slice::Slice;
use crate::window::Window;
use chrono::{DateTime, TimeDelta, Utc};

impl Ledger {
    /// Replaces the job at index `at` by an export. It teaches nothing: a full window that cannot be cut predicts
    /// nothing about the others.
    pub(super) fn replace_by_export(&mut self, at: usize, rules: &Rules, now: DateTime<Utc>) {
        let Some(window) = self.jobs.get(at).and_then(|job| job.slice.window()) else {
            return self.postpone(at, now, |job| job.failures += 1);
        };
        let Job { purpose, .. } = self.jobs.swap_remove(at);
        self.add_export(purpose, window, rules, now);
    }

    /// Adds an export of the whole units around `window`, due when they are over. A live window becomes
    /// [`Purpose::Settle`], so that the live sync continues after it.
    pub(super) fn add_export(&mut self, purpose: Purpose, window: Window, rules: &Rules, now: DateTime<Utc>) {
        let purpose = if purpose == Purpose::Live { Purpose::Settle } else { purpose };
        let mut whole = rules.expand(window);
        // One mail serves every purpose. With two requests for the same days a mail could not be matched to either.
        let covers = |other: &Job| matches!(other.slice, Slice::Export(wider) if wider.covers(&whole));
        if self.jobs.iter().any(covers) {
            return;
        }
        while let Some((at, adjacent)) = self.adjacent_export(purpose, whole) {
            self.jobs.swap_remove(at);
            whole = whole.hull(&adjacent);
        }
        // A window that is held already is exported once more, when it no longer changes.
        let settle = if self.coverage.held().covers(whole) { rules.settle } else { TimeDelta::zero() };
        let due = now.max(whole.to() + settle);
        self.jobs.push(Job::new(purpose, Slice::Export(whole), due, self.forecast_for(purpose).duration(window)));
    }

    /// An export next to `window` that no worker has requested yet, with its index. Both can come in one mail, which
    /// saves time: the vendor makes one export at a time. An export that was dispatched is left alone: a worker may
    /// have requested it before it crashed, and the mail must not answer for more.
    fn adjacent_export(&self, purpose: Purpose, window: Window) -> Option<(usize, Window)> {
        let is_free = |job: &Job| matches!(job.state, JobState::Waiting) && job.attempt == 0;
        self.jobs.iter().enumerate().find_map(|(at, other)| match other.slice {
            Slice::Export(adjacent) if other.purpose == purpose && is_free(other) && adjacent.touches(&window) => {
                Some((at, adjacent))
            }
            _ => None,
        })
    }
}
