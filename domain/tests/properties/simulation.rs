//! A simulation of schedulers, workers and a queue that loses, repeats and reorders tickets, under virtual time.

use crate::dataset::{Dataset, start_time};
use crate::export_mail::ExportMail;
use crate::fake_commit::Exchange;
use crate::fake_store::{Claim, FakeStore};
use crate::fake_vendor::{FakeVendor, Reply};
use crate::rng::Rng;
use crate::scenario::{Scenario, VendorModel};
use crate::strategies::running_backfill;
use chrono::{DateTime, TimeDelta, Timelike, Utc};
use domain::backfill::{Backfill, Mode};
use domain::clock_skew::VendorClock;
use domain::fault::Fault;
use domain::judge::{Answer, JudgeContext, Judgement, judge};
use domain::plan::Plan;
use domain::slice::Slice;
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
    /// The same once more, after the last fault.
    LastMend,
    /// The database's clock is set to so much after the true time.
    Clock(TimeDelta),
}

enum WorkerStage {
    Idle,
    Dead,
    /// The worker holds the lane and is about to send the request.
    Holding(Claim),
    /// The request is sent; the reply is under way.
    Asking(Claim, DateTime<Utc>, Reply),
    /// The answer is judged; the worker is about to commit.
    Judged(Claim, JudgedReply),
}

/// A reply as a worker has judged it.
struct JudgedReply {
    sent: DateTime<Utc>,
    reply: Reply,
    judged: Judgement,
    context: JudgeContext,
    vendor_clock: Option<VendorClock>,
}

struct Worker {
    stage: WorkerStage,
    life: u32,
}

pub struct Simulation {
    pub scenario: Scenario,
    /// The true time, which is the vendor's.
    pub now: DateTime<Utc>,
    /// How far the database's clock is ahead.
    ahead: TimeDelta,
    pub store: FakeStore,
    pub vendor: FakeVendor,
    pub span: Window,
    rng: Rng,
    workers: Vec<Worker>,
    agenda: BinaryHeap<Reverse<(DateTime<Utc>, u64)>>,
    events: BTreeMap<u64, Event>,
    count: u64,
    is_calm: bool,
    /// Whether an operator has everything read again at the end of the faults.
    pub is_read_again: bool,
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
        let mut dataset = Dataset::happen(&mut rng, whole, scenario.per_hour, (rules.settle, late_filing), burst);
        let troubled = Window::new(start, start + TimeDelta::hours(scenario.hours)).unwrap();
        dataset.disturb(&mut rng, troubled, scenario.trouble.edits, scenario.trouble.removals);
        let mut store = FakeStore::new(rules.clone(), since);
        store.ledger.backfills.extend(
            Window::new(whole.from(), since + TimeDelta::minutes(30)).map(|window| Backfill {
                mode: scenario.mode,
                ordered_at: start,
                ..running_backfill(1, window)
            }),
        );
        let workers = (0..scenario.workers).map(|_| Worker { stage: WorkerStage::Idle, life: 0 }).collect();
        let mut vendor = FakeVendor::new(dataset, rules, scenario.faults_per_thousand);
        vendor.allows_future = scenario.trouble.has_clock_steps;
        let (agenda, events) = (BinaryHeap::new(), BTreeMap::new());
        let mut simulation = Self {
            scenario,
            now: start,
            ahead: TimeDelta::zero(),
            store,
            vendor,
            span: whole,
            rng,
            workers,
            agenda,
            events,
            count: 0,
            is_calm: false,
            is_read_again: false,
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
        if simulation.scenario.trouble.has_clock_steps {
            simulation.step_clock();
        }
        simulation
    }

    /// The time by the database's clock.
    fn clock(&self) -> DateTime<Utc> {
        self.now + self.ahead
    }

    /// Sets the clock wrong after some time, and right again after some more.
    fn step_clock(&mut self) {
        let steps = [10, 24 * 60, 10 * 24 * 60].map(TimeDelta::minutes);
        let step = steps[usize::try_from(self.rng.between(0, 2)).unwrap()];
        let step = if self.rng.in_thousand(500) { step } else { -step };
        let (begin, end) = (self.rng.seconds(60, 7_200), self.rng.seconds(20, 3_600));
        self.after(begin, Event::Clock(step));
        self.after(begin + end, Event::Clock(TimeDelta::zero()));
    }

    fn set_clock(&mut self, ahead: TimeDelta) {
        if self.is_calm && ahead != TimeDelta::zero() {
            return;
        }
        if ahead > self.ahead {
            // A lease or a wait that the clock skips ends early, and no process can know: P1 does not hold for the requests that
            // workers have sent, or are about to send, at that moment.
            self.vendor.forget_callers(self.now);
            for worker in self.workers.iter_mut().filter(|worker| matches!(worker.stage, WorkerStage::Holding(_))) {
                (worker.stage, worker.life) = (WorkerStage::Idle, worker.life + 1);
            }
        }
        self.ahead = ahead;
        if ahead == TimeDelta::zero() && !self.is_calm {
            self.step_clock();
        }
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

    /// Stops all faults, retries the parked jobs as an operator would, and has everything read again that the vendor may
    /// have changed.
    pub fn calm_down(&mut self) {
        (self.scenario.faults_per_thousand, self.vendor.faults_per_thousand) = (0, 0);
        let disturbed = std::mem::take(&mut self.scenario.trouble);
        self.set_clock(TimeDelta::zero());
        self.stop_faults();
        if disturbed.edits + disturbed.removals > 0 {
            self.is_read_again = true;
            let again = running_backfill(2, Window::new(self.span.from(), self.now).unwrap());
            self.store.ledger.backfills.push(Backfill { mode: Mode::All, ordered_at: self.now, ..again });
        }
        // A fault may be under way that parks the lane.
        self.after(TimeDelta::minutes(5), Event::LastMend);
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
            Event::Slept(plan) => self.store.accept(*plan, self.now + self.ahead),
            Event::Clock(ahead) => self.set_clock(ahead),
            Event::Deliver(ticket) if id > self.wiped => self.deliver(ticket),
            Event::ResponseSummary(worker, life) if self.workers[worker].life == life => self.step(worker),
            Event::ExportMail(mail) => self.store.receive(&self.vendor.dataset, &mail, self.now + self.ahead),
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
            Event::LastMend => self.stop_faults(),
            // The ticket was lost, the worker crashed, or the faults are over.
            Event::Deliver(_) | Event::ResponseSummary(..) | Event::Mend => {}
        }
    }

