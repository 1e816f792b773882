//! Takes back what a delivery proved, because an operator does not believe it any more.

use super::Ledger;
use crate::job::{Job, Purpose};
use crate::rules::Rules;
use crate::slice::Slice;
use crate::spans::Spans;
use crate::window::Window;
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;

impl Ledger {
    /// Lets `window` count as missing again; returns its days, in `zone`, of which a part was held. Where the vendor mails
    /// exports, the window is exported again: a mail answered it because no other answer can.
    pub fn revoke(&mut self, window: Window, rules: &Rules, zone: Tz, now: DateTime<Utc>) -> Vec<NaiveDate> {
        let held = self.coverage.held().clone();
        let was_held = |day: &NaiveDate| {
            let part = Window::of_day(*day, zone).and_then(|day| day.intersect(&window));
            part.is_some_and(|part| !held.within(part).is_empty())
        };
        let days = window.days(zone).into_iter().filter(was_held).collect();
        self.coverage = self.coverage.without(&Spans::from_iter([window]), &Spans::default());
        if rules.export.is_some() {
            // A parked export waits for a person, who has decided now.
            let is_parked = |job: &Job| {
                job.is_parked() && matches!(job.slice, Slice::Export(own) if own.intersect(&window).is_some())
            };
            self.jobs.retain(|job| !is_parked(job));
            self.add_export(Purpose::Settle, window, rules, now);
        }
        days
    }
}
