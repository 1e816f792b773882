//! Properties of the planner, at every tick of any stream.

use crate::strategies::{DAY, HOUR, are_in_order, at, often, rules, tile, window, windows};
use crate::stream_simulation::{StreamEvent, StreamSimulation, any_rules, any_stream_event};
use chrono::{DateTime, TimeDelta, Utc};
use domain::backfill::{Backfill, Mode, Progress};
use domain::coverage::Completeness;
use domain::job::{Job, Purpose};
use domain::judge::Verdict;
use domain::ledger::Ledger;
use domain::live_slot::{due_at, slot_at};
use domain::plan::Plan;
use domain::planner::windows_for;
use domain::rules::Rules;
use domain::slice::Slice;
use domain::spans::Spans;
use domain::stalled::stalled_backfills;
use domain::window::Window;
use proptest::prelude::*;
use std::time::Duration;

/// The most open jobs of one purpose, once the density is known.
const FEW: usize = 4;
/// The most open jobs per refresh for windows that one more read makes final.
const MORE: usize = 32;

/// One tick: the ledger before it, and the plan.
struct Tick {
    stream: StreamSimulation,
    before: Ledger,
    plan: Plan,
}

impl Tick {
    fn slot(&self) -> DateTime<Utc> {
        slot_at(self.stream.now, &self.stream.rules)
    }

    fn rules(&self) -> &Rules {
        &self.stream.rules
    }

    /// The first instant that the vendor still keeps, on a step.
    fn oldest(&self) -> DateTime<Utc> {
        let Some(oldest) = self.rules().oldest(self.stream.now) else { return DateTime::<Utc>::MIN_UTC };
        let step = self.rules().step.num_milliseconds();
        let past = (oldest - at(0)).num_microseconds().unwrap().rem_euclid(step * 1_000);
        if past == 0 { oldest } else { oldest + TimeDelta::microseconds(step * 1_000 - past) }
    }

    /// Where the live sync begins: a vendor with units is asked for the whole first one.
    fn begins(&self) -> DateTime<Utc> {
        self.rules().floor(self.stream.since.max(self.oldest()))
    }

    /// The instants at which the remaining windows may begin.
    fn edges(&self) -> Vec<DateTime<Utc>> {
        let (coverage, ledger) = (&self.before.coverage, &self.before);
        let held = coverage.held().windows().iter().chain(coverage.settled().windows()).copied();
        let ordered = ledger
            .backfills
            .iter()
            .flat_map(|backfill| backfill.answered.windows().iter().copied().chain([needed(backfill, self.rules())]));
        let edges = held.chain(ordered).chain(windows(&ledger.jobs)).flat_map(|window| [window.from(), window.to()]);
        edges.chain([self.stream.since]).collect()
    }

    /// A planned window lies within `[since, slot]`, or within its backfill's window up to the slot.
    fn stays_in_its_span(&self) {
        for job in &self.plan.jobs {
            let asked = job.slice.window().unwrap();
            assert!(asked.to() <= self.slot(), "{asked} reaches into the future");
            assert!(asked.from() >= self.oldest(), "{asked} reaches before what the vendor keeps");
            assert!(asked.to() <= self.background_end(), "{asked} overlaps the next live job");
            match job.purpose {
                Purpose::Backfill(id) => {
                    let backfill = self.before.backfills.iter().find(|backfill| backfill.id == id).unwrap();
                    assert!(needed(backfill, self.rules()).covers(&asked));
                }
                // Before it, only windows that a backfill read within the settle time.
                _ => assert!(self.begins() <= asked.from() || self.before.coverage.held().covers(asked)),
            }
        }
    }

    fn fits_steps_and_length(&self) {
        for asked in windows(&self.plan.jobs) {
            assert!(self.rules().expand(asked).span() <= self.rules().longest, "{asked} is too long");
            for edge in [asked.from(), asked.to()] {
                let from_grid = (edge - at(0)).num_milliseconds() % self.rules().step.num_milliseconds();
                assert_eq!(from_grid, 0, "{asked} does not end on steps of {}", self.rules().step);
            }
        }
    }

    fn begins_on_a_unit(&self) {
        let edges = self.edges();
        for asked in windows(&self.plan.jobs) {
            let begins = self.rules().floor(asked.from()) == asked.from() || edges.contains(&asked.from());
            assert!(begins, "{asked} begins inside a unit");
        }
    }

    fn is_published(&self) {
        let Some(after) = self.rules().ready_after else { return };
        for asked in windows(&self.plan.jobs) {
            let whole = self.rules().expand(asked);
            assert!(whole.to() + after <= self.stream.now, "{asked} is published from {} on", whole.to() + after);
        }
    }

