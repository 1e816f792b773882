//! A fake database: the ledger, the lane and the table. Each call is one
//! transaction. The properties that must hold at every moment are checked here.

use crate::dataset::{Dataset, State};
use crate::fake_vendor::{Reply, SentRow};
use chrono::{DateTime, TimeDelta, Utc};
use domain::backfill::Progress;
use domain::coverage::Coverage;
use domain::item::NamedItems;
use domain::job::{Job, JobState, Purpose};
use domain::judge::{Judgement, Verdict};
use domain::lane::{Lane, Lease};
use domain::ledger::{AnswerSummary, Ledger};
use domain::live_slot::{due_at, slot_at};
use domain::next_job::{LaneContext, next_job};
use domain::plan::Plan;
use domain::planner::plan;
use domain::row_histogram::RowHistogram;
use domain::rules::Rules;
use domain::slice::Slice;
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
    pub refusals: u32,
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
    /// The live slots that were planned.
    slots: BTreeSet<DateTime<Utc>>,
    /// The newest fence of each slot of the lane.
    fences: BTreeMap<usize, i64>,
    /// The names of all stored verdicts.
    pub verdicts: BTreeSet<&'static str>,
    /// Commits that were refused because the lease was lost.
    pub refused: u32,
    /// The number of mails that matched no export or several.
    pub strays: u32,
    /// The longest delay of a live job since this was last reset.
    pub latest: TimeDelta,
}

