//! A simulation of schedulers, workers and a queue that loses, repeats and reorders tickets, under virtual time.

use crate::dataset::{Dataset, start_time};
use crate::export_mail::ExportMail;
use crate::fake_store::{Claim, FakeStore};
use crate::fake_vendor::{FakeVendor, Reply};
use crate::rng::Rng;
use crate::scenario::{Scenario, VendorModel};
use chrono::{DateTime, TimeDelta, Utc};
use domain::backfill::{Backfill, Progress};
use domain::judge::{JudgeContext, Judgement, judge};
use domain::plan::Plan;
use domain::slice::Slice;
use domain::spans::Spans;
use domain::ticket::Ticket;
use domain::window::Window;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

enum Event {
    /// A scheduler ticks, or a paused scheduler resumes and accepts its outdated plan.
    Tick(usize),
    Slept(Box<Plan>),
    /// A worker that has committed dispatches the lane's next job.
    Follow,
    /// A worker receives a ticket.
    Deliver(Ticket),
    /// A worker begins its next stage, unless it has crashed since.
    ResponseSummary(usize, u32),
    Revive(usize),
    /// A mail arrives.
    ExportMail(Box<ExportMail>),
    /// The queue loses all tickets.
    Wipe,
    /// An operator retries parked jobs and opens the lane.
    Mend,
}

enum WorkerStage {
    Idle,
    Dead,
    /// The worker holds the lane and is about to send the request.
    Holding(Claim),
    /// The request is sent; the reply is under way.
    Asking(Claim, Reply),
    /// The answer is judged; the worker is about to commit.
    Judged(Claim, Reply, Judgement),
}

struct Worker {
    stage: WorkerStage,
    life: u32,
}

pub struct Simulation {
    pub scenario: Scenario,
    pub now: DateTime<Utc>,
    pub store: FakeStore,
    pub vendor: FakeVendor,
    pub span: Window,
    rng: Rng,
    workers: Vec<Worker>,
    agenda: BinaryHeap<Reverse<(DateTime<Utc>, u64)>>,
    events: BTreeMap<u64, Event>,
    count: u64,
    is_calm: bool,
    /// The number of crashes, and of lost tickets.
    pub deaths: u32,
    pub lost: u32,
    /// Tickets of earlier events were lost with the queue.
    wiped: u64,
}

impl Simulation {
    pub fn new(scenario: Scenario) -> Self {
        let mut rng = Rng(scenario.seed);
        let rules = scenario.rules();
        let start = start_time();
        // Windows before it are settled at the first request, so no job would read them again.
        let since =
            start - TimeDelta::seconds(start.timestamp().rem_euclid(60)) - TimeDelta::hours(scenario.settle + 1);
        let whole =
            Window::new(since - TimeDelta::hours(scenario.older), start + TimeDelta::hours(scenario.hours)).unwrap();
        let burst = if scenario.burst { i64::try_from(scenario.row_cap).unwrap() + 2 } else { 0 };
        let late_filing = if scenario.model == VendorModel::Ultimate { rules.late_filing } else { TimeDelta::zero() };
        let dataset = Dataset::happen(&mut rng, whole, scenario.per_hour, (rules.settle, late_filing), burst);
        let mut store = FakeStore::new(rules.clone(), since);
        store.ledger.backfills.extend(Window::new(whole.from(), since + TimeDelta::minutes(30)).map(|window| {
            Backfill {
                id: 1,
                window,
                mode: scenario.mode,
                ordered_at: start,
                progress: Progress::Running,
                answered: Spans::default(),
                windows_done: 0,
                items_done: 0,
                rows: 0,
            }
        }));
        let workers = (0..scenario.workers).map(|_| Worker { stage: WorkerStage::Idle, life: 0 }).collect();
        let vendor = FakeVendor::new(dataset, rules, scenario.faults_per_thousand);
        let (agenda, events) = (BinaryHeap::new(), BTreeMap::new());
        let mut simulation = Self {
            scenario,
            now: start,
            store,
            vendor,
            span: whole,
            rng,
            workers,
            agenda,
            events,
            count: 0,
            is_calm: false,
            deaths: 0,
            lost: 0,
            wiped: 0,
        };
        for scheduler in 0..simulation.scenario.schedulers {
            let late = simulation.rng.seconds(0, 9);
            simulation.after(late, Event::Tick(scheduler));
        }
        simulation.after(TimeDelta::hours(1), Event::Wipe);
        simulation.after(TimeDelta::minutes(40), Event::Mend);
        simulation
    }

