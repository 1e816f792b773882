//! Properties under clocks that are wrong: the database's clock is set forwards and back by minutes, a day or ten days, and the
//! vendor's clock may be off.

use crate::strategies::{DAY, HOUR, any_window, at, full_answer, often, rules, ultimate, window};
use chrono::{DateTime, TimeDelta, Utc};
use domain::clock_skew::{CLOCK_TOLERANCE, VendorClock, answered_at, is_tolerable, latest_past, moved_back};
use domain::coverage::Completeness;
use domain::days::{DaysView, days};
use domain::job::{Job, JobState, Purpose};
use domain::judge::Verdict;
use domain::ledger::Ledger;
use domain::live_slot::slot_at;
use domain::planner::plan;
use domain::rules::Rules;
use domain::slice::Slice;
use domain::window::Window;
use proptest::prelude::*;
use std::time::Duration;

const MINUTE: i64 = 60;

/// A step of the database's clock.
fn any_step() -> impl Strategy<Value = i64> {
    prop::sample::select(vec![10 * MINUTE, -10 * MINUTE, DAY, -DAY, 10 * DAY, -10 * DAY])
}

fn any_vendor() -> impl Strategy<Value = Rules> {
    prop::sample::select(vec![rules(), Rules { granularity: TimeDelta::days(1), ..rules() }, ultimate()])
}

/// One stream, a vendor with a right clock, and the database's clock.
struct World {
    rules: Rules,
    since: DateTime<Utc>,
    ledger: Ledger,
    /// The right time.
    real: DateTime<Utc>,
    /// How far the database's clock is ahead.
    step: TimeDelta,
    /// Whether the vendor's answers state its time.
    has_date: bool,
    next_id: i64,
    requests: usize,
}

impl World {
    fn new(rules: Rules, has_date: bool) -> Self {
        let (since, real) = (at(-4 * DAY), at(7 * HOUR));
        let ledger = Ledger::default();
        Self { rules, since, ledger, real, step: TimeDelta::zero(), has_date, next_id: 1, requests: 0 }
    }

    fn now(&self) -> DateTime<Utc> {
        self.real + self.step
    }

    /// Plans every ten seconds for `seconds`, and answers each job that is due as a worker does.
    fn run(&mut self, seconds: i64) {
        let end = self.real + TimeDelta::seconds(seconds);
        while self.real < end {
            self.real += TimeDelta::seconds(10);
            let plan = plan(self.now(), self.since, &self.rules, &self.ledger);
            self.ledger.accept(plan);
            for job in self.ledger.jobs.iter_mut().filter(|job| job.id == 0) {
                job.id = self.next_id;
                self.next_id += 1;
            }
            let again = domain::planner::plan(self.now(), self.since, &self.rules, &self.ledger);
            assert!(again.is_empty(), "an accepted plan leaves something to plan: {again:?}");
            if let Some(due) = self.ledger.jobs.iter().find(|job| job.is_ready(self.now())).cloned() {
                self.answer(&due);
            }
        }
    }

    /// Answers a job in full: the vendor has rows up to its own time.
    fn answer(&mut self, job: &Job) {
        self.requests += 1;
        let clock = self.has_date.then(|| VendorClock::new(self.real, self.now()));
        let answer = full_answer(answered_at(self.now(), clock), 5);
        let now = self.now();
        self.ledger.has_vendor_clock |= clock.is_some();
        self.ledger.settle(job.id, &Verdict::Commit, Some(&answer), &self.rules, now);
        if clock.is_none_or(|clock| clock.agrees()) {
            self.ledger.forget_future(now, &self.rules);
        }
    }

    /// The states of the days from today to twelve days ahead, by the present clock.
    fn coming_days(&self) -> Vec<Completeness> {
        let view = DaysView {
            ledger: &self.ledger,
            rules: &self.rules,
            zone: chrono_tz::UTC,
            now: self.now(),
            due: slot_at(self.now(), &self.rules),
        };
        let today = self.now().date_naive();
        days(view, today, today + chrono::Days::new(12)).into_iter().map(|day| day.state).collect()
    }

