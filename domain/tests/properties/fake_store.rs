//! A fake database: the ledger, the lane and the table. Each call is one transaction; `fake_commit` holds the commit. The
//! properties that must hold at every moment are checked in both.

use crate::dataset::State;
use crate::fake_items::FakeItems;
use chrono::{DateTime, TimeDelta, Utc};
use domain::backfill::Progress;
use domain::clock_skew::{latest_past, moved_back};
use domain::job::{Job, JobState, Purpose};
use domain::lane::{Freeing, Lane, LaneClosure, Lease};
use domain::ledger::Ledger;
use domain::live_slot::{due_at, slot_at};
use domain::next_job::{LaneContext, next_job};
use domain::plan::Plan;
use domain::planner::{latest_item_due, plan};
use domain::rules::Rules;
use domain::ticket::Ticket;
use std::collections::{BTreeMap, BTreeSet};

/// A job with a lease on the lane.
#[derive(Clone, Debug)]
pub struct Claim {
    pub ticket: Ticket,
    pub job: Job,
    pub lease: Lease,
    pub now: DateTime<Utc>,
    /// The end of the lease by the worker's own count of time. A step of the database's clock does not move it.
    pub counted_until: DateTime<Utc>,
    pub refusals: u32,
}

pub struct FakeStore {
    pub ledger: Ledger,
    pub lane: Lane,
    pub rules: Rules,
    pub since: DateTime<Utc>,
    pub table: BTreeMap<usize, (DateTime<Utc>, State)>,
    /// The rows of the table that the vendor no longer has.
    pub gone: BTreeSet<usize>,
    /// The jobs for items; the ledger holds only those that an answer concerns.
    pub items: FakeItems,
    next_id: i64,
    last_background: Option<DateTime<Utc>>,
    last_backfill: Option<DateTime<Utc>>,
    /// The live slots that were planned.
    slots: BTreeSet<DateTime<Utc>>,
    /// The newest fence of each slot of the lane.
    pub(crate) fences: BTreeMap<usize, i64>,
    /// When the lane was closed.
    pub(crate) closed_at: DateTime<Utc>,
    /// The latest time that the vendor's answers have stated.
    pub(crate) vendor_time: DateTime<Utc>,
    /// The names of all stored verdicts.
    pub verdicts: BTreeSet<&'static str>,
    /// Commits that were refused because the lease was lost.
    pub refused: u32,
    /// The number of days that were final and that an answer reopened.
    pub reopened: u32,
    /// The number of clock steps that were undone in the lane or in the jobs.
    pub steps_undone: u32,
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
            gone: BTreeSet::new(),
            items: FakeItems::default(),
            next_id: 100,
            last_background: None,
            last_backfill: None,
            slots: BTreeSet::new(),
            fences: BTreeMap::new(),
            closed_at: DateTime::UNIX_EPOCH,
            vendor_time: DateTime::UNIX_EPOCH,
            verdicts: BTreeSet::new(),
            refused: 0,
            reopened: 0,
            steps_undone: 0,
            strays: 0,
            latest: TimeDelta::zero(),
        }
    }

    /// The plan of a scheduler that ticks now.
    pub fn plan(&mut self, now: DateTime<Utc>) -> Plan {
        self.ledger.items = self.items.sums();
        plan(now, self.since, &self.rules, &self.ledger)
    }

    /// Accepts a plan, new or outdated.
    pub fn accept(&mut self, plan: Plan, now: DateTime<Utc>) {
        if plan.is_empty() {
            return;
        }
        if plan.future_slot.is_some() && plan.future_slot == self.ledger.slot {
            // A clock that was ahead has planned them, and has postponed items.
            self.slots.clear();
            let latest = latest_item_due(&self.rules, now);
            self.items.open_mut().filter(|job| job.due > latest).for_each(|job| job.due = now);
        }
        self.ledger.accept(plan);
        for job in self.ledger.jobs.iter().filter(|job| job.id == 0 && job.purpose == Purpose::Live) {
            assert!(self.slots.insert(job.due), "the slot {} gave two live jobs", job.due);
        }
        self.store();
    }

    /// Gives new jobs an id; finished backfills are not loaded again.
    pub(crate) fn store(&mut self) {
        for job in self.ledger.jobs.iter_mut().filter(|job| job.id == 0) {
            job.id = self.next_id;
            self.next_id += 1;
        }
        self.items.keep(&mut self.ledger.jobs);
        self.ledger.backfills.retain(|backfill| backfill.progress != Progress::Done);
        let live = self.ledger.jobs.iter().filter(|job| job.purpose == Purpose::Live).count();
        assert!(live <= 1, "{live} live jobs stand open");
    }

    /// An open job.
    pub fn job(&self, id: i64) -> Option<&Job> {
        self.items.job(id).or_else(|| self.ledger.jobs.iter().find(|job| job.id == id))
    }

    fn job_mut(&mut self, id: i64) -> Option<&mut Job> {
        let own = self.ledger.jobs.iter_mut().find(|job| job.id == id);
        own.or_else(|| self.items.open_mut().find(|job| job.id == id))
    }

    /// Dispatches the lane's next job.
    pub fn dispatch(&mut self, now: DateTime<Utc>) -> Option<Ticket> {
        self.undo_clock_step(now);
        if self.lane.closed.as_ref().is_some_and(|closed| closed.holds(now)) {
            return None;
        }
        let free = self.lane.slots.iter().filter(|slot| slot.not_before <= now && slot.until <= now).count();
        let under_way = |job: &&Job| matches!(job.state, JobState::Dispatched { until } if now < until);
        let mut ready = self.items.ready(now);
        if free <= self.ledger.jobs.iter().filter(under_way).count() + self.items.dispatched(now) {
            return None;
        }
        ready.extend(self.ledger.jobs.iter().cloned());
        let interval = TimeDelta::from_std(self.rules.interval).unwrap();
        let spacing = TimeDelta::from_std(self.rules.spacing).unwrap();
        let context = LaneContext {
            next_live: Some(due_at(slot_at(now, &self.rules) + interval, &self.rules) - spacing),
            last_background: self.last_background.filter(|at| *at <= latest_past(now)),
            last_backfill: self.last_backfill.filter(|at| *at <= latest_past(now)),
            quota: None,
            is_exporting: self.is_exporting(now),
            has_spare: false,
        };
        let id = next_job(&ready, &context, now)?.id;
        let job = self.job_mut(id)?;
        assert!(!job.awaits_mail(now), "requested again while its mail is awaited");
        job.attempt += 1;
        job.state = JobState::Dispatched { until: now + TICKET };
        Some(Ticket { job: id, attempt: job.attempt })
    }

    /// Undoes what a clock that was ahead has stored in the lane and in the jobs.
    fn undo_clock_step(&mut self, now: DateTime<Utc>) {
        let longest = self.rules.lease * 2;
        let freed = self.lane.free(now, longest, Freeing::Stranded).freed.len();
        let latest = latest_past(now) + TimeDelta::from_std(longest).unwrap();
        let mut stranded = 0;
        for job in self.ledger.jobs.iter_mut().chain(self.items.open_mut()) {
            if let JobState::Dispatched { until } | JobState::Running { until } = &mut job.state
                && *until > latest
            {
                *until = now;
                stranded += 1;
            }
        }
        self.steps_undone += u32::from(freed + stranded > 0);
        if self.closed_at > latest_past(now)
            && let Some(LaneClosure { until: Some(until), .. }) = &mut self.lane.closed
        {
            *until = moved_back(self.closed_at, *until, now);
            self.closed_at = now;
        }
    }

    /// Claims a ticket's job if the ticket is the newest one and the lane is free.
    pub fn claim(&mut self, ticket: Ticket, now: DateTime<Utc>) -> Option<Claim> {
        let is_blocked_by_export = self.job(ticket.job)?.is_blocked_by_export(&self.ledger.jobs, now);
        let lease_time = self.rules.lease;
        let jobs = self.ledger.jobs.iter_mut().chain(self.items.open_mut());
        let job = jobs.into_iter().find(|job| job.id == ticket.job && job.attempt == ticket.attempt)?;
        if !matches!(job.state, JobState::Dispatched { .. }) {
            return None;
        }
        // The ticket may have been late, so that a newer one exists.
        if is_blocked_by_export {
            job.state = JobState::Waiting;
            return None;
        }
        let Ok(lease) = self.lane.acquire(now, lease_time) else {
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
        Some(Claim { ticket, job, lease, now, counted_until: lease.until, refusals: self.lane.refusals })
    }

    /// Renews the lease.
    pub fn renew(&mut self, claimed: &Claim, now: DateTime<Utc>) -> Option<Lease> {
        let lease = self.lane.renew(&claimed.lease, now, self.rules.lease)?;
        let job = self.job_mut(claimed.ticket.job)?;
        job.state = JobState::Running { until: lease.until };
        Some(lease)
    }

    /// An operator retries all parked jobs and opens the lane.
    pub fn stop_faults(&mut self) {
        self.lane.closed = None;
        for job in self.ledger.jobs.iter_mut().chain(self.items.open_mut()).filter(|job| job.is_parked()) {
            (job.state, job.failures, job.rechecks) = (JobState::Waiting, 0, 0);
        }
    }
}