    /// Time after the newest planned slot belongs to the next live job, which reaches back to that slot, unless the
    /// stream is parked.
    fn background_end(&self) -> DateTime<Utc> {
        self.stream.ledger.slot.filter(|_| self.before.parked().is_none()).unwrap_or(self.slot())
    }

    /// Whether the job is obsolete.
    fn is_obsolete(&self, job: &Job) -> bool {
        self.plan.obsolete.contains(&job.id)
    }

    fn requests_no_window_twice(&self) {
        let mut planned = windows(&self.plan.jobs);
        // The live job begins with a whole unit, even if another job covers a part of it.
        let is_live = self.plan.jobs.first().is_some_and(|job| job.purpose == Purpose::Live);
        let shared =
            if is_live { self.rules().floor(planned[0].from()) + self.rules().granularity } else { self.slot() };
        let open: Spans = windows(self.before.jobs.iter().filter(|job| !self.is_obsolete(job))).into_iter().collect();
        assert!(
            planned.iter().enumerate().all(|(at, asked)| {
                let from = if is_live && at == 0 { shared } else { asked.from() };
                Window::new(from, asked.to()).is_none_or(|asked| open.within(asked).is_empty())
            }),
            "{:?} stand open already: {:?}",
            planned,
            self.before.jobs
        );
        planned.sort_unstable();
        assert!(are_in_order(&planned), "planned twice: {planned:?}");
    }

    fn is_in_order(&self) {
        let live = self.plan.jobs.iter().filter(|job| job.purpose == Purpose::Live).count();
        assert!(live <= 1);
        if live == 1 {
            assert_eq!(self.plan.jobs[0].purpose, Purpose::Live);
            assert_eq!(windows(&self.plan.jobs)[0].to(), self.slot());
            assert_eq!(self.plan.slot, Some(self.slot()));
            assert_eq!(self.plan.jobs[0].due, due_at(self.slot(), self.rules()));
            assert!(self.before.slot.is_none_or(|slot| slot < self.slot()), "a slot was planned twice");
        }
        let open = self.stream.ledger.jobs.iter().filter(|job| job.purpose == Purpose::Live).count();
        assert!(open <= 1, "{open} live jobs stand open");
        assert!(self.plan.jobs.iter().all(|job| job.due <= self.stream.now), "a job is due later");
        assert!(self.plan.jobs.windows(2).all(|pair| pair[0].purpose <= pair[1].purpose));
    }

    fn is_small(&self) {
        for purpose in self.plan.jobs.iter().map(|job| job.purpose) {
            let horizon = self.slot() - self.rules().settle;
            let aged = |job: &&Job| {
                purpose == Purpose::Settle && job.slice.window().is_some_and(|window| window.to() <= horizon)
            };
            let (old, young): (Vec<_>, Vec<_>) =
                self.plan.jobs.iter().filter(|job| job.purpose == purpose).partition(aged);
            assert!(young.len() <= FEW, "{} windows of one purpose", young.len());
            assert!(
                old.len() <= if self.plan.refreshed.is_some() { MORE } else { FEW },
                "{} windows past the horizon",
                old.len()
            );
        }
        // An answered live poll teaches nothing about a day and delays no other job.
        let is_first = self.before.coverage.held().is_empty();
        let counts = |job: &&Job| job.purpose != Purpose::Live || is_first && job.rechecks == 0;
        // An export teaches nothing either, and may wait for days.
        let is_probe = |job: &Job| !job.is_parked() && !self.is_obsolete(job) && matches!(job.slice, Slice::Window(_));
        let open = self.before.jobs.iter().filter(counts).any(is_probe);
        if self.before.pace_for(Purpose::Settle).rows_per_day.is_none() {
            let probes = self.plan.jobs.iter().filter(counts).count();
            assert!(probes <= 1, "more than one job while the density is unknown");
            assert!(!open || self.plan.jobs.iter().all(|job| job.purpose == Purpose::Live));
            assert!(
                windows(&self.plan.jobs)
                    .iter()
                    .all(|probe| probe.span() <= self.rules().granularity + TimeDelta::days(1).max(self.rules().step))
            );
        }
    }

    /// The remaining windows of a backfill, up to now.
    fn left(&self, backfill: &Backfill) -> Vec<Window> {
        let needed = needed(backfill, self.rules());
        let until = needed.to().min(self.background_end());
        let Some(askable) = Window::new(needed.from().max(self.oldest()), until) else { return Vec::new() };
        match backfill.mode {
            Mode::Missing => self.before.coverage.held().gaps(askable),
            Mode::All => backfill.answered.gaps(askable),
        }
    }

