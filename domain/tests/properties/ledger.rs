//! Properties of settling verdicts and accepting plans.

use crate::strategies::{HOUR, at, full_answer, often, rules, window};
use crate::stream_simulation::{SettledJob, StreamEvent, StreamSimulation, any_rules, any_stream_event};
use chrono::{DateTime, TimeDelta, Utc};
use domain::job::{Job, JobState, Purpose};
use domain::judge::Verdict;
use domain::ledger::Ledger;
use domain::rules::Rules;
use domain::slice::Slice;
use domain::spans::Spans;
use domain::window::Window;
use proptest::prelude::*;
use std::time::Duration;

fn any_life() -> impl Strategy<Value = (Rules, i64, Vec<StreamEvent>)> {
    (any_rules(), 0_i64..20, prop::collection::vec(any_stream_event(), 1..40))
}

fn after_every_answer(
    (rules, days, events): (Rules, i64, Vec<StreamEvent>),
    law: impl Fn(&SettledJob, &StreamSimulation),
) {
    let mut stream = StreamSimulation::new(rules, days);
    for event in &events {
        if let StreamEvent::Answer(which, reply) = event {
            if let Some(settled) = stream.answer(*which, reply) {
                law(&settled, &stream);
            }
        } else {
            stream.happen(event);
        }
    }
}

fn plus(spans: &Spans, window: Option<Window>) -> Spans {
    spans.windows().iter().copied().chain(window).collect()
}

/// P4: coverage grows by exactly the window, and only for a full answer. P3: of it, what was settled at the request and
/// has not changed since the last read becomes final.
fn coverage_grows_by_what_was_answered(settled: &SettledJob, stream: &StreamSimulation) {
    let (before, after) = (&settled.before.coverage, &stream.ledger.coverage);
    let (Verdict::Commit, Some(answer), Some(asked)) = (&settled.verdict, &settled.answer, settled.job.slice.window())
    else {
        assert_eq!(after, before, "{:?} changed the coverage", settled.verdict);
        return;
    };
    let horizon = answer.sent_at - stream.rules.settle;
    assert!(
        after.held().windows().last().is_none_or(|held| before.held().covers(*held) || held.to() <= answer.sent_at)
    );
    let end = answer.earliest_change.into_iter().chain([horizon, asked.to()]).min().unwrap();
    let whole = (end - asked.from()).num_milliseconds();
    let beyond = whole.rem_euclid(stream.rules.step.num_milliseconds());
    let end = asked.from() + TimeDelta::milliseconds(whole - beyond);
    assert_eq!(after.held(), &plus(before.held(), answered_part(asked, answer.sent_at, stream)));
    assert_eq!(after.settled(), &plus(before.settled(), Window::new(asked.from(), end)));
}

/// P4: an answer shows nothing later than the instant of its request. The rest begins where a request can begin.
fn answered_part(asked: Window, sent_at: DateTime<Utc>, stream: &StreamSimulation) -> Option<Window> {
    if asked.to() <= sent_at {
        return Some(asked);
    }
    let millis = (sent_at - asked.from()).num_milliseconds();
    let whole = millis - millis.rem_euclid(stream.rules.step.num_milliseconds());
    Window::new(asked.from(), asked.from() + TimeDelta::milliseconds(whole))
}

