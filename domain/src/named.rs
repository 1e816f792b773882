//! What is asked for by name: things that a list or a webhook names, and that a day waits for.

use crate::backfill::Mode;
use crate::coverage::Coverage;
use crate::item::{Item, NamedItems};
use crate::job::{Job, Purpose, Slice};
use crate::ledger::{AnswerSummary, Ledger};
use crate::rules::Rules;
use crate::spans::Spans;
use crate::window::Window;
use chrono::{DateTime, Utc};
use std::collections::HashMap;
use std::time::Duration;

impl Ledger {
    /// What is held, but for what is still asked for by itself: a list that was read in full names things of which nothing is
    /// known yet, or of which more is to come.
    #[must_use]
    pub fn known(&self) -> Coverage {
        let open: Vec<&Job> = self.jobs.iter().filter(|job| job.is_owed_by_name()).collect();
        if open.is_empty() {
            return self.coverage.clone();
        }
        let unknown = self.jobs.iter().filter_map(Job::unknown).collect();
        self.coverage.without(&unknown, &open.iter().filter_map(|job| job.concerns()).collect())
    }

    /// Where something was named that nobody has answered since.
    #[must_use]
    pub fn unread(&self) -> Spans {
        self.jobs.iter().filter_map(Job::unread).collect()
    }

    /// Since when everything that began at `of` is to be asked for once more, by the latest order that says so.
    #[must_use]
    pub fn anew_since(&self, of: Window) -> Option<DateTime<Utc>> {
        let orders = self.backfills.iter().filter(|order| order.mode == Mode::All && order.window.contains(of.from()));
        orders.map(|order| order.ordered_at).max()
    }

    /// Jobs what an answer or a webhook names. A page that is read again names the same things again: once is enough,
    /// unless the one that stands open was asked about before.
    pub fn follow(&mut self, items: &NamedItems, expected: Duration, rules: &Rules, now: DateTime<Utc>) {
        if items.is_empty() {
            return;
        }
        let before = self.known();
        // A list of parts that is read again names the same parts: what was answered in full stays good meanwhile.
        let missing_scope = |item: &Item| match &item.slice {
            Slice::Partition(_, window) => hull(before.held().gaps(*window)),
            _ => item.scope,
        };
        let named = items.first.iter().map(|item| (item, missing_scope(item)));
        let named = named.chain(items.again.iter().map(|item| (item, None)));
        let known = self.jobs.iter().enumerate().filter(|(_, job)| job.slice.is_named() && !job.is_running());
        let mut known: HashMap<Slice, usize> = known.map(|(at, job)| (job.slice.clone(), at)).collect();
        for (item, missing_scope) in named {
            let at = known.get(&item.slice).copied().or_else(|| self.beside(&item.slice, rules));
            if let Some(open) = at.and_then(|at| self.jobs.get_mut(at)) {
                open.hear_of(item, now);
                open.missing_scope = hull(open.missing_scope.into_iter().chain(missing_scope));
            } else {
                known.insert(item.slice.clone(), self.jobs.len());
                let job = Job::new(Purpose::Item, item.slice.clone(), now, expected);
                self.jobs.push(Job {
                    scope: item.scope,
                    seen_version: item.seen_version,
                    has_ended: item.has_ended,
                    missing_scope,
                    ..job
                });
            }
        }
    }

    /// The job that asks for the same part of a stretch that touches this one. Where a part fails for days, its stretches
    /// are one that waits, or one that waits for a person, and not hundreds.
    fn beside(&self, slice: &Slice, rules: &Rules) -> Option<usize> {
        let Slice::Partition(part, window) = slice else { return None };
        self.jobs.iter().position(|open| match &open.slice {
            Slice::Partition(name, other) if name == part && !open.is_running() => {
                other.touches(window) && other.hull(window).span() <= rules.longest
            }
            _ => false,
        })
    }

    /// What a list named for a backfill belongs to it: its rows count there when they come for the first time.
    pub(crate) fn credit(&mut self, at: usize, heard: Option<&AnswerSummary>) {
        let Some((job, heard)) = self.jobs.get(at).zip(heard) else { return };
        let Some(of) = job.unread() else { return };
        for backfill in self.backfills.iter_mut().filter(|backfill| backfill.window.contains(of.from())) {
            backfill.rows += heard.rows;
        }
    }

    /// What was named again while it was asked for is one with what goes on asking.
    pub(crate) fn merge(&mut self, id: i64) {
        let slice = self.jobs.iter().find(|job| job.id == id).map(|job| job.slice.clone());
        let Some(slice) = slice.filter(Slice::is_named) else { return };
        let Some(twin) = self.jobs.iter().position(|job| job.id != id && job.slice == slice && !job.is_running())
        else {
            return;
        };
        let twin = self.jobs.remove(twin);
        if let Some(job) = self.jobs.iter_mut().find(|job| job.id == id) {
            job.due = job.due.min(twin.due);
            job.scope = job.scope.or(twin.scope);
            job.seen_version = job.seen_version.max(twin.seen_version);
            job.has_ended |= twin.has_ended;
        }
    }

    /// What was named again while it was answered is asked for once more, and its answer holds meanwhile.
    pub(crate) fn hold_twin(&mut self, slice: &Slice) {
        for twin in self.jobs.iter_mut().filter(|twin| twin.slice == *slice) {
            twin.missing_scope = None;
        }
    }

    /// What is at its end is looked at once more, and no day waits for that.
    pub(crate) fn look_again(&mut self, job: &Job, heard: &AnswerSummary) {
        let due = heard.item_status.and_then(|found| found.look_again).filter(|due| *due > heard.sent_at);
        let Some(due) = due.filter(|_| self.jobs.iter().all(|open| open.slice != job.slice)) else { return };
        let again = Job::new(Purpose::Item, job.slice.clone(), due, job.expected);
        self.jobs.push(Job { seen_version: job.seen_version, has_ended: job.has_ended, ..again });
    }
}

/// One stretch from the first to the last.
fn hull(windows: impl IntoIterator<Item = Window>) -> Option<Window> {
    windows.into_iter().reduce(|one, other| one.hull(&other))
}
