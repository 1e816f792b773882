//! What comes by mail: which question it answers is known from nothing but its rows.

use crate::desk::Desk;
use crate::truth::Truth;
use crate::vendor::Seen;
use chrono::{DateTime, Utc};
use domain::want::{Slice, Want};

/// A mailed export.
#[derive(Debug)]
pub struct Mail {
    pub sent: DateTime<Utc>,
    pub rows: Vec<Seen>,
}

impl Desk {
    /// Whether the vendor is at work on an export, or is being asked for one.
    pub fn is_exporting(&self, now: DateTime<Utc>) -> bool {
        self.exports().any(|want| want.is_export_out(now))
    }

    fn exports(&self) -> impl Iterator<Item = &Want> {
        self.ledger.wants.iter().filter(|want| matches!(want.slice, Slice::Export(_)))
    }

    /// Nobody asks for an export while it is known that one is out.
    pub fn check_one_export(&self, now: DateTime<Utc>) {
        let out = self.exports().find(|want| want.is_taken() && want.is_awaiting(now));
        assert!(out.is_none(), "asked for an export while {out:?} is out");
    }

    /// A mail is stored where it fits one export that is out: all its rows inside, sent after it was asked for.
    pub fn receive(&mut self, truth: &Truth, mail: &Mail, now: DateTime<Utc>) {
        let fits = |want: &&Want| {
            let window = want.slice.window().unwrap();
            (want.attempt > 0 || want.is_parked())
                && want.asked.is_none_or(|asked| asked <= mail.sent)
                && mail.rows.iter().all(|(_, at, _)| window.contains(*at))
        };
        let mut fitting: Vec<Want> = self.exports().filter(fits).filter(|_| !mail.rows.is_empty()).cloned().collect();
        if fitting.iter().filter(|want| want.is_taken()).count() == 1 {
            fitting.retain(Want::is_taken);
        }
        let [want] = fitting.as_slice() else {
            self.strays += 1;
            return;
        };
        let window = want.slice.window().unwrap();
        let known = self.table.values().filter(|(at, _)| window.contains(*at)).count();
        if known > mail.rows.len() {
            self.strays += 1;
            return;
        }
        // Where it was not noted when the question was taken, it was taken by a worker that died then.
        self.take(truth, want.id, &mail.rows, want.asked.unwrap_or(now - self.rules.settle), now);
    }
}
