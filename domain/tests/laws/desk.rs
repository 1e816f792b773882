//! What the database holds, and every transaction on it: the ledger, the lane, the table. Each call is one
//! transaction. The laws that must hold at every moment are checked here.

use crate::truth::{State, Truth};
use crate::vendor::{Reply, Seen};
use chrono::{DateTime, TimeDelta, Utc};
use domain::backfill::Progress;
use domain::coverage::Coverage;
use domain::job::Job;
use domain::judge::{Judgement, Verdict};
use domain::lane::{Lane, Lease, Traffic, pick};
use domain::lead::Leads;
use domain::ledger::{Heard, Ledger};
use domain::plan::{Plan, due_at, plan, slot_at};
use domain::rules::Rules;
use domain::tally::Tally;
use domain::want::{Purpose, Slice, Standing, Want};
use domain::window::Window;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A want with a lease on the lane.
#[derive(Clone, Debug)]
pub struct Claimed {
    pub job: Job,
    pub want: Want,
    pub lease: Lease,
    pub now: DateTime<Utc>,
}

pub struct Desk {
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

impl Desk {
    pub fn new(rules: Rules, since: DateTime<Utc>) -> Self {
        Self {
            ledger: Ledger::default(),
            lane: Lane::new(rules.width, rules.spacing),
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
        for want in self.ledger.wants.iter().filter(|want| want.id == 0 && want.purpose == Purpose::Live) {
            assert!(self.slots.insert(want.due), "the slot {} gave two live wants", want.due);
        }
        self.store();
    }

    /// New wants get an id; what has ended is not loaded again.
    fn store(&mut self) {
        for want in self.ledger.wants.iter_mut().filter(|want| want.id == 0) {
            want.id = self.next_id;
            self.next_id += 1;
        }
        self.ledger.backfills.retain(|backfill| backfill.progress != Progress::Done);
        let live = self.ledger.wants.iter().filter(|want| want.purpose == Purpose::Live).count();
        assert!(live <= 1, "{live} live wants stand open");
    }

    /// The lane's next want, handed out.
    pub fn hand_out(&mut self, now: DateTime<Utc>) -> Option<Job> {
        if self.lane.closed.as_ref().is_some_and(|closed| closed.holds(now)) {
            return None;
        }
        let free = self.lane.slots.iter().filter(|slot| slot.not_before <= now && slot.until <= now).count();
        let under_way = |want: &&Want| matches!(want.standing, Standing::Handed { until } if now < until);
        if free <= self.ledger.wants.iter().filter(under_way).count() {
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
        let id = pick(&self.ledger.wants, &traffic, now)?.id;
        let want = self.ledger.wants.iter_mut().find(|want| want.id == id)?;
        assert!(!want.is_awaiting(now), "asked again while its mail is awaited");
        want.attempt += 1;
        want.standing = Standing::Handed { until: now + TICKET };
        Some(Job { want: id, attempt: want.attempt })
    }

    /// Takes up what a ticket names, if it is the newest one and the lane is free.
    pub fn claim(&mut self, job: Job, now: DateTime<Utc>) -> Option<Claimed> {
        let named = |want: &&mut Want| want.id == job.want && want.attempt == job.attempt;
        let asked = self.ledger.wants.iter().find(|want| want.id == job.want)?;
        let is_held_up = asked.is_held_up(&self.ledger.wants, now);
        let want = self.ledger.wants.iter_mut().find(named)?;
        if !matches!(want.standing, Standing::Handed { .. }) {
            return None;
        }
        // The ticket may have been under way for so long that another was handed out meanwhile.
        if is_held_up {
            want.standing = Standing::Waiting;
            return None;
        }
        let Ok(lease) = self.lane.acquire(now, self.rules.lease) else {
            want.standing = Standing::Waiting;
            return None;
        };
        want.take_up(now, lease.until);
        let want = want.clone();
        if want.purpose == Purpose::Live {
            self.latest = self.latest.max(now - want.due);
        } else {
            self.last_background = Some(now);
        }
        if matches!(want.purpose, Purpose::Backfill(_)) {
            self.last_backfill = Some(now);
        }
        self.fences.insert(lease.slot, lease.fence);
        Some(Claimed { job, want, lease, now })
    }

    /// Holds on to the lane.
    pub fn renew(&mut self, claimed: &Claimed, now: DateTime<Utc>) -> Option<Lease> {
        let lease = self.lane.renew(&claimed.lease, now, self.rules.lease)?;
        let want = self.ledger.wants.iter_mut().find(|want| want.id == claimed.job.want)?;
        want.standing = Standing::Running { until: lease.until };
        Some(lease)
    }

    /// Stores all of an exchange, or nothing where the lease is lost; returns whether it did.
    pub fn commit(
        &mut self,
        truth: &Truth,
        claimed: &Claimed,
        reply: &Reply,
        judged: &Judgement,
        now: DateTime<Utc>,
    ) -> bool {
        if !self.lane.is_held(&claimed.lease, now) {
            self.refused += 1;
            return false;
        }
        assert_eq!(self.fences.get(&claimed.lease.slot), Some(&claimed.lease.fence), "an old fence wrote");
        match self.ledger.wants.iter().find(|want| want.id == claimed.job.want) {
            // A mail may have come meanwhile, for an earlier question of ours.
            None => assert!(matches!(claimed.want.slice, Slice::Export(_)), "the want is gone"),
            Some(own) => assert!(own.attempt == claimed.job.attempt && own.is_running(), "not its own want"),
        }
        let earliest_change = self.upsert(&reply.rows);
        let heard = reply.heard.as_ref().ok().map(|answer| Heard {
            asked_at: claimed.now,
            elapsed: (reply.at - claimed.now).to_std().unwrap_or_default(),
            rows: answer.rows,
            earliest_change,
            leads: Leads::default(),
            named: 0,
            found: None,
            tally: claimed.want.slice.window().map(|window| {
                let mut tally = Tally::new(window, claimed.now, &self.rules);
                reply.rows.iter().for_each(|(_, at, _)| tally.add(*at));
                tally
            }),
        });
        self.verdicts.insert(judged.verdict.as_str());
        let before = self.ledger.coverage.clone();
        self.ledger.settle(claimed.want.id, &judged.verdict, heard.as_ref(), &self.rules, now);
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

    /// Rows that came by mail, and what they prove of the want they answer: all of it, or nothing is stored.
    pub fn take(&mut self, truth: &Truth, id: i64, rows: &[Seen], asked_at: DateTime<Utc>, now: DateTime<Utc>) {
        let earliest_change = self.upsert(rows);
        let (elapsed, leads) = (Duration::ZERO, Leads::default());
        let heard = Heard {
            asked_at,
            elapsed,
            rows: rows.len() as u64,
            earliest_change,
            leads,
            named: 0,
            found: None,
            tally: None,
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
        for want in self.ledger.wants.iter_mut().filter(|want| want.is_parked()) {
            (want.standing, want.failures, want.rechecks) = (Standing::Waiting, 0, 0);
        }
    }
}