/// How long until a ticket counts as lost.
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

    /// The plan of a scheduler that ticks now.
    pub fn plan(&self, now: DateTime<Utc>) -> Plan {
        plan(now, self.since, &self.rules, &self.ledger)
    }

    /// Accepts a plan, new or outdated.
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

    /// Gives new jobs an id; finished backfills are not loaded again.
    fn store(&mut self) {
        for job in self.ledger.jobs.iter_mut().filter(|job| job.id == 0) {
            job.id = self.next_id;
            self.next_id += 1;
        }
        self.ledger.backfills.retain(|backfill| backfill.progress != Progress::Done);
        let live = self.ledger.jobs.iter().filter(|job| job.purpose == Purpose::Live).count();
        assert!(live <= 1, "{live} live jobs stand open");
    }

    /// Dispatches the lane's next job.
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
        let context = LaneContext {
            next_live: Some(due_at(slot_at(now, &self.rules) + interval, &self.rules) - spacing),
            last_background: self.last_background,
            last_backfill: self.last_backfill,
            quota: None,
            is_exporting: self.is_exporting(now),
            has_spare: false,
        };
        let id = next_job(&self.ledger.jobs, &context, now)?.id;
        let job = self.ledger.jobs.iter_mut().find(|job| job.id == id)?;
        assert!(!job.awaits_mail(now), "requested again while its mail is awaited");
        job.attempt += 1;
        job.state = JobState::Dispatched { until: now + TICKET };
        Some(Ticket { job: id, attempt: job.attempt })
    }

    /// Claims a ticket's job if the ticket is the newest one and the lane is free.
    pub fn claim(&mut self, ticket: Ticket, now: DateTime<Utc>) -> Option<Claim> {
        let named = |job: &&mut Job| job.id == ticket.job && job.attempt == ticket.attempt;
        let asked = self.ledger.jobs.iter().find(|job| job.id == ticket.job)?;
        let is_blocked_by_export = asked.is_blocked_by_export(&self.ledger.jobs, now);
        let job = self.ledger.jobs.iter_mut().find(named)?;
        if !matches!(job.state, JobState::Dispatched { .. }) {
            return None;
        }
        // The ticket may have been late, so that a newer one exists.
        if is_blocked_by_export {
            job.state = JobState::Waiting;
            return None;
        }
        let Ok(lease) = self.lane.acquire(now, self.rules.lease) else {
            job.state = JobState::Waiting;
            return None;
        };
        job.start(now, lease.until);
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
        Some(Claim { ticket, job, lease, now, refusals: self.lane.refusals })
    }

    /// Renews the lease.
    pub fn renew(&mut self, claimed: &Claim, now: DateTime<Utc>) -> Option<Lease> {
        let lease = self.lane.renew(&claimed.lease, now, self.rules.lease)?;
        let job = self.ledger.jobs.iter_mut().find(|job| job.id == claimed.ticket.job)?;
        job.state = JobState::Running { until: lease.until };
        Some(lease)
    }

    /// Commits an exchange, or nothing if the lease is lost; returns whether it committed.
    pub fn commit(
        &mut self,
        dataset: &Dataset,
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
            // A mail for an earlier request may have ended the job meanwhile.
            None => assert!(matches!(claimed.job.slice, Slice::Export(_)), "the job is gone"),
            Some(own) => assert!(own.attempt == claimed.ticket.attempt && own.is_running(), "not its own job"),
        }
        let earliest_change = self.upsert(&reply.rows);
        let answer = reply.answer.as_ref().ok().map(|answer| AnswerSummary {
            sent_at: claimed.now,
            elapsed: (reply.at - claimed.now).to_std().unwrap_or_default(),
            rows: answer.rows,
            earliest_change,
            items: NamedItems::default(),
            named: 0,
            is_over_budget: false,
            item_status: None,
            histogram: claimed.job.slice.window().map(|window| {
                let mut histogram = RowHistogram::new(window, claimed.now, &self.rules);
                reply.rows.iter().for_each(|(_, at, _)| histogram.add(*at));
                histogram
            }),
        });
        self.verdicts.insert(judged.verdict.as_str());
        let before = self.ledger.coverage.clone();
        self.ledger.settle(claimed.job.id, &judged.verdict, answer.as_ref(), &self.rules, now);
        self.store();
        self.lane.release(&claimed.lease, now, reply.idle);
        self.lane.note_result(reply.answer.as_ref().map(|_| ()), claimed.refusals, now);
        if let Some(closure) = &judged.closure {
            self.lane.close(closure.clone());
        }
        self.check_fresh(dataset, &before);
        true
    }

    /// Checks P3: final windows equal what the vendor holds in the end.
    pub fn check_final(&self, dataset: &Dataset, window: Window) {
        for row in dataset.within(window) {
            let held = self.table.get(&row.id).map(|(_, state)| *state);
            assert_eq!(held, Some(State::Closed), "{window} is final, but not the row at {}", row.at);
        }
    }

    /// Upserts rows; returns the earliest new or changed one inside a window held before.
    fn upsert(&mut self, rows: &[SentRow]) -> Option<DateTime<Utc>> {
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

    /// Commits the rows of a mail and the job that it answers.
    pub fn take(&mut self, dataset: &Dataset, id: i64, rows: &[SentRow], sent_at: DateTime<Utc>, now: DateTime<Utc>) {
        let earliest_change = self.upsert(rows);
        let (elapsed, items) = (Duration::ZERO, NamedItems::default());
        let answer = AnswerSummary {
            sent_at,
            elapsed,
            rows: rows.len() as u64,
            earliest_change,
            items,
            named: 0,
            is_over_budget: false,
            item_status: None,
            histogram: None,
        };
        let before = self.ledger.coverage.clone();
        self.ledger.settle(id, &Verdict::Commit, Some(&answer), &self.rules, now);
        self.check_fresh(dataset, &before);
    }

    fn check_fresh(&self, dataset: &Dataset, before: &Coverage) {
        for settled in self.ledger.coverage.settled().windows() {
            before.settled().gaps(*settled).into_iter().for_each(|fresh| self.check_final(dataset, fresh));
        }
    }

    /// An operator retries all parked jobs and opens the lane.
    pub fn stop_faults(&mut self) {
        self.lane.closed = None;
        for job in self.ledger.jobs.iter_mut().filter(|job| job.is_parked()) {
            (job.state, job.failures, job.rechecks) = (JobState::Waiting, 0, 0);
        }
    }
}