fn no_job_is_lost(settled: &SettledJob, stream: &StreamSimulation) {
    let (id, jobs) = (settled.job.id, &stream.ledger.jobs);
    let of = |ledger: &Ledger| ledger.jobs.iter().filter(|job| job.id != id).map(|job| job.id).collect::<Vec<_>>();
    let kept = jobs.iter().find(|job| job.id == id);
    // A day over the cap is exported, also as part of a window, and adjacent exports merge.
    let merges = matches!(settled.verdict, Verdict::Export | Verdict::Split);
    let is_merged = |job: &&Job| merges && matches!(job.slice, Slice::Export(_));
    let others: Vec<&Job> = settled.before.jobs.iter().filter(|job| job.id != id && !is_merged(job)).collect();
    // Planned windows that are too long and were never dispatched are cut again.
    let is_cut = |before: &Job| settled.verdict == Verdict::Split && is_untouched(before);
    // A job named again during its fetch keeps its rows and stays; one named as new counts as missing.
    let is_twin = |before: &Job| settled.verdict == Verdict::Commit && before.slice == settled.job.slice;
    let is_new = |before: &Job| {
        settled.answer.iter().flat_map(|answer| &answer.items.first_fetch).any(|item| item.slice == before.slice)
    };
    let held = |before: &Job| {
        let missing_scope = if is_new(before) { before.covered_window() } else { before.missing_scope };
        Job { missing_scope: missing_scope.filter(|_| !is_twin(before)), ..before.clone() }
    };
    assert!(others.iter().all(|before| jobs.contains(&held(before)) || is_cut(before)), "another job was changed");
    let fresh: Vec<&Job> = jobs.iter().filter(|job| job.id != id && !of(&settled.before).contains(&job.id)).collect();
    match &settled.verdict {
        Verdict::Commit => assert!(kept.is_none()),
        Verdict::Split => {
            assert!(kept.is_none() && fresh.iter().all(|part| part.failures == 0));
            // A second job for the same window may remain.
            let is_beside = |window: Window| {
                let mut slices = others.iter().filter_map(|other| other.slice.window());
                slices.all(|other| other.intersect(&window).is_none())
            };
            let is_alone = settled.job.slice.window().is_some_and(is_beside);
            let gone = others.iter().copied().filter(|before| !jobs.contains(before));
            for cut in gone.chain([&settled.job]) {
                let asked = cut.slice.window().unwrap();
                let parts: Vec<Window> = fresh.iter().filter_map(|job| job.slice.window()).collect();
                // One export is enough for all jobs.
                let exports = jobs.iter().filter(|job| matches!(job.slice, Slice::Export(_)));
                let all = parts.iter().copied().chain(exports.filter_map(|job| job.slice.window()));
                let inside = all.filter_map(|part| part.intersect(&asked));
                assert!(inside.collect::<Spans>().covers(asked), "a part of {asked} was lost");
                let is_cut = parts.iter().all(|part| !part.covers(&asked));
                assert!(*cut != settled.job || !is_alone || is_cut, "{asked} was not cut");
            }
        }
        Verdict::Export => {
            let asked = settled.job.slice.window().unwrap();
            let is_known =
                |job: &&Job| matches!(job.slice, Slice::Export(whole) if whole.covers(&stream.rules.expand(asked)));
            assert!(kept.is_none() && jobs.iter().filter(is_known).count() == 1, "{asked} is not exported once");
            assert!(fresh.len() <= 1);
        }
        Verdict::Await(until) => {
            let kept = kept.unwrap();
            assert_eq!((&kept.slice, &kept.state), (&settled.job.slice, &JobState::Awaiting { until: *until }));
        }
        Verdict::Park(reason) => assert_eq!(kept.unwrap().state, JobState::Parked { reason: reason.clone() }),
        Verdict::Recheck(due) | Verdict::Snooze(due) | Verdict::Retry(due) => {
            let kept = kept.unwrap();
            assert_eq!((&kept.slice, kept.purpose), (&settled.job.slice, settled.job.purpose));
            assert_eq!((&kept.state, kept.due), (&JobState::Waiting, *due));
        }
    }
}

fn no_export_is_lost(settled: &SettledJob, stream: &StreamSimulation) {
    let exports = |ledger: &Ledger, but: Option<i64>| {
        let others = ledger.jobs.iter().filter(|job| Some(job.id) != but);
        let exported = others.filter_map(|job| match job.slice {
            Slice::Export(window) => Some(window),
            _ => None,
        });
        exported.collect::<Vec<_>>()
    };
    let after = exports(&stream.ledger, None);
    for before in exports(&settled.before, Some(settled.job.id)) {
        assert!(after.iter().any(|window| window.covers(&before)), "{before} is exported no more");
    }
}

fn only_failures_count_as_failures(settled: &SettledJob, stream: &StreamSimulation) {
    let Some(kept) = stream.ledger.jobs.iter().find(|job| job.id == settled.job.id) else { return };
    let before = (settled.job.failures, settled.job.rechecks);
    let expected = match settled.verdict {
        Verdict::Retry(_) => (before.0 + 1, before.1),
        Verdict::Recheck(_) => (0, before.1 + 1),
        // Accepted if rows are to come; otherwise the vendor was busy, which does not count as a request.
        Verdict::Await(_) if settled.answer.is_some() => (0, before.1 + 1),
        _ => before,
    };
    assert_eq!((kept.failures, kept.rechecks), expected);
}

