//! Applies the verdict on a job to the ledger.

use super::{AnswerSummary, Ledger};
use crate::job::{Job, JobState, Purpose};
use crate::judge::Verdict;
use crate::rules::Rules;
use crate::slice::Slice;
use crate::window::Window;
use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

/// The shortest live window whose answer teaches the rows per day: a poll at night predicts nothing about the morning.
const SHORTEST_SAMPLE: TimeDelta = TimeDelta::hours(12);

impl Ledger {
    /// Applies `verdict` to the job `id`; does nothing if that job no longer exists. `answer` is what was stored,
    /// `None` if nothing came back.
    pub fn settle(
        &mut self,
        id: i64,
        verdict: &Verdict,
        answer: Option<&AnswerSummary>,
        rules: &Rules,
        now: DateTime<Utc>,
    ) {
        let Some(at) = self.jobs.iter().position(|job| job.id == id) else { return };
        if let Some(job) = self.jobs.get_mut(at) {
            // The worker that brings a verdict has survived the request.
            job.lost_attempts = 0;
        }
        match verdict {
            Verdict::Commit => {
                self.credit_backfills(at, answer);
                if self.refetch(at, now) {
                    let expected = self.jobs.get(at).map_or(Duration::ZERO, |job| job.expected);
                    return answer.map_or((), |answer| self.add_items(&answer.items, expected, rules, now));
                }
                let job = self.jobs.swap_remove(at);
                if let Some(answer) = answer {
                    self.commit(&job, answer, rules, now);
                }
            }
            Verdict::Split => self.split(at, answer, rules, now),
            Verdict::Export => self.replace_by_export(at, rules, now),
            Verdict::Await(until) => {
                if let Some(job) = self.jobs.get_mut(at) {
                    // Without an answer the vendor is busy with another export, perhaps an earlier one of this account.
                    if let Some(answer) = answer {
                        job.rechecks += 1;
                        job.failures = 0;
                        job.requested_at = job.requested_at.or(Some(answer.sent_at));
                    }
                    job.state = JobState::Awaiting { until: *until };
                }
            }
            Verdict::Recheck(due) => {
                self.credit_backfills(at, answer);
                let due = if self.jobs.get(at).is_some_and(|job| job.refetch) { now.min(*due) } else { *due };
                self.postpone(at, due, |job| {
                    job.refetch = false;
                    job.rechecks += 1;
                    job.failures = 0;
                });
                let expected = self.jobs.get(at).map_or(Duration::ZERO, |job| job.expected);
                self.merge_duplicate(id);
                // A row that cannot be parsed does not devalue the named items.
                if let Some(answer) = answer {
                    self.add_items(&answer.items, expected, rules, now);
                }
            }
            Verdict::Snooze(due) => self.postpone(at, *due, |_| {}),
            Verdict::Retry(due) => self.postpone(at, *due, |job| job.failures += 1),
            Verdict::Park(reason) => {
                if let Some(job) = self.jobs.get_mut(at) {
                    job.state = JobState::Parked { reason: reason.clone() };
                }
            }
        }
    }

    /// Covers `window` with an imported file or a mail, up to the instant at which the vendor made it, and removes the jobs
    /// inside that part that no worker is running.
    pub fn hold(&mut self, window: Window, answer: &AnswerSummary, rules: &Rules, now: DateTime<Utc>) {
        self.add_items(&answer.items, Duration::ZERO, rules, now);
        self.cover(window, answer, rules);
        let Some(answered) = answered_part(window, answer, rules) else { return };
        self.jobs.retain(|job| job.is_running() || !job.slice.window().is_some_and(|slice| answered.covers(&slice)));
    }

    pub(super) fn postpone(&mut self, at: usize, due: DateTime<Utc>, change: impl FnOnce(&mut Job)) {
        if let Some(job) = self.jobs.get_mut(at) {
            job.due = due;
            job.state = JobState::Waiting;
            change(job);
        }
    }

