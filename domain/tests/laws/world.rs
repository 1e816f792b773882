//! Schedulers, workers and a queue that loses, repeats and reorders, driven by one agenda under virtual time.

use crate::desk::{Claimed, Desk};
use crate::dice::Dice;
use crate::mail::Mail;
use crate::plot::{Kind, Plot};
use crate::truth::{Truth, beginning};
use crate::vendor::{Reply, Vendor};
use chrono::{DateTime, TimeDelta, Utc};
use domain::backfill::{Backfill, Progress};
use domain::job::Job;
use domain::judge::{Circumstances, Judgement, judge};
use domain::plan::Plan;
use domain::spans::Spans;
use domain::want::Slice;
use domain::window::Window;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

enum Event {
    /// A scheduler looks; or it has slept since it looked, and comes with an old plan.
    Tick(usize),
    Slept(Box<Plan>),
    /// A worker that is done looks for the lane's next want.
    Follow,
    /// A ticket arrives at the workers.
    Deliver(Job),
    /// A worker goes on with what it does, unless it has died since.
    Step(usize, u32),
    Revive(usize),
    /// A mail arrives.
    Mail(Box<Mail>),
    /// The queue loses everything.
    Wipe,
    /// A person looks after what was parked or closed.
    Mend,
}

enum Stage {
    Idle,
    Dead,
    /// Has the lane; is about to ask.
    Holding(Claimed),
    /// Has asked; the reply is under way.
    Asking(Claimed, Reply),
    /// Has judged; is about to commit.
    Judged(Claimed, Reply, Judgement),
}

struct Worker {
    stage: Stage,
    life: u32,
}

pub struct World {
    pub plot: Plot,
    pub now: DateTime<Utc>,
    pub desk: Desk,
    pub vendor: Vendor,
    pub span: Window,
    dice: Dice,
    workers: Vec<Worker>,
    agenda: BinaryHeap<Reverse<(DateTime<Utc>, u64)>>,
    events: BTreeMap<u64, Event>,
    count: u64,
    is_calm: bool,
    /// How often a worker died, and how many tickets were lost.
    pub deaths: u32,
    pub lost: u32,
    /// Events before this one are of a queue that was wiped.
    wiped: u64,
}

impl World {
    pub fn new(plot: Plot) -> Self {
        let mut dice = Dice(plot.seed);
        let rules = plot.rules();
        let start = beginning();
        // What lies before it is settled when it is first asked for: nobody would read it again.
        let since = start - TimeDelta::seconds(start.timestamp().rem_euclid(60)) - TimeDelta::hours(plot.settle + 1);
        let whole = Window::new(since - TimeDelta::hours(plot.older), start + TimeDelta::hours(plot.hours)).unwrap();
        let burst = if plot.burst { i64::try_from(plot.row_cap).unwrap() + 2 } else { 0 };
        let spill = if plot.kind == Kind::Ultimate { rules.spill } else { TimeDelta::zero() };
        let truth = Truth::happen(&mut dice, whole, plot.per_hour, (rules.settle, spill), burst);
        let mut desk = Desk::new(rules.clone(), since);
        desk.ledger.backfills.extend(Window::new(whole.from(), since + TimeDelta::minutes(30)).map(|window| {
            Backfill {
                id: 1,
                window,
                mode: plot.mode,
                ordered_at: start,
                progress: Progress::Running,
                answered: Spans::default(),
                windows_done: 0,
                rows: 0,
            }
        }));
        let workers = (0..plot.workers).map(|_| Worker { stage: Stage::Idle, life: 0 }).collect();
        let vendor = Vendor::new(truth, rules, plot.mischief);
        let (agenda, events) = (BinaryHeap::new(), BTreeMap::new());
        let mut world = Self {
            plot,
            now: start,
            desk,
            vendor,
            span: whole,
            dice,
            workers,
            agenda,
            events,
            count: 0,
            is_calm: false,
            deaths: 0,
            lost: 0,
            wiped: 0,
        };
        for scheduler in 0..world.plot.schedulers {
            let late = world.dice.seconds(0, 9);
            world.after(late, Event::Tick(scheduler));
        }
        world.after(TimeDelta::hours(1), Event::Wipe);
        world.after(TimeDelta::minutes(40), Event::Mend);
        world
    }

    fn after(&mut self, wait: TimeDelta, event: Event) {
        self.count += 1;
        self.agenda.push(Reverse((self.now + wait, self.count)));
        self.events.insert(self.count, event);
    }

    /// Lets `time` pass.
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

    /// From now on nothing goes wrong any more, and a person has looked after what did.
    pub fn calm_down(&mut self) {
        (self.plot.mischief, self.vendor.mischief) = (0, 0);
        self.mend();
        // Whatever was asked for in vain so far is no reason to give up any more.
        self.desk.ledger.wants.iter_mut().for_each(|want| want.rechecks = 0);
        self.is_calm = true;
    }

    fn mend(&mut self) {
        self.desk.mend();
        self.vendor.shut_until = self.now;
    }

