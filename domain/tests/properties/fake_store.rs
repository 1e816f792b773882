//! What the database holds, and every transaction on it: the ledger, the lane, the table. Each call is one
//! transaction. The laws that must hold at every moment are checked here.

use crate::truth::{State, Truth};
use crate::vendor::{Reply, Seen};
use chrono::{DateTime, TimeDelta, Utc};
use domain::backfill::Progress;
use domain::coverage::Coverage;
use domain::item::NamedItems;
use domain::job::{Job, JobState, Purpose, Slice};
use domain::judge::{Judgement, Verdict};
use domain::lane::{Lane, Lease, Traffic, pick};
use domain::ledger::{AnswerSummary, Ledger};
use domain::plan::{Plan, due_at, plan, slot_at};
use domain::row_histogram::RowHistogram;
use domain::rules::Rules;
use domain::ticket::Ticket;
use domain::window::Window;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A job with a lease on the lane.
#[derive(Clone, Debug)]
pub struct Claim {
    pub ticket: Ticket,
    pub job: Job,
    pub lease: Lease,
    pub now: DateTime<Utc>,
}

pub struct FakeStore {
    pub ledger: Ledger,
    pub lane: Lane,
    pub rules: Rules,
    pub since: DateTime<Utc>,
    pub table: BTreeMap<usize, (DateTime<Utc>, State)>,
    next_id: i64,
    last_background: Option<DateTime<Utc>>,
    last_backfill: Option<DateTime<Utc>>,
    /// The live slots that were wanted.
    slots: BTreeSet<DateTime<Utc>>,
    /// The newest fence given out for each slot of the lane.
    fences: BTreeMap<usize, i64>,
    /// The words of all verdicts that were stored.
    pub verdicts: BTreeSet<&'static str>,
    /// Commits that were refused because the lease was lost.
    pub refused: u32,
    /// Mails that fitted no export that was out, or several.
    pub strays: u32,
    /// How late live work started, at worst, since this was last cleared.
    pub latest: TimeDelta,
}

/// How long a ticket may be under way before it counts as lost.
const TICKET: TimeDelta = TimeDelta::seconds(15);

impl FakeStore {
    pub fn new(rules: Rules, since: DateTime<Utc>) -> Self {
        Self {
            ledger: Ledger::default(),
            lane: Lane::new(rules.max_in_flight, rules.spacing),
            rules,
            since,
            table: BTreeMap::new(),
            next_id: 100,
            last_background: None,
            last_backfill: None,
            slots: BTreeSet::new(),
            fences: BTreeMap::new(),
            verdicts: BTreeSet::new(),
            refused: 0,
            strays: 0,
            latest: TimeDelta::zero(),
        }
    }

    /// What a scheduler that looks now would plan.
    pub fn plan(&self, now: DateTime<Utc>) -> Plan {
        plan(now, self.since, &self.rules, &self.ledger)
    }

    /// Takes a plan in, be it fresh or one that somebody has slept on.
    pub fn accept(&mut self, plan: Plan) {
        if plan.is_empty() {
            return;
        }
        self.ledger.accept(plan);
        for job in self.ledger.jobs.iter().filter(|job| job.id == 0 && job.purpose == Purpose::Live) {
            assert!(self.slots.insert(job.due), "the slot {} gave two live jobs", job.due);
        }
        self.store();
    }

    /// New jobs get an id; what has ended is not loaded again.
    fn store(&mut self) {
        for job in self.ledger.jobs.iter_mut().filter(|job| job.id == 0) {
            job.id = self.next_id;
            self.next_id += 1;
        }
        self.ledger.backfills.retain(|backfill| backfill.progress != Progress::Done);
        let live = self.ledger.jobs.iter().filter(|job| job.purpose == Purpose::Live).count();
        assert!(live <= 1, "{live} live jobs stand open");
    }

    /// The lane's next job, handed out.
    pub fn dispatch(&mut self, now: DateTime<Utc>) -> Option<Ticket> {
        if self.lane.closed.as_ref().is_some_and(|closed| closed.holds(now)) {
            return None;
        }
        let free = self.lane.slots.iter().filter(|slot| slot.not_before <= now && slot.until <= now).count();
        let under_way = |job: &&Job| matches!(job.state, JobState::Dispatched { until } if now < until);
        if free <= self.ledger.jobs.iter().filter(under_way).count() {
            return None;
        }
        let interval = TimeDelta::from_std(self.rules.interval).unwrap();
        let spacing = TimeDelta::from_std(self.rules.spacing).unwrap();
        let traffic = Traffic {
            next_live: Some(due_at(slot_at(now, &self.rules) + interval, &self.rules) - spacing),
            last_background: self.last_background,
            last_backfill: self.last_backfill,
            quota: None,
            is_exporting: self.is_exporting(now),
            has_spare: false,
        };
        let id = pick(&self.ledger.jobs, &traffic, now)?.id;
        let job = self.ledger.jobs.iter_mut().find(|job| job.id == id)?;
        assert!(!job.is_awaiting(now), "asked again while its mail is awaited");
        job.attempt += 1;
        job.state = JobState::Dispatched { until: now + TICKET };
        Some(Ticket { job: id, attempt: job.attempt })
    }

