//! A vendor under virtual time. It fails the test when a request breaks its rules.

use crate::dataset::{Dataset, State};
use crate::export_mail::ExportMail;
use crate::rng::Rng;
use chrono::{DateTime, TimeDelta, Utc};
use domain::fault::Fault;
use domain::judge::Answer;
use domain::rules::Rules;
use domain::window::Window;

/// A row as the vendor sent it: id, instant and state.
pub type SentRow = (usize, DateTime<Utc>, State);

/// A reply and its time.
#[derive(Debug)]
pub struct Reply {
    /// When the reply arrived or the time-out ended.
    pub at: DateTime<Utc>,
    /// The rows that arrived, complete or not.
    pub rows: Vec<SentRow>,
    pub answer: Result<Answer, Fault>,
    /// Whether the vendor is known to have finished.
    pub idle: bool,
}

pub struct FakeVendor {
    pub dataset: Dataset,
    rules: Rules,
    /// The number of faults per thousand requests.
    pub faults_per_thousand: i64,
    /// The ends of requests in flight.
    in_flight: Vec<DateTime<Utc>>,
    last_end: DateTime<Utc>,
    /// Requests before this instant break a closure that a worker has stored.
    pub shut_until: DateTime<Utc>,
    pub requests: u32,
    /// When the current export is finished.
    exporting: DateTime<Utc>,
    /// The number of accepted exports, and of busy replies.
    pub exports: (u32, u32),
}

impl FakeVendor {
    pub fn new(dataset: Dataset, rules: Rules, faults_per_thousand: i64) -> Self {
        let never = DateTime::UNIX_EPOCH;
        Self {
            dataset,
            rules,
            faults_per_thousand,
            in_flight: Vec::new(),
            last_end: never,
            shut_until: never,
            requests: 0,
            exporting: never,
            exports: (0, 0),
        }
    }

    /// Answers a request for `window` sent at `now`.
    pub fn ask(&mut self, rng: &mut Rng, window: Window, now: DateTime<Utc>) -> Reply {
        self.check_manners(now);
        self.check_times(window, now);
        self.requests += 1;
        // The vendor answers whole units, and only what it still keeps.
        let whole = self.rules.expand(window);
        let kept = self.rules.oldest(now).unwrap_or(whole.from());
        // The vendor never works longer than the callers' time-out.
        let timeout = TimeDelta::from_std(self.rules.timeout).unwrap();
        let slow = rng.in_thousand(self.faults_per_thousand / 2);
        let mut ends = now + if slow { timeout } else { rng.seconds(0, 2) };
        let looked = now + TimeDelta::milliseconds(rng.between(0, (ends - now).num_milliseconds()));
        let known = self.dataset.within(whole).filter(|row| row.at >= kept);
        let all = known.filter_map(|row| Some((row.id, row.at, row.state(looked)?)));
        // Rows above the cap are dropped without notice.
        let mut rows: Vec<SentRow> = all.take(usize::try_from(self.rules.row_cap).unwrap_or(usize::MAX)).collect();
        let count = rows.len() as u64;
        let mut answer =
            Ok(Answer { rows: count, rejects: 0, by_mail: false, is_over_budget: false, open_until: None });
        if slow {
            answer = Err(Fault::TimedOut("no answer".to_owned()));
            rows.clear();
        } else if rng.in_thousand(self.faults_per_thousand) {
            answer = go_wrong(rng, &mut rows);
            ends = if answer.is_ok() { ends } else { ends.min(now + TimeDelta::seconds(2)) };
        }
        self.in_flight.push(ends);
        self.last_end = self.last_end.max(ends);
        let idle = !matches!(answer, Err(Fault::TimedOut(_)));
        Reply { at: ends, rows, answer, idle }
    }