fn is_untouched(job: &Job) -> bool {
    job.purpose != Purpose::Live && job.state == JobState::Waiting && job.attempt == 0 && job.failures == 0
}

/// An item has one job, and is never lost because another row cannot be parsed.
fn items_are_wanted_once(settled: &SettledJob, stream: &StreamSimulation) {
    let jobs = &stream.ledger.jobs;
    let open = |item: &Slice| jobs.iter().filter(|job| job.slice == *item).count();
    for item in settled.answer.iter().flat_map(|answer| &answer.items.first_fetch) {
        assert_eq!(open(&item.slice), 1, "{item:?} has {} jobs", open(&item.slice));
    }
}

fn backfills_count_what_was_answered_for_them(settled: &SettledJob, stream: &StreamSimulation) {
    for (before, after) in settled.before.backfills.iter().zip(&stream.ledger.backfills) {
        let own = settled.verdict == Verdict::Commit && settled.job.purpose == Purpose::Backfill(before.id);
        let asked = settled.job.slice.window().filter(|_| own);
        let sent_at = settled.answer.as_ref().map_or(stream.now, |answer| answer.sent_at);
        let answered = asked.and_then(|asked| answered_part(asked, sent_at, stream));
        assert_eq!(after.answered, plus(&before.answered, answered));
        assert_eq!(after.windows_done, before.windows_done + u32::from(own));
        let rows = settled.answer.as_ref().map_or(0, |answer| answer.rows);
        // Rows of items count at their first fetch.
        let job = &settled.job;
        let of = job.scope.filter(|_| settled.answer.is_some() && job.rechecks == 0);
        let is_named = of.is_some_and(|of| before.window.intersect(&of).is_some());
        assert_eq!(after.items_done, before.items_done + u32::from(is_named));
        assert_eq!(after.rows, before.rows + if own || is_named { rows } else { 0 });
    }
}

proptest! {
    #![proptest_config(often())]

    #[test]
    fn only_a_full_answer_covers_and_only_its_window(life in any_life()) {
        after_every_answer(life, coverage_grows_by_what_was_answered);
    }

    #[test]
    fn a_job_ends_only_by_an_answer_or_a_split(life in any_life()) {
        after_every_answer(life, |settled, stream| {
            no_job_is_lost(settled, stream);
            no_export_is_lost(settled, stream);
        });
    }

    #[test]
    fn a_snooze_is_not_a_failure(life in any_life()) {
        after_every_answer(life, only_failures_count_as_failures);
    }

    #[test]
    fn an_item_has_one_job(life in any_life()) {
        after_every_answer(life, items_are_wanted_once);
    }

    #[test]
    fn a_backfill_counts_its_own_answers(life in any_life()) {
        after_every_answer(life, backfills_count_what_was_answered_for_them);
    }

    /// Also after the newest window was split.
    #[test]
    fn at_most_one_live_job_is_open(life in any_life()) {
        after_every_answer(life, |_, stream| {
            let live = stream.ledger.jobs.iter().filter(|job| job.purpose == Purpose::Live).count();
            assert!(live <= 1, "{live} live jobs stand open");
        });
    }

    /// P9: an outdated plan of a paused scheduler adds no live job for a planned slot.
    #[test]
    fn an_outdated_plan_adds_no_live_job(life in any_life(), at_tick in 0_usize..10) {
        let (rules, days, events) = life;
        let mut stream = StreamSimulation::new(rules, days);
        let mut old = Vec::new();
        for event in &events {
            if matches!(event, StreamEvent::Tick(_)) {
                old.push(stream.plan());
            }
            stream.happen(event);
        }
        let live = |stream: &StreamSimulation| stream.ledger.jobs.iter().filter(|job| job.purpose == Purpose::Live).count();
        if let Some(plan) = old.get(at_tick).filter(|plan| plan.slot <= stream.ledger.slot) {
            let before = live(&stream);
            stream.accept(plan.clone());
            prop_assert_eq!(live(&stream), before);
        }
    }

    /// Two schedulers plan from the same ledger at once.
    #[test]
    fn a_plan_accepted_twice_adds_nothing(life in any_life()) {
        let (rules, days, events) = life;
        let mut stream = StreamSimulation::new(rules, days);
        for event in &events {
            if let StreamEvent::Tick(seconds) = event {
                let (_, plan) = stream.tick(*seconds);
                let once = stream.ledger.clone();
                stream.accept(plan);
                prop_assert_eq!(&stream.ledger, &once);
            } else {
                stream.happen(event);
            }
        }
    }

    /// A job without halves is kept when a split is asked for.
    #[test]
    fn a_split_without_halves_keeps_the_job(is_key: bool) {
        let slice = if is_key { Slice::Item("one".to_owned()) } else { Slice::Window(window(0, 1)) };
        let job = Job { id: 5, ..Job::new(Purpose::Settle, slice.clone(), at(0), Duration::from_secs(1)) };
        let mut ledger = Ledger { jobs: vec![job], ..Ledger::default() };
        ledger.settle(5, &Verdict::Split, None, &rules(), at(9));
        prop_assert!(ledger.jobs.iter().any(|job| job.slice == slice && job.is_ready(at(9))));
    }
}

