//! Mailed exports: only its rows show which export a mail answers.

use crate::dataset::Dataset;
use crate::fake_store::FakeStore;
use crate::fake_vendor::SentRow;
use chrono::{DateTime, Utc};
use domain::job::Job;
use domain::slice::Slice;

/// A mailed export.
#[derive(Debug)]
pub struct ExportMail {
    pub sent: DateTime<Utc>,
    pub rows: Vec<SentRow>,
}

impl FakeStore {
    /// Whether an export is outstanding.
    pub fn is_exporting(&self, now: DateTime<Utc>) -> bool {
        self.exports().any(|job| job.is_export_outstanding(now))
    }

    fn exports(&self) -> impl Iterator<Item = &Job> {
        self.ledger.jobs.iter().filter(|job| matches!(job.slice, Slice::Export(_)))
    }

    /// Checks that no export is requested while an accepted one is outstanding.
    pub fn check_one_export(&self, now: DateTime<Utc>) {
        let out = self.exports().find(|job| job.is_accepted_export() && job.awaits_mail(now));
        assert!(out.is_none(), "asked for an export while {out:?} is out");
    }

    /// Stores a mail that matches exactly one outstanding export: all rows inside it, sent after the request.
    pub fn receive(&mut self, dataset: &Dataset, mail: &ExportMail, now: DateTime<Utc>) {
        let fits = |job: &&Job| {
            let window = job.slice.window().unwrap();
            (job.attempt > 0 || job.is_parked())
                && job.requested_at.is_none_or(|asked| asked <= mail.sent)
                && mail.rows.iter().all(|(_, at, _)| window.contains(*at))
        };
        let mut fitting: Vec<Job> = self.exports().filter(fits).filter(|_| !mail.rows.is_empty()).cloned().collect();
        if fitting.iter().filter(|job| job.is_accepted_export()).count() == 1 {
            fitting.retain(Job::is_accepted_export);
        }
        let [job] = fitting.as_slice() else {
            self.strays += 1;
            return;
        };
        let window = job.slice.window().unwrap();
        let known = self.table.values().filter(|(at, _)| window.contains(*at)).count();
        if known > mail.rows.len() {
            self.strays += 1;
            return;
        }
        // Without a recorded request, a worker sent it and crashed before the commit.
        self.take(dataset, job.id, &mail.rows, job.requested_at.unwrap_or(now - self.rules.settle), now);
    }
}