    fn happen(&mut self, id: u64, event: Event) {
        match event {
            Event::Tick(scheduler) => self.tick(scheduler),
            Event::Follow => self.hand_out(),
            Event::Slept(plan) => self.desk.accept(*plan),
            Event::Deliver(job) if id > self.wiped => self.deliver(job),
            Event::Step(worker, life) if self.workers[worker].life == life => self.step(worker),
            Event::Mail(mail) => self.desk.receive(&self.vendor.truth, &mail, self.now),
            Event::Revive(worker) => self.workers[worker].stage = Stage::Idle,
            Event::Wipe => {
                self.wiped = self.count;
                self.after(TimeDelta::hours(1), Event::Wipe);
            }
            // What waits for a person in the end is to be seen.
            Event::Mend if !self.is_calm => {
                self.mend();
                self.after(TimeDelta::minutes(40), Event::Mend);
            }
            // Too late: lost with the queue, dead, or over.
            Event::Deliver(_) | Event::Step(..) | Event::Mend => {}
        }
    }

    fn tick(&mut self, scheduler: usize) {
        let plan = self.desk.plan(self.now);
        if self.dice.in_thousand(self.plot.mischief) && !plan.is_empty() {
            let asleep = self.dice.seconds(1, 900);
            self.after(asleep, Event::Slept(Box::new(plan)));
        } else {
            self.desk.accept(plan);
        }
        self.hand_out();
        self.after(self.plot.tick(), Event::Tick(scheduler));
    }

    fn hand_out(&mut self) {
        while let Some(job) = self.desk.hand_out(self.now) {
            self.push(job);
        }
    }

    /// The queue: some tickets are lost, some come twice, some late, and so in another order.
    fn push(&mut self, job: Job) {
        let times = if self.dice.in_thousand(self.plot.mischief) { self.dice.between(0, 2) } else { 1 };
        self.lost += u32::from(times == 0);
        for _ in 0..times {
            let late = self.dice.in_thousand(self.plot.mischief * 2);
            let wait = if late { self.dice.seconds(1, 40) } else { TimeDelta::milliseconds(20) };
            self.after(wait, Event::Deliver(job));
        }
    }

    fn deliver(&mut self, job: Job) {
        match self.workers.iter().position(|worker| matches!(worker.stage, Stage::Idle)) {
            Some(worker) => self.take_up(worker, job),
            None => self.after(TimeDelta::seconds(1), Event::Deliver(job)),
        }
    }

    fn take_up(&mut self, worker: usize, job: Job) {
        if let Some(claimed) = self.desk.claim(job, self.now) {
            self.go_on(worker, Stage::Holding(claimed), TimeDelta::milliseconds(10));
        }
    }

    /// The worker's next stage begins after `wait`: or later, where the process is stopped for a while, or never,
    /// where it dies.
    fn go_on(&mut self, worker: usize, stage: Stage, wait: TimeDelta) {
        self.workers[worker].stage = stage;
        if self.dice.in_thousand(self.plot.mischief / 2) {
            self.deaths += 1;
            self.workers[worker].life += 1;
            self.workers[worker].stage = Stage::Dead;
            let dead = self.dice.seconds(1, 200);
            return self.after(dead, Event::Revive(worker));
        }
        let stopped =
            if self.dice.in_thousand(self.plot.mischief / 2) { self.dice.seconds(20, 200) } else { TimeDelta::zero() };
        self.after(wait + stopped, Event::Step(worker, self.workers[worker].life));
    }

    fn step(&mut self, worker: usize) {
        match std::mem::replace(&mut self.workers[worker].stage, Stage::Idle) {
            Stage::Idle | Stage::Dead => {}
            Stage::Holding(claimed) => self.ask(worker, claimed),
            Stage::Asking(claimed, reply) => {
                let next_day = self.now + TimeDelta::minutes(30);
                let at = Circumstances { now: self.now, next_day, jitter: self.dice.jitter(), others_answer: true };
                let judged = judge(&self.desk.rules, &claimed.want, reply.heard.as_ref(), at);
                let wait = TimeDelta::milliseconds(self.dice.between(1, 500));
                self.go_on(worker, Stage::Judged(claimed, reply, judged), wait);
            }
            Stage::Judged(claimed, reply, judged) => {
                if self.desk.commit(&self.vendor.truth, &claimed, &reply, &judged, self.now) {
                    let until = judged.closing.and_then(|closing| closing.until);
                    self.vendor.shut_until = self.vendor.shut_until.max(until.unwrap_or(self.now));
                    // The lane's next want at once, rather than at the next tick.
                    let soon = TimeDelta::from_std(self.desk.rules.spacing).unwrap();
                    self.after(soon, Event::Follow);
                }
            }
        }
    }

    /// Sends only what ends before the lease does; a process that was stopped finds out here.
    fn ask(&mut self, worker: usize, mut claimed: Claimed) {
        let timeout = TimeDelta::from_std(self.desk.rules.timeout).unwrap();
        if self.now + timeout > claimed.lease.until {
            match self.desk.renew(&claimed, self.now) {
                Some(lease) => claimed.lease = lease,
                None => return,
            }
        }
        let window = claimed.want.slice.window().unwrap();
        let reply = if let Slice::Export(window) = claimed.want.slice {
            self.desk.check_one_export(self.now);
            let (reply, mail) = self.vendor.export(&mut self.dice, window, self.now);
            if let Some(mail) = mail {
                self.after(mail.sent - self.now, Event::Mail(Box::new(mail)));
            }
            reply
        } else {
            self.vendor.ask(&mut self.dice, window, self.now)
        };
        let wait = reply.at - self.now;
        self.go_on(worker, Stage::Asking(claimed, reply), wait);
    }
}
