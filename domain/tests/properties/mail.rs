//! What comes by mail: which question it answers is known from nothing but its rows.

use crate::fake_store::FakeStore;
use crate::truth::Truth;
use crate::vendor::Seen;
use chrono::{DateTime, Utc};
use domain::job::{Job, Slice};

/// A mailed export.
#[derive(Debug)]
pub struct Mail {
    pub sent: DateTime<Utc>,
    pub rows: Vec<Seen>,
}

impl FakeStore {
    /// Whether the vendor is at work on an export, or is being asked for one.
    pub fn is_exporting(&self, now: DateTime<Utc>) -> bool {
        self.exports().any(|job| job.is_export_out(now))
    }

    fn exports(&self) -> impl Iterator<Item = &Job> {
        self.ledger.jobs.iter().filter(|job| matches!(job.slice, Slice::Export(_)))
    }

    /// Nobody asks for an export while it is known that one is out.
    pub fn check_one_export(&self, now: DateTime<Utc>) {
        let out = self.exports().find(|job| job.is_taken() && job.is_awaiting(now));
        assert!(out.is_none(), "asked for an export while {out:?} is out");
    }

    /// A mail is stored where it fits one export that is out: all its rows inside, sent after it was asked for.
    pub fn receive(&mut self, truth: &Truth, mail: &Mail, now: DateTime<Utc>) {
        let fits = |job: &&Job| {
            let window = job.slice.window().unwrap();
            (job.attempt > 0 || job.is_parked())
                && job.requested_at.is_none_or(|asked| asked <= mail.sent)
                && mail.rows.iter().all(|(_, at, _)| window.contains(*at))
        };
        let mut fitting: Vec<Job> = self.exports().filter(fits).filter(|_| !mail.rows.is_empty()).cloned().collect();
        if fitting.iter().filter(|job| job.is_taken()).count() == 1 {
            fitting.retain(Job::is_taken);
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
        // Where it was not noted when the question was taken, it was taken by a worker that died then.
        self.take(truth, job.id, &mail.rows, job.requested_at.unwrap_or(now - self.rules.settle), now);
    }
}