    fn backfills_move(&self) {
        for backfill in self.before.backfills.iter().filter(|backfill| backfill.progress == Progress::Running) {
            let purpose = Purpose::Backfill(backfill.id);
            let left: Spans = self.left(backfill).into_iter().collect();
            let asked = windows(self.plan.jobs.iter().filter(|job| job.purpose == purpose));
            assert!(asked.iter().all(|asked| left.covers(*asked)), "requests a window that it has");
            assert!(asked.windows(2).all(|pair| pair[0].from() >= pair[1].to()), "not newest first");
            let is_all = left.is_empty() && self.before.unread_spans().within(backfill.window).is_empty();
            assert_eq!(self.plan.finished.contains(&backfill.id), is_all);
            let open: Spans = windows(&self.stream.ledger.jobs).into_iter().collect();
            let free = left.windows().iter().any(|window| !open.gaps(*window).is_empty());
            let after = || self.stream.ledger.jobs.iter().filter(|job| !job.is_parked());
            let probing = self.before.pace.rows_per_day.is_none() && after().next().is_some();
            assert!(!free || probing || after().any(|job| job.purpose == purpose), "a backfill stands still");
        }
    }

    /// A gap of the live sync is planned at once, unless the limit of open jobs is reached.
    fn gaps_are_planned(&self) {
        let Some(wanted) = Window::new(self.stream.since.max(self.oldest()), self.background_end())
            .filter(|_| self.before.parked().is_none())
        else {
            assert!(self.plan.jobs.iter().all(|job| matches!(job.purpose, Purpose::Backfill(_))));
            return;
        };
        let open: Spans = windows(&self.stream.ledger.jobs).into_iter().collect();
        let free = self.before.coverage.held().gaps(wanted).into_iter().any(|gap| !open.gaps(gap).is_empty());
        let is_looked_after = |job: &&Job| !job.is_parked() && job.purpose != Purpose::Item;
        let busy = self.stream.ledger.jobs.iter().filter(is_looked_after).count();
        let probing =
            self.before.pace.rows_per_day.is_none() && self.stream.ledger.jobs.iter().any(|job| !job.is_parked());
        assert!(!free || busy > 0 || probing, "a gap was not planned");
    }

    fn is_done_once_accepted(&self) {
        assert!(self.stream.plan().is_empty(), "{:?}", self.stream.plan());
        assert!(stalled_backfills(self.stream.now, self.stream.since, self.rules(), &self.stream.ledger).is_empty());
    }
}

/// The windows of a backfill: its own, and the span in which the vendor may file late rows.
fn needed(backfill: &Backfill, rules: &Rules) -> Window {
    Window::new(backfill.window.from(), backfill.window.to() + rules.late_filing).unwrap()
}

fn any_life() -> impl Strategy<Value = (Rules, i64, Vec<StreamEvent>)> {
    (any_rules(), 0_i64..20, prop::collection::vec(any_stream_event(), 1..40))
}

fn at_every_tick((rules, days, events): (Rules, i64, Vec<StreamEvent>), law: impl Fn(&Tick)) {
    let mut stream = StreamSimulation::new(rules, days);
    for event in &events {
        if let StreamEvent::Tick(seconds) = event {
            let (before, plan) = stream.tick(*seconds);
            let tick = Tick { stream, before, plan };
            law(&tick);
            stream = tick.stream;
        } else {
            stream.happen(event);
        }
    }
}