    /// Accepts an export, or is busy with another one; usually a mail follows.
    pub fn export(&mut self, rng: &mut Rng, window: Window, now: DateTime<Utc>) -> (Reply, Option<ExportMail>) {
        self.check_manners(now);
        self.requests += 1;
        assert_eq!(self.rules.expand(window), window, "an export of parts of days");
        assert!(window.to() <= now, "an export of {window} at {now}: that is not over");
        let ends = now + TimeDelta::milliseconds(rng.between(1, 900));
        self.in_flight.push(ends);
        self.last_end = self.last_end.max(ends);
        let reply = |answer| Reply { at: ends, rows: Vec::new(), answer, idle: true };
        if now < self.exporting {
            self.exports.1 += 1;
            return (reply(Err(Fault::Busy(String::new()))), None);
        }
        self.exports.0 += 1;
        let (made, sent) = (now + rng.seconds(30, 7_200), rng.in_thousand(self.faults_per_thousand * 2));
        self.exporting = made;
        // Some mails are lost, some arrive long after the deadline.
        let is_lost = rng.in_thousand(self.faults_per_thousand * 2);
        let late = if sent { rng.seconds(0, 8 * 3_600) } else { rng.seconds(0, 600) };
        let looked = now + TimeDelta::milliseconds(rng.between(0, (made - now).num_milliseconds()));
        let rows = self.dataset.within(window).filter_map(|row| Some((row.id, row.at, row.state(looked)?))).collect();
        let mail = ExportMail { sent: made + late, rows };
        let answer = reply(Ok(Answer { rows: 0, rejects: 0, by_mail: true, is_over_budget: false, open_until: None }));
        (answer, Some(mail).filter(|_| !is_lost))
    }

    /// Checks that the units are published and the window is not too long.
    fn check_times(&self, window: Window, now: DateTime<Utc>) {
        let whole = self.rules.expand(window);
        assert!(whole.span() <= self.rules.longest, "{window} is too long");
        let there = self.rules.ready_after.map_or(window.to(), |after| whole.to() + after);
        assert!(there <= now, "asked for {window} at {now}, which is there from {there} on");
    }

    /// Checks P1, and that no request ignores a throttle.
    fn check_manners(&mut self, now: DateTime<Utc>) {
        self.in_flight.retain(|ends| now < *ends);
        let width = usize::try_from(self.rules.max_in_flight).unwrap();
        assert!(self.in_flight.len() < width, "a request too many in flight at {now}");
        if width == 1 {
            let from = self.last_end + TimeDelta::from_std(self.rules.spacing).unwrap();
            assert!(now >= from, "asked at {now}, closer than the spacing to {}", self.last_end);
            assert!(now >= self.shut_until, "asked at {now}, shut until {}", self.shut_until);
        }
    }
}

fn go_wrong(rng: &mut Rng, rows: &mut Vec<SentRow>) -> Result<Answer, Fault> {
    let text = String::new;
    let count = rows.len() as u64;
    match rng.between(0, 7) {
        0 => refuse(rows, Fault::Throttled { retry_after: Some(rng.wait(1, 600)), text: text() }),
        1 => refuse(rows, Fault::Throttled { retry_after: None, text: text() }),
        2 => refuse(rows, Fault::Maintenance(text())),
        3 => refuse(rows, Fault::QuotaSpent(text())),
        4 if rng.in_thousand(200) => refuse(rows, Fault::Unauthorised(text())),
        // A truncated answer: its rows are valid but cover nothing.
        4 | 5 => {
            rows.truncate(rows.len() / 2);
            Err(Fault::Unreachable(text()))
        }
        6 => {
            rows.truncate(rows.len() / 2);
            Err(Fault::Malformed(text()))
        }
        // One row cannot be parsed.
        _ if !rows.is_empty() => {
            rows.swap_remove(0);
            Ok(Answer { rows: count, rejects: 1, by_mail: false, is_over_budget: false, open_until: None })
        }
        _ => Ok(Answer { rows: 0, rejects: 0, by_mail: false, is_over_budget: false, open_until: None }),
    }
}

fn refuse(rows: &mut Vec<SentRow>, fault: Fault) -> Result<Answer, Fault> {
    rows.clear();
    Err(fault)
}