    fn after(&mut self, wait: TimeDelta, event: Event) {
        self.count += 1;
        self.agenda.push(Reverse((self.now + wait, self.count)));
        self.events.insert(self.count, event);
    }

    /// Runs all events of the next `time`.
    pub fn pass(&mut self, time: TimeDelta) {
        let end = self.now + time;
        while let Some(Reverse((at, id))) = self.agenda.peek().copied().filter(|Reverse((at, _))| *at <= end) {
            self.agenda.pop();
            self.now = at;
            if let Some(event) = self.events.remove(&id) {
                self.happen(id, event);
            }
        }
        self.now = end;
    }

    /// Stops all faults, and retries the parked jobs as an operator would.
    pub fn calm_down(&mut self) {
        (self.scenario.faults_per_thousand, self.vendor.faults_per_thousand) = (0, 0);
        self.stop_faults();
        // Earlier rechecks must not park a job any more.
        self.store.ledger.jobs.iter_mut().for_each(|job| job.rechecks = 0);
        self.is_calm = true;
    }

    fn stop_faults(&mut self) {
        self.store.stop_faults();
        self.vendor.shut_until = self.now;
    }

    fn happen(&mut self, id: u64, event: Event) {
        match event {
            Event::Tick(scheduler) => self.tick(scheduler),
            Event::Follow => self.dispatch(),
            Event::Slept(plan) => self.store.accept(*plan),
            Event::Deliver(ticket) if id > self.wiped => self.deliver(ticket),
            Event::ResponseSummary(worker, life) if self.workers[worker].life == life => self.step(worker),
            Event::ExportMail(mail) => self.store.receive(&self.vendor.dataset, &mail, self.now),
            Event::Revive(worker) => self.workers[worker].stage = WorkerStage::Idle,
            Event::Wipe => {
                self.wiped = self.count;
                self.after(TimeDelta::hours(1), Event::Wipe);
            }
            // At the end parked jobs must stay visible.
            Event::Mend if !self.is_calm => {
                self.stop_faults();
                self.after(TimeDelta::minutes(40), Event::Mend);
            }
            // The ticket was lost, the worker crashed, or the faults are over.
            Event::Deliver(_) | Event::ResponseSummary(..) | Event::Mend => {}
        }
    }

    fn tick(&mut self, scheduler: usize) {
        let plan = self.store.plan(self.now);
        if self.rng.in_thousand(self.scenario.faults_per_thousand) && !plan.is_empty() {
            let asleep = self.rng.seconds(1, 900);
            self.after(asleep, Event::Slept(Box::new(plan)));
        } else {
            self.store.accept(plan);
        }
        self.dispatch();
        self.after(self.scenario.tick(), Event::Tick(scheduler));
    }

    fn dispatch(&mut self) {
        while let Some(ticket) = self.store.dispatch(self.now) {
            self.push(ticket);
        }
    }

    /// Pushes a ticket: some are lost, some arrive twice, some late and so in another order.
    fn push(&mut self, ticket: Ticket) {
        let times = if self.rng.in_thousand(self.scenario.faults_per_thousand) { self.rng.between(0, 2) } else { 1 };
        self.lost += u32::from(times == 0);
        for _ in 0..times {
            let late = self.rng.in_thousand(self.scenario.faults_per_thousand * 2);
            let wait = if late { self.rng.seconds(1, 40) } else { TimeDelta::milliseconds(20) };
            self.after(wait, Event::Deliver(ticket));
        }
    }