proptest! {
    #![proptest_config(often())]

    #[test]
    fn every_planned_window_lies_between_since_and_the_slot(life in any_life()) {
        at_every_tick(life, Tick::stays_in_its_span);
    }

    #[test]
    fn every_planned_window_ends_on_a_step_and_is_not_too_long(life in any_life()) {
        at_every_tick(life, Tick::fits_steps_and_length);
    }

    /// A window that begins inside a unit requests that unit again.
    #[test]
    fn a_planned_window_begins_on_a_unit_or_at_a_gap(life in any_life()) {
        at_every_tick(life, Tick::begins_on_a_unit);
    }

    /// If the vendor publishes whole units, some time after their end.
    #[test]
    fn no_unit_is_requested_before_it_is_published(life in any_life()) {
        at_every_tick(life, Tick::is_published);
    }

    #[test]
    fn no_window_is_planned_twice(life in any_life()) {
        at_every_tick(life, Tick::requests_no_window_twice);
    }

    #[test]
    fn one_live_job_comes_first(life in any_life()) {
        at_every_tick(life, Tick::is_in_order);
    }

    /// Any downtime gives a few long windows; while the density is unknown, one job.
    #[test]
    fn a_plan_is_small_after_any_downtime(life in any_life()) {
        at_every_tick(life, Tick::is_small);
    }

    /// A backfill requests only missing windows, newest first. While windows remain it has a job; when none remain it
    /// is done.
    #[test]
    fn a_running_backfill_always_moves(life in any_life()) {
        at_every_tick(life, Tick::backfills_move);
    }

    #[test]
    fn every_gap_is_planned(life in any_life()) {
        at_every_tick(life, Tick::gaps_are_planned);
    }

    #[test]
    fn an_accepted_plan_leaves_nothing_to_plan(life in any_life()) {
        at_every_tick(life, Tick::is_done_once_accepted);
    }

    /// All schedulers compute the same slots, never ahead of the time.
    #[test]
    fn slots_never_go_backwards(rules in any_rules(), second in 0_i64..10 * DAY, later in 0_i64..DAY) {
        let slot = slot_at(at(second), &rules);
        prop_assert!(slot <= at(second) && slot <= slot_at(at(second + later), &rules));
        prop_assert_eq!(slot_at(due_at(slot, &rules), &rules), slot);
        prop_assert_eq!((slot - at(0)).num_milliseconds() % rules.step.num_milliseconds(), 0);
        let longest = TimeDelta::from_std(rules.interval).unwrap() + rules.step;
        match rules.ready_after {
            None => prop_assert!(at(second) - slot < longest),
            Some(after) => {
                prop_assert!(slot == rules.floor(slot) && due_at(slot, &rules) <= at(second), "{slot} is not the end of a published unit");
                prop_assert!(at(second) - due_at(slot, &rules) < longest + rules.granularity && due_at(slot, &rules) == slot + after);
            }
        }
    }

    /// A dry run lists the windows that will be requested, each once, newest first.
    #[test]
    fn a_dry_run_tiles_the_remaining_windows(rules in any_rules(), days in 1_i64..60, rows in 0_u64..1_000) {
        let rules = Rules { step: TimeDelta::hours(1), granularity: rules.granularity.max(TimeDelta::hours(1)), ..rules };
        let mut ledger = Ledger::default();
        ledger.pace.learn(window(0, DAY), rows, Duration::from_secs(1));
        let whole = window(-days * DAY, 0);
        let mut planned = windows_for(&[whole], &ledger, &rules);
        prop_assert!(planned.windows(2).all(|pair| pair[0].from() == pair[1].to()));
        prop_assert!(planned.iter().all(|part| part.span() <= ledger.pace.window_length(&rules)));
        planned.reverse();
        prop_assert!(tile(whole, &planned));
        // The fewest windows that fit, plus one for rounding to steps.
        let width = ledger.pace.window_length(&rules).num_seconds();
        let fewest = usize::try_from((days * DAY + width - 1) / width).unwrap();
        prop_assert!(planned.len() <= fewest + 1, "{} windows instead of {fewest}", planned.len());
    }

    /// With windows of any length, those past the horizon become final: re-reading does not stay with the newest.
    #[test]
    fn windows_past_the_horizon_become_final(row_cap in 10_u64..100, per_hour in 1_u64..20, settle in 4_i64..40) {
        let refresh = Duration::from_mins(30);
        let rules = Rules { row_cap, settle: TimeDelta::hours(settle), interval: Duration::from_mins(10), refresh, ..rules() };
        let mut stream = StreamSimulation::new(rules, 0);
        // Answers are nearly instant, so a window that is not requested is the planner's fault.
        while stream.now < at((settle + 60) * HOUR) {
            stream.tick(60);
            stream.answer_all(per_hour * 24);
        }
        let old = window(0, 40 * HOUR);
        prop_assert_eq!(stream.ledger.coverage.completeness(old, &[], stream.now), Completeness::Final, "final: {:?}", stream.ledger.coverage.settled());
    }
}

/// If other jobs cover the newest window, the live job waits for the next slot rather than overlap them.
#[test]
fn a_live_job_never_overlaps_another_job() {
    let mut stream = StreamSimulation::new(rules(), 3);
    stream.tick(0);
    stream.answer_all(100);
    stream.tick(600);
    let live = stream.ledger.jobs[0].id;
    stream.ledger.settle(live, &Verdict::Park("no".to_owned()), None, &stream.rules, stream.now);
    stream.order(-3, 9, Mode::All);
    stream.tick(1_200);
    let (newest, backfill) = (stream.plan(), stream.ledger.jobs.len());
    assert!(newest.is_empty() && backfill > 1 && windows(&stream.ledger.jobs).contains(&window(600, 1_800)));
    stream.ledger.jobs.retain(|job| job.id != live);
    let (_, plan) = stream.tick(1);
    assert!(plan.jobs.iter().all(|job| job.purpose != Purpose::Live), "{plan:?}");
}

/// A stream without answers costs one request for one day.
#[test]
fn the_first_plan_is_one_job_for_the_newest_day() {
    let mut stream = StreamSimulation::new(rules(), 20);
    let (_, plan) = stream.tick(0);
    assert_eq!(windows(&plan.jobs), [window(-DAY, 0)]);
    assert_eq!(plan.jobs[0].purpose, Purpose::Live);
}