/// A verdict on a job that no longer exists changes nothing.
#[test]
fn a_verdict_on_an_unknown_job_changes_nothing() {
    let mut ledger = Ledger::default();
    let answer = full_answer(at(0), 1);
    ledger.settle(3, &Verdict::Commit, Some(&answer), &rules(), at(1));
    assert_eq!(ledger, Ledger::default());
}

/// A parked live job stops live planning and shows its reason; backfills continue.
#[test]
fn a_parked_stream_waits_for_an_operator() {
    let mut stream = StreamSimulation::new(rules(), 3);
    stream.tick(0);
    let id = stream.ledger.jobs[0].id;
    stream.ledger.settle(id, &Verdict::Park("no".to_owned()), None, &rules(), at(1));
    assert_eq!(stream.ledger.parked(), Some("no"));
    stream.order(-20, 5, domain::backfill::Mode::Missing);
    let (_, plan) = stream.tick(HOUR);
    assert!(!plan.jobs.is_empty() && plan.jobs.iter().all(|job| matches!(job.purpose, Purpose::Backfill(_))));
    assert!(stream.ledger.blocked().iter().all(|window| window.span() <= TimeDelta::days(1)));
}

/// What lies beyond the vendor's clock has no rows yet, which says nothing about the rows of a day.
#[test]
fn the_future_teaches_nothing() {
    let mut ledger = Ledger::default();
    let job = Job { id: 7, ..Job::new(Purpose::Settle, Slice::Window(window(0, 240 * HOUR)), at(0), Duration::ZERO) };
    ledger.jobs.push(job);
    ledger.settle(7, &Verdict::Commit, Some(&full_answer(at(24 * HOUR), 500)), &rules(), at(240 * HOUR));
    assert_eq!(ledger.coverage.held().windows(), [window(0, 24 * HOUR)]);
    let learned = ledger.pace.rows_per_day.unwrap();
    assert!((learned - 500.0).abs() < 1.0, "{learned} rows a day");
}

/// A worker claims the live job that a plan replaces, before the plan is accepted: the stream keeps one live job, and the
/// next plan adds the new one.
#[test]
fn a_plan_adds_no_second_live_job() {
    let mut stream = StreamSimulation::new(rules(), 3);
    stream.now += TimeDelta::days(1);
    stream.tick(0);
    // The clock is set back.
    stream.now -= TimeDelta::days(1);
    let plan = stream.plan();
    assert!(plan.obsolete.contains(&stream.ledger.jobs[0].id) && plan.slot.is_some(), "{plan:?}");
    stream.ledger.jobs[0].state = JobState::Running { until: at(60) };
    stream.accept(plan);
    let live = |stream: &StreamSimulation| stream.ledger.jobs.iter().filter(|job| job.purpose == Purpose::Live).count();
    assert_eq!((live(&stream), stream.ledger.slot), (1, None), "{:?}", stream.ledger);
    stream.ledger.jobs.clear();
    stream.tick(0);
    assert_eq!(live(&stream), 1);
    assert!(stream.ledger.slot.is_some_and(|slot| slot <= stream.now));
}
