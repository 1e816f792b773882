//! A vendor under virtual time. It fails the test when a request breaks its rules.

use crate::dataset::{Dataset, Row, State};
use crate::export_mail::ExportMail;
use crate::rng::Rng;
use chrono::{DateTime, TimeDelta, Utc};
use domain::fault::Fault;
use domain::item::{Item, ItemStatus};
use domain::judge::Answer;
use domain::rules::Rules;
use domain::slice::Slice;
use domain::window::Window;
use std::collections::BTreeMap;

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
    /// The items that a list names.
    pub items: Vec<Item>,
    /// The state of a fetched item.
    pub item_status: Option<ItemStatus>,
    /// Whether the vendor is known to have finished.
    pub idle: bool,
}

impl Reply {
    /// The database refuses a row of the reply, which is then kept aside, or fails.
    pub fn refuse(&mut self, rng: &mut Rng) {
        match &mut self.answer {
            Ok(answer) if !self.rows.is_empty() && rng.in_thousand(500) => {
                answer.rejects += 1;
                self.rows.swap_remove(0);
            }
            _ => {
                self.answer = Err(Fault::Database(String::new()));
                self.rows.clear();
                (self.items, self.item_status) = (Vec::new(), None);
            }
        }
    }
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
    /// Whether the callers' clock may be ahead, so that they ask for what is to come.
    pub allows_future: bool,
    /// The number of requests for each item.
    pub fetches: BTreeMap<usize, u32>,
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
            allows_future: false,
            fetches: BTreeMap::new(),
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
        Reply { at: ends, rows, answer, items: Vec::new(), item_status: None, idle }
    }

    /// Answers a list of the items of `window`, or of the first ones if there are too many.
    pub fn list(&mut self, rng: &mut Rng, window: Window, now: DateTime<Utc>) -> Reply {
        let mut reply = self.ask(rng, window, now);
        let most = usize::try_from(self.rules.items_per_list.unwrap() * 2).unwrap();
        let ids: Vec<usize> = std::mem::take(&mut reply.rows).into_iter().map(|(id, ..)| id).take(most + 1).collect();
        if let Ok(answer) = &mut reply.answer {
            answer.rows = 0;
            answer.is_over_budget = ids.len() > most && self.rules.halves(window).is_some();
            reply.items = ids.iter().map(|id| item(&self.dataset.0[*id], now)).collect();
        }
        reply
    }

    /// Answers a request for one item.
    pub fn fetch(&mut self, rng: &mut Rng, key: &str, now: DateTime<Utc>) -> Reply {
        let row = self.dataset.0[key.parse::<usize>().unwrap()];
        *self.fetches.entry(row.id).or_default() += 1;
        let mut reply = self.ask(rng, Window::new(row.at, row.at + TimeDelta::seconds(1)).unwrap(), now);
        reply.rows.retain(|(id, ..)| *id == row.id);
        if let Ok(answer) = &mut reply.answer {
            answer.rows = 1;
            answer.rejects = answer.rejects.min(1 - reply.rows.len() as u64);
            answer.open_until = row.open_until(now);
            let version = Some(row.version(now));
            reply.item_status = Some(ItemStatus { version, open_until: answer.open_until, recheck_at: None });
        }
        reply
    }

    /// Forgets the requests in flight and the closures: the callers' clock has been set, so that leases and waits end early.
    pub fn forget_callers(&mut self, now: DateTime<Utc>) {
        self.in_flight.clear();
        (self.last_end, self.shut_until) = (DateTime::UNIX_EPOCH, now);
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
        let reply = |answer| {
            let (rows, items, item_status) = (Vec::new(), Vec::new(), None);
            Reply { at: ends, rows, answer, items, item_status, idle: true }
        };
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
        assert!(self.allows_future || there <= now, "asked for {window} at {now}, which is there from {there} on");
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

fn item(row: &Row, now: DateTime<Utc>) -> Item {
    Item {
        slice: Slice::Item(row.id.to_string()),
        scope: Window::new(row.at, row.at + TimeDelta::seconds(1)),
        seen_version: Some(row.version(now)),
        has_ended: row.open_until(now).is_none(),
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