    /// Adds what a full answer proves: the named items, the window and what it teaches.
    fn commit(&mut self, job: &Job, answer: &AnswerSummary, rules: &Rules, now: DateTime<Utc>) {
        self.add_items(&answer.items, job.expected, rules, now);
        let Some(window) = job.slice.window() else {
            self.keep_stored_rows(&job.slice);
            self.schedule_recheck(job, answer);
            return;
        };
        let answered = answered_part(window, answer, rules);
        if let Some(answered) = answered {
            self.learn(job, answered, answer, rules);
        }
        self.cover(window, answer, rules);
        self.note_unproven(job, window, answer, rules);
        if let Purpose::Backfill(id) = job.purpose
            && let Some(backfill) = self.backfills.iter_mut().find(|backfill| backfill.id == id)
        {
            if let Some(answered) = answered {
                backfill.answered.add(answered);
            }
            backfill.windows_done += 1;
            backfill.rows += answer.rows;
        }
    }

    /// Learns from a full answer for `window`, no part of which lies beyond the vendor's clock: what is to come has no rows yet.
    fn learn(&mut self, job: &Job, window: Window, answer: &AnswerSummary, rules: &Rules) {
        let scanned = rules.scanned(window, answer.sent_at);
        // Spans that are read again teach nothing new about the hours of the week.
        let fresh = self.coverage.held().gaps(scanned);
        let is_sample = job.purpose != Purpose::Live || scanned.span() >= SHORTEST_SAMPLE;
        // Named items fill a list's pages as rows do.
        let rows = answer.rows + answer.named;
        if matches!(job.slice, Slice::Export(_)) {
            // A window is exported because it is denser than all others.
        } else if is_sample {
            let expected = self.forecast_for(job.purpose).rows(scanned);
            self.learn_profile(job.purpose, answer, &fresh);
            let days = self.forecast_for(job.purpose).weights().days(scanned);
            self.teach(job.purpose, |pace| {
                pace.learn_days(days, rows, answer.elapsed);
                pace.learn_spread(expected, rows);
            });
        } else {
            if self.pace_for(job.purpose).rows_per_day.is_some() {
                self.learn_profile(job.purpose, answer, &fresh);
            }
            self.teach(job.purpose, |pace| pace.learn_time(rows, answer.elapsed));
        }
    }

    /// Leaves to the next live job what lies beyond the vendor's clock. A job of its own would ask for it again at once, and
    /// again.
    fn note_unproven(&mut self, job: &Job, window: Window, answer: &AnswerSummary, rules: &Rules) {
        if job.purpose == Purpose::Live {
            self.unproven = None;
        }
        let answered = answered_part(window, answer, rules);
        if answered != Some(window) && matches!(job.slice, Slice::Window(_)) {
            let rest = answered.map_or(window.from(), |answered| answered.to());
            self.unproven = Some(self.unproven.map_or(rest, |unproven| unproven.min(rest)));
        }
    }

    /// Marks `window` as held, up to the instant that the answer can show, and as final what lies before the horizon
    /// (that instant less the settle time). If a re-read found a change, only what lies before that change becomes final.
    fn cover(&mut self, window: Window, answer: &AnswerSummary, rules: &Rules) {
        let horizon = answer.sent_at - rules.settle;
        let settled = answer.earliest_change.map_or(horizon, |change| change.min(horizon));
        if let Some(answered) = answered_part(window, answer, rules) {
            self.coverage.hold(answered);
        }
        if let Some(settled) = whole_steps(window, settled, rules) {
            self.coverage.settle(settled);
        }
    }
}

/// The part of `window` that the answer can show: no vendor knows rows later than its own clock.
fn answered_part(window: Window, answer: &AnswerSummary, rules: &Rules) -> Option<Window> {
    if window.to() <= answer.sent_at { Some(window) } else { whole_steps(window, answer.sent_at, rules) }
}

/// The part of `window` before `end` in whole steps: the rest is requested again, so it must begin where a request can begin.
fn whole_steps(window: Window, end: DateTime<Utc>, rules: &Rules) -> Option<Window> {
    let millis = (window.to().min(end) - window.from()).num_milliseconds();
    let whole = TimeDelta::milliseconds(millis - millis.rem_euclid(rules.step.num_milliseconds().max(1)));
    Window::new(window.from(), window.from() + whole)
}
