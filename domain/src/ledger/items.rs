//! Jobs for items and partitions that lists and webhooks name, and the days that wait for them.

use super::{AnswerSummary, Ledger};
use crate::backfill::Mode;
use crate::coverage::Coverage;
use crate::item::{Item, NamedItems};
use crate::job::{Job, JobState, Purpose};
use crate::rules::Rules;
use crate::slice::Slice;
use crate::spans::Spans;
use crate::window::Window;
use chrono::{DateTime, Utc};
use std::collections::HashMap;
use std::time::Duration;

impl Ledger {
    /// The coverage without the windows of open item jobs: a window whose list was read in full is still missing while
    /// an item of it has never been fetched, and provisional while an item of it may change.
    #[must_use]
    pub fn effective_coverage(&self) -> Coverage {
        let open = self.jobs.iter().filter(|job| job.delays_completeness()).filter_map(Job::covered_window);
        let open: Spans = open.chain(self.items.windows()).collect();
        if open.is_empty() {
            return self.coverage.clone();
        }
        let missing = self.jobs.iter().filter_map(Job::missing_window);
        self.coverage.without(&missing.chain(self.items.missing()).collect(), &open)
    }

    /// The windows in which an item was named that has no stored answer yet.
    #[must_use]
    pub fn unread_spans(&self) -> Spans {
        self.jobs.iter().filter_map(Job::unread_window).chain(self.items.unread()).collect()
    }

    /// The number of items that no worker has tried to read yet.
    #[must_use]
    pub fn untried_items(&self) -> u64 {
        let is_untried =
            |job: &&Job| matches!(job.slice, Slice::Item(_)) && job.rechecks + job.failures == 0 && !job.is_parked();
        self.items.total().untried
            + self.jobs.iter().filter(is_untried).filter(|job| job.scope.is_some()).count() as u64
    }

    /// When the latest backfill in mode [`Mode::All`] was ordered that contains the start of `scope`: items of that
    /// window that were fetched before then are fetched again.
    #[must_use]
    pub fn refetch_since(&self, scope: Window) -> Option<DateTime<Utc>> {
        let orders =
            self.backfills.iter().filter(|order| order.mode == Mode::All && order.window.contains(scope.from()));
        orders.map(|order| order.ordered_at).max()
    }

    /// Adds a job for each named item, or updates the item's open job. While that job is running, the item is fetched once
    /// more after it, and a partition gets a second job: the fetch may have read an older state.
    pub fn add_items(&mut self, items: &NamedItems, expected: Duration, rules: &Rules, now: DateTime<Utc>) {
        if items.is_empty() {
            return;
        }
        let before = self.effective_coverage();
        // A list that is read again names the same partitions again; what they have answered before stays valid.
        let missing_scope = |item: &Item| match &item.slice {
            Slice::Partition(_, window) => hull(before.held().gaps(*window)),
            _ => item.scope,
        };
        let named = items.first_fetch.iter().map(|item| (item, missing_scope(item)));
        let named = named.chain(items.refetch.iter().map(|item| (item, None)));
        let is_mergeable = |job: &Job| matches!(job.slice, Slice::Item(_)) || job.slice.is_named() && !job.is_running();
        let open = self.jobs.iter().enumerate().filter(|(_, job)| is_mergeable(job));
        let mut index: HashMap<Slice, usize> = open.map(|(at, job)| (job.slice.clone(), at)).collect();
        for (item, missing_scope) in named {
            let at = index.get(&item.slice).copied().or_else(|| self.adjacent_partition(&item.slice, rules));
            if let Some(job) = at.and_then(|at| self.jobs.get_mut(at)) {
                job.merge_item(item, now);
                job.missing_scope = hull(job.missing_scope.into_iter().chain(missing_scope));
            } else {
                index.insert(item.slice.clone(), self.jobs.len());
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

    /// The index of an idle job for the same partition whose window touches this one. If a partition fails for days,
    /// its windows stay one job that waits or is parked, and not hundreds.
    fn adjacent_partition(&self, slice: &Slice, rules: &Rules) -> Option<usize> {
        let Slice::Partition(partition, window) = slice else { return None };
        self.jobs.iter().position(|open| match &open.slice {
            Slice::Partition(name, other) if name == partition && !open.is_running() => {
                other.touches(window) && other.hull(window).span() <= rules.longest
            }
            _ => false,
        })
    }

    /// Counts an item's first answer, and its rows, for the backfills that wait for the item.
    pub(super) fn credit_backfills(&mut self, at: usize, answer: Option<&AnswerSummary>) {
        let Some((job, answer)) = self.jobs.get(at).zip(answer) else { return };
        let Some(unread) = job.unread_window() else { return };
        for backfill in self.backfills.iter_mut().filter(|backfill| backfill.window.intersect(&unread).is_some()) {
            backfill.items_done += 1;
            backfill.rows += answer.rows;
        }
    }

    /// Makes the job at index `at`, whose answer was stored, wait for another fetch now, if its item was named during the
    /// fetch. Returns whether it was.
    pub(super) fn refetch(&mut self, at: usize, now: DateTime<Utc>) -> bool {
        let Some(job) = self.jobs.get_mut(at).filter(|job| job.refetch) else { return false };
        job.due = job.due.min(now);
        job.missing_scope = None;
        job.state = JobState::Waiting;
        job.rechecks += 1;
        job.failures = 0;
        job.refetch = false;
        true
    }

    /// Merges a second job for the same partition, added while the job `id` was running, into the job `id`.
    pub(super) fn merge_duplicate(&mut self, id: i64) {
        let slice = self.jobs.iter().find(|job| job.id == id).map(|job| job.slice.clone());
        let Some(slice) = slice.filter(Slice::is_named) else { return };
        let Some(at) = self.jobs.iter().position(|job| job.id != id && job.slice == slice && !job.is_running()) else {
            return;
        };
        let duplicate = self.jobs.remove(at);
        if let Some(job) = self.jobs.iter_mut().find(|job| job.id == id) {
            job.due = job.due.min(duplicate.due);
            job.scope = job.scope.or(duplicate.scope);
            job.seen_version = job.seen_version.max(duplicate.seen_version);
            job.has_ended |= duplicate.has_ended;
        }
    }

    /// Keeps the answer just stored valid for a second job of the same slice, added while the first was running: no
    /// window counts as missing until that job is answered.
    pub(super) fn keep_stored_rows(&mut self, slice: &Slice) {
        for job in self.jobs.iter_mut().filter(|job| job.slice == *slice) {
            job.missing_scope = None;
        }
    }

    /// Adds a job that fetches an ended item once more, if its status asks for that. No day waits for this job.
    pub(super) fn schedule_recheck(&mut self, job: &Job, answer: &AnswerSummary) {
        let due = answer.item_status.and_then(|status| status.recheck_at).filter(|due| *due > answer.sent_at);
        let Some(due) = due.filter(|_| self.jobs.iter().all(|open| open.slice != job.slice)) else { return };
        let recheck = Job::new(Purpose::Item, job.slice.clone(), due, job.expected);
        self.jobs.push(Job { seen_version: job.seen_version, has_ended: job.has_ended, ..recheck });
    }
}

/// One window from the first start to the last end; `None` if there are no windows.
fn hull(windows: impl IntoIterator<Item = Window>) -> Option<Window> {
    windows.into_iter().reduce(|joined, window| joined.hull(&window))
}
