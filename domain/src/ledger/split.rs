//! Replaces a job whose answer was full, or failed repeatedly, by jobs for smaller windows.

use super::{AnswerSummary, Ledger};
use crate::job::{Job, Purpose};
use crate::row_histogram::SubWindow;
use crate::rules::Rules;
use crate::slice::Slice;
use crate::spans::Spans;
use crate::window::Window;
use chrono::{DateTime, Utc};

/// The most jobs that replace one planned job when windows are cut again.
const MOST_CHUNKS: i32 = 8;

impl Ledger {
    /// Replaces the job at index `at` by smaller ones, newest first: cut where the rows of a full answer say, else in
    /// halves. A live job keeps only the newest part as live; the older parts become [`Purpose::Settle`], so that one
    /// dense or unreadable part does not stop the live sync.
    pub(super) fn split(&mut self, at: usize, answer: Option<&AnswerSummary>, rules: &Rules, now: DateTime<Utc>) {
        let window = self.jobs.get(at).and_then(|job| job.slice.window());
        let Some((window, (older, newer))) = window.and_then(|window| Some((window, rules.halves(window)?))) else {
            // The judge never asks for this; if it happens, the job is retried rather than lost.
            return self.postpone(at, now, |job| job.failures += 1);
        };
        let Job { purpose, rechecks, .. } = self.jobs.swap_remove(at);
        self.learn_from_split(purpose, window, answer, rules);
        let is_capped = |answer: &&AnswerSummary| answer.rows >= rules.row_cap;
        let histogram = answer.filter(is_capped).and_then(|answer| answer.histogram.as_ref());
        let forecast = self.forecast_for(purpose);
        let halves = [newer, older].map(|window| SubWindow { window, is_full: false });
        let parts =
            histogram.and_then(|histogram| histogram.sub_windows(rules, &forecast)).unwrap_or_else(|| halves.to_vec());
        let older_purpose = if purpose == Purpose::Live { Purpose::Settle } else { purpose };
        // All but the oldest: the vendor may have left out rows there.
        let measured: Vec<Window> = parts.iter().rev().skip(1).map(|part| part.window).collect();
        for (index, SubWindow { window, is_full }) in parts.into_iter().enumerate() {
            let purpose = if index == 0 { purpose } else { older_purpose };
            if is_full && rules.export.is_some() {
                self.add_export(purpose, window, rules, now);
            } else {
                let expected = self.forecast_for(purpose).duration(window);
                // The parts keep the count, so that unreadable rows are not read again without end.
                self.jobs.push(Job { rechecks, ..Job::new(purpose, Slice::Window(window), now, expected) });
            }
        }
        if histogram.is_some() {
            self.cut_again(older_purpose, &measured, rules);
        }
    }

    /// Cuts the planned windows of `purpose` again by the present pace; they were planned when less was known. Adjacent
    /// windows are joined first. Windows in `measured` stay: they were cut by counted rows.
    fn cut_again(&mut self, purpose: Purpose, measured: &[Window], rules: &Rules) {
        let is_free = |job: &Job| {
            let is_cuttable = matches!(job.slice, Slice::Window(window) if !measured.contains(&window));
            job.purpose == purpose && job.is_untouched() && is_cuttable
        };
        let (free, kept): (Vec<Job>, Vec<Job>) = std::mem::take(&mut self.jobs).into_iter().partition(is_free);
        self.jobs = kept;
        let windows: Vec<Window> = free.iter().filter_map(|job| job.slice.window()).collect();
        let Some(due) = free.iter().map(|job| job.due).max() else { return };
        for joined in windows.iter().copied().collect::<Spans>().windows() {
            let before = windows.iter().filter(|window| joined.covers(window)).count();
            // A burst makes windows short for a while; it must not turn one job into thousands.
            let least = rules.round_up(rules.expand(*joined).span() / i32::try_from(before).unwrap_or(1) / MOST_CHUNKS);
            let forecast = self.forecast_for(purpose);
            for part in forecast.longest_chunks(*joined, least, rules) {
                let same = free.iter().find(|job| job.slice == Slice::Window(part)).cloned();
                let expected = forecast.duration(part);
                self.jobs.push(same.unwrap_or_else(|| Job::new(purpose, Slice::Window(part), due, expected)));
            }
        }
    }
}