    fn tick(&mut self, scheduler: usize) {
        let plan = self.store.plan(self.clock());
        if self.rng.in_thousand(self.scenario.faults_per_thousand) && !plan.is_empty() {
            let asleep = self.rng.seconds(1, 900);
            self.after(asleep, Event::Slept(Box::new(plan)));
        } else {
            self.store.accept(plan, self.clock());
        }
        self.dispatch();
        if self.store.rules.items_per_list.is_some() && self.rng.in_thousand(20) {
            self.store.check_items(&self.vendor.dataset);
        }
        self.after(self.scenario.tick(), Event::Tick(scheduler));
    }

    fn dispatch(&mut self) {
        while let Some(ticket) = self.store.dispatch(self.clock()) {
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
        if let Some(mut claimed) = self.store.claim(ticket, self.clock()) {
            claimed.counted_until -= self.ahead;
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
            WorkerStage::Asking(claimed, sent, reply) => {
                let context = JudgeContext {
                    now: self.clock(),
                    next_day: self.clock() + TimeDelta::minutes(30),
                    jitter: self.rng.jitter(),
                    previous_request_answered: true,
                    refusals: claimed.refusals,
                };
                let judged = judge(&self.store.rules, &claimed.job, reply.answer.as_ref(), context);
                let date = reply.at.with_nanosecond(0).filter(|_| self.vendor.allows_future);
                let vendor_clock = date.map(|date| VendorClock::new(date, self.clock()));
                let wait = TimeDelta::milliseconds(self.rng.between(1, 500));
                let judged = JudgedReply { sent, reply, judged, context, vendor_clock };
                self.advance(worker, WorkerStage::Judged(claimed, judged), wait);
            }
            WorkerStage::Judged(claimed, judged) => self.commit(&claimed, judged),
        }
    }

    fn commit(&mut self, claimed: &Claim, judged: JudgedReply) {
        let JudgedReply { sent, mut reply, mut judged, context, vendor_clock } = judged;
        let rules = self.store.rules.clone();
        let judge_again = |answer: Result<&Answer, &Fault>| judge(&rules, &claimed.job, answer, context);
        if self.rng.in_thousand(self.scenario.trouble.refusals) {
            reply.refuse(&mut self.rng);
            judged = judge_again(reply.answer.as_ref());
        }
        let exchange = Exchange { claimed, reply, judged, sent, vendor_clock };
        let now = self.clock();
        if let Some(judged) = self.store.commit(&self.vendor.dataset, exchange, judge_again, now) {
            let until = judged.closure.and_then(|closure| closure.until).map(|until| until - self.ahead);
            self.vendor.shut_until = self.vendor.shut_until.max(until.unwrap_or(self.now));
            // The lane's next job at once, rather than at the next tick.
            let soon = TimeDelta::from_std(self.store.rules.spacing).unwrap();
            self.after(soon, Event::Follow);
        }
    }

    /// Sends a request only if its time-out ends before the lease; a paused process notices it here.
    fn ask(&mut self, worker: usize, mut claimed: Claim) {
        let [timeout, lease_time] =
            [self.store.rules.timeout, self.store.rules.lease].map(|time| TimeDelta::from_std(time).unwrap());
        if self.now + timeout > claimed.counted_until {
            match self.store.renew(&claimed, self.clock()) {
                Some(lease) => (claimed.lease, claimed.counted_until) = (lease, self.now + lease_time),
                None => return,
            }
        }
        let reply = match &claimed.job.slice {
            Slice::Export(window) => {
                self.store.check_one_export(self.clock());
                let (reply, mail) = self.vendor.export(&mut self.rng, *window, self.now);
                if let Some(mail) = mail {
                    self.after(mail.sent - self.now, Event::ExportMail(Box::new(mail)));
                }
                reply
            }
            Slice::Window(window) if self.store.rules.items_per_list.is_some() => {
                self.vendor.list(&mut self.rng, *window, self.now)
            }
            Slice::Window(window) => self.vendor.ask(&mut self.rng, *window, self.now),
            Slice::Item(key) => self.vendor.fetch(&mut self.rng, key, self.now),
            Slice::Partition(..) | Slice::Delivery(_) => unreachable!("the vendors have neither"),
        };
        let wait = reply.at - self.now;
        self.advance(worker, WorkerStage::Asking(claimed, self.now, reply), wait);
    }
}
