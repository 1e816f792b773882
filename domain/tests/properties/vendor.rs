//! A vendor under virtual time. It knows the rules, and fails the test when one is broken.

use crate::mail::Mail;
use crate::rng::Rng;
use crate::truth::{State, Truth};
use chrono::{DateTime, TimeDelta, Utc};
use domain::fault::Fault;
use domain::judge::Answer;
use domain::rules::Rules;
use domain::window::Window;

/// A row as it was read.
pub type Seen = (usize, DateTime<Utc>, State);

/// What came back, and when.
#[derive(Debug)]
pub struct Reply {
    /// When it arrived, or the caller gave up.
    pub at: DateTime<Utc>,
    /// The rows that came, whether or not they were all.
    pub rows: Vec<Seen>,
    pub heard: Result<Answer, Fault>,
    /// Whether the vendor is known to have ended its work.
    pub idle: bool,
}

pub struct Vendor {
    pub truth: Truth,
    rules: Rules,
    /// How often in a thousand something goes wrong.
    pub mischief: i64,
    /// The ends of requests in flight.
    in_flight: Vec<DateTime<Utc>>,
    last_end: DateTime<Utc>,
    /// Before then nobody may ask: what a worker has heard and noted down.
    pub shut_until: DateTime<Utc>,
    pub requests: u32,
    /// Until when it is at work on an export.
    exporting: DateTime<Utc>,
    /// How often it took a question for an export, and how often it was busy.
    pub exports: (u32, u32),
}

impl Vendor {
    pub fn new(truth: Truth, rules: Rules, mischief: i64) -> Self {
        let never = DateTime::UNIX_EPOCH;
        Self {
            truth,
            rules,
            mischief,
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
        // Whole units, whatever was asked for; and nothing of what it has forgotten.
        let whole = self.rules.expand(window);
        let kept = self.rules.oldest(now).unwrap_or(whole.from());
        // A vendor is never at work for longer than callers wait.
        let timeout = TimeDelta::from_std(self.rules.timeout).unwrap();
        let slow = rng.in_thousand(self.mischief / 2);
        let mut ends = now + if slow { timeout } else { rng.seconds(0, 2) };
        let looked = now + TimeDelta::milliseconds(rng.between(0, (ends - now).num_milliseconds()));
        let known = self.truth.within(whole).filter(|row| row.at >= kept);
        let all = known.filter_map(|row| Some((row.id, row.at, row.state(looked)?)));
        // More than the cap is left out in silence.
        let mut rows: Vec<Seen> = all.take(usize::try_from(self.rules.row_cap).unwrap_or(usize::MAX)).collect();
        let count = rows.len() as u64;
        let mut heard = Ok(Answer { rows: count, rejects: 0, awaited: false, open: None });
        if slow {
            heard = Err(Fault::TimedOut("no answer".to_owned()));
            rows.clear();
        } else if rng.in_thousand(self.mischief) {
            heard = go_wrong(rng, &mut rows);
            ends = if heard.is_ok() { ends } else { ends.min(now + TimeDelta::seconds(2)) };
        }
        self.in_flight.push(ends);
        self.last_end = self.last_end.max(ends);
        let idle = !matches!(heard, Err(Fault::TimedOut(_)));
        Reply { at: ends, rows, heard, idle }
    }

    /// Takes a question for an export, or is busy with another; a mail follows, mostly.
    pub fn export(&mut self, rng: &mut Rng, window: Window, now: DateTime<Utc>) -> (Reply, Option<Mail>) {
        self.check_manners(now);
        self.requests += 1;
        assert_eq!(self.rules.expand(window), window, "an export of parts of days");
        assert!(window.to() <= now, "an export of {window} at {now}: that is not over");
        let ends = now + TimeDelta::milliseconds(rng.between(1, 900));
        self.in_flight.push(ends);
        self.last_end = self.last_end.max(ends);
        let reply = |heard| Reply { at: ends, rows: Vec::new(), heard, idle: true };
        if now < self.exporting {
            self.exports.1 += 1;
            return (reply(Err(Fault::Busy(String::new()))), None);
        }
        self.exports.0 += 1;
        let (made, sent) = (now + rng.seconds(30, 7_200), rng.in_thousand(self.mischief * 2));
        self.exporting = made;
        // Some are lost, some come long after the asker has given up.
        let is_lost = rng.in_thousand(self.mischief * 2);
        let late = if sent { rng.seconds(0, 8 * 3_600) } else { rng.seconds(0, 600) };
        let looked = now + TimeDelta::milliseconds(rng.between(0, (made - now).num_milliseconds()));
        let rows = self.truth.within(window).filter_map(|row| Some((row.id, row.at, row.state(looked)?))).collect();
        let mail = Mail { sent: made + late, rows };
        let heard = reply(Ok(Answer { rows: 0, rejects: 0, awaited: true, open: None }));
        (heard, Some(mail).filter(|_| !is_lost))
    }

    /// Nobody asks for what is not there yet, or for more than may be asked for at once.
    fn check_times(&self, window: Window, now: DateTime<Utc>) {
        let whole = self.rules.expand(window);
        assert!(whole.span() <= self.rules.longest, "{window} is too long");
        let there = self.rules.ready_after.map_or(window.to(), |after| whole.to() + after);
        assert!(there <= now, "asked for {window} at {now}, which is there from {there} on");
    }

    /// P1, and that no throttle is undercut.
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

fn go_wrong(rng: &mut Rng, rows: &mut Vec<Seen>) -> Result<Answer, Fault> {
    let text = String::new;
    let count = rows.len() as u64;
    match rng.between(0, 7) {
        0 => refuse(rows, Fault::Throttled { retry_after: Some(rng.wait(1, 600)), text: text() }),
        1 => refuse(rows, Fault::Throttled { retry_after: None, text: text() }),
        2 => refuse(rows, Fault::Maintenance(text())),
        3 => refuse(rows, Fault::QuotaSpent(text())),
        4 if rng.in_thousand(200) => refuse(rows, Fault::Unauthorised(text())),
        // Cut off: what came before is good, but proves nothing.
        4 | 5 => {
            rows.truncate(rows.len() / 2);
            Err(Fault::Unreachable(text()))
        }
        6 => {
            rows.truncate(rows.len() / 2);
            Err(Fault::Malformed(text()))
        }
        // One row cannot be read.
        _ if !rows.is_empty() => {
            rows.swap_remove(0);
            Ok(Answer { rows: count, rejects: 1, awaited: false, open: None })
        }
        _ => Ok(Answer { rows: 0, rejects: 0, awaited: false, open: None }),
    }
}

fn refuse(rows: &mut Vec<Seen>, fault: Fault) -> Result<Answer, Fault> {
    rows.clear();
    Err(fault)
}
