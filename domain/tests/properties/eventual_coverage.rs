//! No planned window is lost: after any events, once all jobs are answered, every window is held.

use crate::strategies::{DAY, HOUR, any_window, at, often, rules, ultimate, window, windows};
use crate::stream_simulation::{StreamEvent, StreamSimulation, any_rules, any_stream_event};
use chrono::TimeDelta;
use domain::backfill::Mode;
use domain::job::{Job, JobState, Purpose};
use domain::judge::{Answer, JudgeContext, Verdict, judge};
use domain::ledger::Ledger;
use domain::rules::Rules;
use domain::slice::Slice;
use domain::spans::Spans;
use domain::window::Window;
use proptest::prelude::*;
use std::time::Duration;

/// Retries parked jobs and answers every job in full, until a tick plans nothing.
/// Backfills may reach three weeks ahead.
fn answer_the_rest(stream: &mut StreamSimulation) {
    for _ in 0..120 {
        stream.happen(&StreamEvent::Mend);
        stream.tick(6 * HOUR);
        stream.answer_all(1);
    }
    stream.tick(60);
}

/// The parts of `wanted` that the vendor keeps and that are neither held nor planned.
fn lost(stream: &StreamSimulation, wanted: Window) -> Vec<Window> {
    let oldest = stream.rules.oldest(stream.now).unwrap_or(wanted.from());
    let open = stream.ledger.jobs.iter().filter_map(|job| job.slice.window());
    let known: Spans = stream.ledger.coverage.held().windows().iter().copied().chain(open).collect();
    Window::new(wanted.from().max(oldest), wanted.to()).map_or_else(Vec::new, |wanted| known.gaps(wanted))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: often().cases / 2, ..often() })]

    #[test]
    fn every_planned_window_is_held_in_the_end(rules in any_rules(), days in 0_i64..20, events in prop::collection::vec(any_stream_event(), 1..40), order in (-60_i64..3, 1_i64..20)) {
        let mut stream = StreamSimulation::new(rules, days);
        for event in &events {
            stream.happen(event);
        }
        let ordered = stream.order(order.0, order.1, Mode::All);
        answer_the_rest(&mut stream);
        let slot = stream.ledger.slot.unwrap();
        if let Some(wanted) = Window::new(stream.since, slot) {
            prop_assert_eq!(lost(&stream, wanted), Vec::new(), "{:?}", stream.ledger);
        }
        prop_assert!(stream.now - slot <= TimeDelta::hours(7) + stream.rules.granularity.max(stream.rules.step) * 2 + TimeDelta::hours(30), "live work stands still at {slot}");
        let running: Vec<i64> = stream.ledger.backfills.iter().map(|backfill| backfill.id).collect();
        prop_assert!(!running.contains(&ordered), "a backfill never ends: {:?}", stream.ledger);
    }
}

proptest! {
    #![proptest_config(often())]

    /// A vendor answers an expired window with the rows that are left, so the answer proves nothing.
    #[test]
    fn an_answer_older_than_the_retention_is_never_committed(asked in any_window(9 * DAY), now in 20 * DAY..50 * DAY, rows in 0_u64..9, is_live: bool) {
        let rules = ultimate();
        let purpose = if is_live { Purpose::Live } else { Purpose::Settle };
        let job = Job::new(purpose, Slice::Window(asked), asked.to(), Duration::ZERO);
        let judge_context = JudgeContext { now: at(now), next_day: at(now), jitter: 0.5, previous_request_answered: true, refusals: 0 };
        let verdict = judge(&rules, &job, Ok(&Answer { rows, rejects: 0, by_mail: false, is_over_budget: false, open_until: None }), judge_context).verdict;
        if asked.from() >= rules.oldest(at(now)).unwrap() {
            prop_assert_eq!(verdict, Verdict::Commit);
        } else {
            prop_assert!(matches!(verdict, Verdict::Snooze(due) if due > at(now)), "{verdict:?}");
        }
    }

    /// An expired job is removed and the part that the vendor keeps is planned again; parked and running jobs stay.
    #[test]
    fn a_window_that_expired_in_part_is_planned_again(days in 31_i64..60, state in 0_usize..3, width in 1_i64..9, is_live: bool) {
        let rules = Rules { longest: TimeDelta::days(9), ..ultimate() };
        let mut stream = StreamSimulation::new(rules, 40);
        stream.ledger.pace.rows_per_day = Some(1.0);
        let asked = window((days - 33) * DAY, (days - 33 + width) * DAY);
        let until = at((days + 1) * DAY);
        let state = [JobState::Waiting, JobState::Running { until }, JobState::Parked { reason: String::new() }][state].clone();
        let purpose = if is_live { Purpose::Live } else { Purpose::Settle };
        let job = Job { id: 9, state, ..Job::new(purpose, Slice::Window(asked), asked.to(), Duration::ZERO) };
        let is_waiting = job.state == JobState::Waiting;
        stream.ledger.jobs.push(job);
        stream.ledger.coverage.hold(window(-41 * DAY, (days - 33) * DAY));
        stream.ledger.coverage.hold(window((days - 33 + width) * DAY, (days - 1) * DAY));
        let (before, plan) = stream.tick(days * DAY + 2 * HOUR);
        prop_assert_eq!(plan.obsolete.contains(&9), is_waiting);
        prop_assert_eq!(stream.ledger.jobs.iter().any(|job| job.id == 9), !is_waiting);
        let oldest = stream.rules.oldest(stream.now).unwrap();
        let left = Window::new(oldest.max(asked.from()), asked.to()).filter(|_| is_waiting);
        prop_assert!(left.is_none_or(|left| lost(&stream, left).is_empty()), "{plan:?}");
        // A plan made while the job waited is accepted while it runs: its answer must still count.
        let mut asking = before;
        asking.jobs[0].state = JobState::Running { until };
        asking.accept(plan);
        prop_assert!(asking.jobs.iter().any(|job| job.id == 9));
    }
}

/// Days before the live sync's start that a backfill read within the settle time are read again until final.
#[test]
fn a_window_that_a_backfill_read_too_early_is_read_again() {
    let rules = rules();
    let young = window(-3 * DAY, -2 * DAY);
    let mut ledger = Ledger::default();
    ledger.pace.rows_per_day = Some(10.0);
    ledger.coverage.hold(young);
    ledger.coverage.settle(window(-2 * DAY, 8 * DAY));
    let since = young.to();
    let planned = domain::planner::plan(at(9 * DAY), since, &rules, &ledger);
    assert!(windows(&planned.jobs).contains(&young), "{planned:?}");
}