    fn deliver(&mut self, ticket: Ticket) {
        match self.workers.iter().position(|worker| matches!(worker.stage, WorkerStage::Idle)) {
            Some(worker) => self.take_up(worker, ticket),
            None => self.after(TimeDelta::seconds(1), Event::Deliver(ticket)),
        }
    }

    fn take_up(&mut self, worker: usize, ticket: Ticket) {
        if let Some(claimed) = self.store.claim(ticket, self.now) {
            self.advance(worker, WorkerStage::Holding(claimed), TimeDelta::milliseconds(10));
        }
    }

    /// Begins the worker's next stage after `wait`, later if the process is paused, or never if it crashes.
    fn advance(&mut self, worker: usize, stage: WorkerStage, wait: TimeDelta) {
        self.workers[worker].stage = stage;
        if self.rng.in_thousand(self.scenario.faults_per_thousand / 2) {
            self.deaths += 1;
            self.workers[worker].life += 1;
            self.workers[worker].stage = WorkerStage::Dead;
            let dead = self.rng.seconds(1, 200);
            return self.after(dead, Event::Revive(worker));
        }
        let stopped = if self.rng.in_thousand(self.scenario.faults_per_thousand / 2) {
            self.rng.seconds(20, 200)
        } else {
            TimeDelta::zero()
        };
        self.after(wait + stopped, Event::ResponseSummary(worker, self.workers[worker].life));
    }

    fn step(&mut self, worker: usize) {
        match std::mem::replace(&mut self.workers[worker].stage, WorkerStage::Idle) {
            WorkerStage::Idle | WorkerStage::Dead => {}
            WorkerStage::Holding(claimed) => self.ask(worker, claimed),
            WorkerStage::Asking(claimed, reply) => {
                let next_day = self.now + TimeDelta::minutes(30);
                let at = JudgeContext {
                    now: self.now,
                    next_day,
                    jitter: self.rng.jitter(),
                    previous_request_answered: true,
                    refusals: claimed.refusals,
                };
                let judged = judge(&self.store.rules, &claimed.job, reply.answer.as_ref(), at);
                let wait = TimeDelta::milliseconds(self.rng.between(1, 500));
                self.advance(worker, WorkerStage::Judged(claimed, reply, judged), wait);
            }
            WorkerStage::Judged(claimed, reply, judged) => {
                if self.store.commit(&self.vendor.dataset, &claimed, &reply, &judged, self.now) {
                    let until = judged.closure.and_then(|closure| closure.until);
                    self.vendor.shut_until = self.vendor.shut_until.max(until.unwrap_or(self.now));
                    // The lane's next job at once, rather than at the next tick.
                    let soon = TimeDelta::from_std(self.store.rules.spacing).unwrap();
                    self.after(soon, Event::Follow);
                }
            }
        }
    }

    /// Sends a request only if its time-out ends before the lease; a paused process notices it here.
    fn ask(&mut self, worker: usize, mut claimed: Claim) {
        let timeout = TimeDelta::from_std(self.store.rules.timeout).unwrap();
        if self.now + timeout > claimed.lease.until {
            match self.store.renew(&claimed, self.now) {
                Some(lease) => claimed.lease = lease,
                None => return,
            }
        }
        let window = claimed.job.slice.window().unwrap();
        let reply = if let Slice::Export(window) = claimed.job.slice {
            self.store.check_one_export(self.now);
            let (reply, mail) = self.vendor.export(&mut self.rng, window, self.now);
            if let Some(mail) = mail {
                self.after(mail.sent - self.now, Event::ExportMail(Box::new(mail)));
            }
            reply
        } else {
            self.vendor.ask(&mut self.rng, window, self.now)
        };
        let wait = reply.at - self.now;
        self.advance(worker, WorkerStage::Asking(claimed, reply), wait);
    }
}