    /// Takes up what a ticket names, if it is the newest one and the lane is free.
    pub fn claim(&mut self, ticket: Ticket, now: DateTime<Utc>) -> Option<Claim> {
        let named = |job: &&mut Job| job.id == ticket.job && job.attempt == ticket.attempt;
        let asked = self.ledger.jobs.iter().find(|job| job.id == ticket.job)?;
        let is_held_up = asked.is_held_up(&self.ledger.jobs, now);
        let job = self.ledger.jobs.iter_mut().find(named)?;
        if !matches!(job.state, JobState::Dispatched { .. }) {
            return None;
        }
        // The ticket may have been under way for so long that another was handed out meanwhile.
        if is_held_up {
            job.state = JobState::Waiting;
            return None;
        }
        let Ok(lease) = self.lane.acquire(now, self.rules.lease) else {
            job.state = JobState::Waiting;
            return None;
        };
        job.take_up(now, lease.until);
        let job = job.clone();
        if job.purpose == Purpose::Live {
            self.latest = self.latest.max(now - job.due);
        } else {
            self.last_background = Some(now);
        }
        if matches!(job.purpose, Purpose::Backfill(_)) {
            self.last_backfill = Some(now);
        }
        self.fences.insert(lease.slot, lease.fence);
        Some(Claim { ticket, job, lease, now })
    }

    /// Holds on to the lane.
    pub fn renew(&mut self, claimed: &Claim, now: DateTime<Utc>) -> Option<Lease> {
        let lease = self.lane.renew(&claimed.lease, now, self.rules.lease)?;
        let job = self.ledger.jobs.iter_mut().find(|job| job.id == claimed.ticket.job)?;
        job.state = JobState::Running { until: lease.until };
        Some(lease)
    }

    /// Stores all of an exchange, or nothing where the lease is lost; returns whether it did.
    pub fn commit(
        &mut self,
        truth: &Truth,
        claimed: &Claim,
        reply: &Reply,
        judged: &Judgement,
        now: DateTime<Utc>,
    ) -> bool {
        if !self.lane.is_held(&claimed.lease, now) {
            self.refused += 1;
            return false;
        }
        assert_eq!(self.fences.get(&claimed.lease.slot), Some(&claimed.lease.fence), "an old fence wrote");
        match self.ledger.jobs.iter().find(|job| job.id == claimed.ticket.job) {
            // A mail may have come meanwhile, for an earlier question of ours.
            None => assert!(matches!(claimed.job.slice, Slice::Export(_)), "the job is gone"),
            Some(own) => assert!(own.attempt == claimed.ticket.attempt && own.is_running(), "not its own job"),
        }
        let earliest_change = self.upsert(&reply.rows);
        let heard = reply.heard.as_ref().ok().map(|answer| AnswerSummary {
            sent_at: claimed.now,
            elapsed: (reply.at - claimed.now).to_std().unwrap_or_default(),
            rows: answer.rows,
            earliest_change,
            items: NamedItems::default(),
            named: 0,
            item_status: None,
            histogram: claimed.job.slice.window().map(|window| {
                let mut histogram = RowHistogram::new(window, claimed.now, &self.rules);
                reply.rows.iter().for_each(|(_, at, _)| histogram.add(*at));
                histogram
            }),
        });
        self.verdicts.insert(judged.verdict.as_str());
        let before = self.ledger.coverage.clone();
        self.ledger.settle(claimed.job.id, &judged.verdict, heard.as_ref(), &self.rules, now);
        self.store();
        self.lane.release(&claimed.lease, now, reply.idle);
        if let Some(closing) = &judged.closing {
            self.lane.close(closing.clone());
        }
        self.check_fresh(truth, &before);
        true
    }

    /// P3: what is final equals what the vendor holds for it in the end.
    pub fn check_final(&self, truth: &Truth, window: Window) {
        for row in truth.within(window) {
            let held = self.table.get(&row.id).map(|(_, state)| *state);
            assert_eq!(held, Some(State::Closed), "{window} is final, but not the row at {}", row.at);
        }
    }

    /// Rows into the table; returns the earliest new or changed one within what was held before.
    fn upsert(&mut self, rows: &[Seen]) -> Option<DateTime<Utc>> {
        let mut earliest_change: Option<DateTime<Utc>> = None;
        for (id, at, state) in rows {
            if self.table.insert(*id, (*at, *state)).is_some_and(|(_, before)| before == *state) {
                continue;
            }
            assert!(!self.ledger.coverage.settled().contains(*at), "a final row at {at} was changed to {state:?}");
            if self.ledger.coverage.held().contains(*at) {
                earliest_change = earliest_change.into_iter().chain([*at]).min();
            }
        }
        earliest_change
    }

    /// Rows that came by mail, and what they prove of the job they answer: all of it, or nothing is stored.
    pub fn take(&mut self, truth: &Truth, id: i64, rows: &[Seen], sent_at: DateTime<Utc>, now: DateTime<Utc>) {
        let earliest_change = self.upsert(rows);
        let (elapsed, items) = (Duration::ZERO, NamedItems::default());
        let heard = AnswerSummary {
            sent_at,
            elapsed,
            rows: rows.len() as u64,
            earliest_change,
            items,
            named: 0,
            item_status: None,
            histogram: None,
        };
        let before = self.ledger.coverage.clone();
        self.ledger.settle(id, &Verdict::Commit, Some(&heard), &self.rules, now);
        self.check_fresh(truth, &before);
    }

    fn check_fresh(&self, truth: &Truth, before: &Coverage) {
        for settled in self.ledger.coverage.settled().windows() {
            before.settled().gaps(*settled).into_iter().for_each(|fresh| self.check_final(truth, fresh));
        }
    }

    /// A person has looked: what was parked is tried again, and the lane is open.
    pub fn mend(&mut self) {
        self.lane.closed = None;
        for job in self.ledger.jobs.iter_mut().filter(|job| job.is_parked()) {
            (job.state, job.failures, job.rechecks) = (JobState::Waiting, 0, 0);
        }
    }
}