    fn held_until(&self) -> DateTime<Utc> {
        self.ledger.coverage.held().windows().last().map_or(self.since, Window::to)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: often().cases / 8, ..often() })]

    /// With the vendor's time in its answers, coverage never reaches beyond it, whatever the database's clock does.
    #[test]
    fn coverage_never_reaches_beyond_the_vendors_time(step in any_step(), rules in any_vendor(), seconds in 30_i64..20 * MINUTE) {
        let mut world = World::new(rules, true);
        world.run(20 * MINUTE);
        for step in [step, 0] {
            world.step = TimeDelta::seconds(step);
            for _ in 0..3 {
                world.run(seconds / 3);
                prop_assert!(world.held_until() <= world.real, "{} is held at {}", world.held_until(), world.real);
                let horizon = world.real - world.rules.settle;
                prop_assert!(world.ledger.coverage.settled().windows().iter().all(|settled| settled.to() <= horizon));
            }
        }
    }

    /// After the clock came back, live work goes on: within two intervals all that has passed is held. No day to come is held
    /// or final, with or without the vendor's time.
    #[test]
    fn live_work_goes_on_after_the_clock_came_back(step in any_step(), rules in any_vendor(), has_date: bool, wrong in 30_i64..20 * MINUTE) {
        let mut world = World::new(rules, has_date);
        world.run(20 * MINUTE);
        world.step = TimeDelta::seconds(step);
        world.run(wrong);
        world.step = TimeDelta::zero();
        let back = world.real;
        let interval = world.rules.cadence().num_seconds();
        world.run(interval + 2 * MINUTE);
        let slot = slot_at(back, &world.rules);
        prop_assert!(world.held_until() >= slot, "held until {} at {}", world.held_until(), world.real);
        let day = Window::new(world.since, slot).unwrap();
        prop_assert!(world.ledger.coverage.held().covers(day), "{:?} does not cover {day}", world.ledger.coverage.held());
        world.run(interval + 2 * MINUTE);
        prop_assert!(world.held_until() <= latest_past(world.real), "{} is held at {}", world.held_until(), world.real);
        let coming = world.coming_days();
        prop_assert!(coming[1..].iter().all(|state| *state == Completeness::Missing) && coming[0] != Completeness::Final, "{coming:?}");
    }

    /// A vendor whose clock is behind is asked at the live interval, not again and again for what it cannot know yet.
    #[test]
    fn a_vendor_behind_costs_no_more_requests(behind in prop::sample::select(vec![1, 3, 90, 10 * MINUTE, DAY])) {
        let mut world = World::new(rules(), true);
        world.run(HOUR);
        // The vendor's time is `real`, so that the database's is ahead.
        world.step = TimeDelta::seconds(behind);
        world.run(HOUR);
        let before = world.requests;
        world.run(2 * HOUR);
        let slots = usize::try_from(2 * HOUR / world.rules.cadence().num_seconds()).unwrap();
        prop_assert!(world.requests - before <= slots * 2 + 4, "{} requests in {slots} slots", world.requests - before);
        prop_assert!(world.held_until() >= world.real - world.rules.cadence() - TimeDelta::minutes(1), "held until {} at {}", world.held_until(), world.real);
    }
}

proptest! {
    #![proptest_config(often())]

    /// A job that a clock which was ahead has chosen is replaced; one that a right clock can have chosen stays.
    #[test]
    fn jobs_from_the_future_are_replaced(asked in any_window(30 * DAY), due in -DAY..30 * DAY, now in 0..20 * DAY, state in 0_usize..3) {
        let rules = rules();
        let state = [JobState::Waiting, JobState::Running { until: at(now) }, JobState::Parked { reason: String::new() }][state].clone();
        let is_waiting = state == JobState::Waiting;
        let job = Job { id: 7, state, ..Job::new(Purpose::Live, Slice::Window(asked), at(due), Duration::ZERO) };
        let ledger = Ledger { jobs: vec![job], ..Ledger::default() };
        let plan = plan(at(now), at(-DAY), &rules, &ledger);
        let is_future = asked.to() > at(now) + CLOCK_TOLERANCE;
        let waits = due > now + MINUTE + HOUR;
        prop_assert_eq!(plan.obsolete.contains(&7), is_waiting && (is_future || waits));
    }

    /// Slots within the tolerance stay planned, so that one slot has one job although clocks are corrected by seconds.
    #[test]
    fn a_small_step_back_plans_no_second_job(now in 0..20 * DAY, back in 0_i64..59) {
        let rules = rules();
        let slot = slot_at(at(now), &rules);
        let mut ledger = Ledger { slot: Some(slot), refreshed: Some(slot), ..Ledger::default() };
        ledger.coverage.hold(window(-30 * DAY, (slot - at(0)).num_seconds()));
        let plan = plan(at(now - back), at(-30 * DAY), &rules, &ledger);
        prop_assert!(plan.is_empty(), "{plan:?}");
    }

    /// The plan that forgets a future slot does so once, although two schedulers made it.
    #[test]
    fn a_future_slot_is_forgotten_once(ahead in 2 * HOUR..20 * DAY) {
        let rules = rules();
        let mut ledger = Ledger { slot: Some(slot_at(at(ahead), &rules)), ..Ledger::default() };
        let plan = plan(at(0), at(-DAY), &rules, &ledger);
        prop_assert_eq!((plan.future_slot, plan.slot), (ledger.slot, Some(slot_at(at(0), &rules))));
        ledger.accept(plan.clone());
        let after = ledger.clone();
        ledger.accept(plan);
        prop_assert_eq!(ledger.jobs.len(), after.jobs.len());
        prop_assert_eq!(ledger.slot, Some(slot_at(at(0), &rules)));
    }

    #[test]
    fn an_answer_counts_up_to_the_earlier_clock(sent in 0..DAY, date in proptest::option::of(0..DAY), later in 0..HOUR) {
        let clock = date.map(|date| VendorClock::new(at(date), at(sent + later)));
        let counted = answered_at(at(sent), clock);
        prop_assert_eq!(counted, at(date.map_or(sent, |date| date.min(sent))));
        if let Some(clock) = clock {
            let skew = (clock.first - at(sent + later)).num_seconds();
            // The header leaves out the fraction of a second.
            prop_assert!((clock.skew.num_seconds() - skew).abs() <= 1);
            prop_assert_eq!(clock.agrees(), clock.skew.num_seconds().abs() <= MINUTE);
            prop_assert_eq!(is_tolerable(clock.skew), clock.agrees());
        }
    }

    /// A closure keeps its length when the clock is set back, and its end otherwise.
    #[test]
    fn a_closure_keeps_its_length(began in 0..30 * DAY, length in 1..DAY, now in 0..30 * DAY) {
        let until = moved_back(at(began), at(began + length), at(now));
        if began > now + MINUTE {
            prop_assert_eq!(until, at(now + length));
        } else {
            prop_assert_eq!(until, at(began + length));
        }
    }
}
