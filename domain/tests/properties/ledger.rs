//! Laws of what follows from a verdict, and of taking plans in.

use crate::any::{HOUR, at, often, rules, window};
use crate::stream::{Deed, Settled, Stream, any_deed, any_rules};
use chrono::TimeDelta;
use domain::item::NamedItems;
use domain::job::{Job, JobState, Purpose, Slice};
use domain::judge::Verdict;
use domain::ledger::{AnswerSummary, Ledger};
use domain::rules::Rules;
use domain::spans::Spans;
use domain::window::Window;
use proptest::prelude::*;
use std::time::Duration;

fn any_life() -> impl Strategy<Value = (Rules, i64, Vec<Deed>)> {
    (any_rules(), 0_i64..20, prop::collection::vec(any_deed(), 1..40))
}

fn after_every_answer((rules, days, deeds): (Rules, i64, Vec<Deed>), law: impl Fn(&Settled, &Stream)) {
    let mut stream = Stream::new(rules, days);
    for deed in &deeds {
        if let Deed::Answer(which, reply) = deed {
            if let Some(settled) = stream.answer(*which, reply) {
                law(&settled, &stream);
            }
        } else {
            stream.happen(deed);
        }
    }
}

fn plus(spans: &Spans, window: Option<Window>) -> Spans {
    spans.windows().iter().copied().chain(window).collect()
}

/// P4: exactly the window, and only for an answer in full. P3: of it, what could no longer change when it was asked
/// for and did not change since it was last read.
fn coverage_grows_by_what_was_answered(settled: &Settled, stream: &Stream) {
    let (before, after) = (&settled.before.coverage, &stream.ledger.coverage);
    let (Verdict::Commit, Some(heard), Some(asked)) = (&settled.verdict, &settled.heard, settled.job.slice.window())
    else {
        assert_eq!(after, before, "{:?} changed what is held", settled.verdict);
        return;
    };
    let horizon = heard.sent_at - stream.rules.settle;
    let end = heard.earliest_change.into_iter().chain([horizon, asked.to()]).min().unwrap();
    let whole = (end - asked.from()).num_milliseconds();
    let beyond = whole.rem_euclid(stream.rules.step.num_milliseconds());
    let end = asked.from() + TimeDelta::milliseconds(whole - beyond);
    assert_eq!(after.held(), &plus(before.held(), Some(asked)));
    assert_eq!(after.settled(), &plus(before.settled(), Window::new(asked.from(), end)));
}

fn no_job_is_lost(settled: &Settled, stream: &Stream) {
    let (id, jobs) = (settled.job.id, &stream.ledger.jobs);
    let of = |ledger: &Ledger| ledger.jobs.iter().filter(|job| job.id != id).map(|job| job.id).collect::<Vec<_>>();
    let kept = jobs.iter().find(|job| job.id == id);
    // A full day is exported, be it all that was asked for or a part, and exports side by side are one.
    let merges = matches!(settled.verdict, Verdict::Export | Verdict::Split);
    let is_merged = |job: &&Job| merges && matches!(job.slice, Slice::Export(_));
    let others: Vec<&Job> = settled.before.jobs.iter().filter(|job| job.id != id && !is_merged(job)).collect();
    // What was planned too wide, and nobody has asked for yet, is cut.
    let is_cut = |before: &Job| settled.verdict == Verdict::Split && is_untouched(before);
    // What was named again while it was answered is held from now on, and still wanted; what is named as new is not held.
    let is_twin = |before: &Job| settled.verdict == Verdict::Commit && before.slice == settled.job.slice;
    let is_new =
        |before: &Job| settled.heard.iter().flat_map(|heard| &heard.items.first).any(|item| item.slice == before.slice);
    let held = |before: &Job| {
        let missing_scope = if is_new(before) { before.concerns() } else { before.missing_scope };
        Job { missing_scope: missing_scope.filter(|_| !is_twin(before)), ..before.clone() }
    };
    assert!(others.iter().all(|before| jobs.contains(&held(before)) || is_cut(before)), "another job was changed");
    let fresh: Vec<&Job> = jobs.iter().filter(|job| job.id != id && !of(&settled.before).contains(&job.id)).collect();
    match &settled.verdict {
        Verdict::Commit => assert!(kept.is_none()),
        Verdict::Split => {
            assert!(kept.is_none() && fresh.iter().all(|part| part.failures == 0));
            // Where another asked for all of it as well, that one may still do.
            let is_beside = |window: Window| {
                let mut slices = others.iter().filter_map(|other| other.slice.window());
                slices.all(|other| other.intersect(&window).is_none())
            };
            let is_alone = settled.job.slice.window().is_some_and(is_beside);
            let gone = others.iter().copied().filter(|before| !jobs.contains(before));
            for cut in gone.chain([&settled.job]) {
                let asked = cut.slice.window().unwrap();
                let parts: Vec<Window> = fresh.iter().filter_map(|job| job.slice.window()).collect();
                // One mail is enough, whoever else waits for it.
                let exports = jobs.iter().filter(|job| matches!(job.slice, Slice::Export(_)));
                let all = parts.iter().copied().chain(exports.filter_map(|job| job.slice.window()));
                let inside = all.filter_map(|part| part.intersect(&asked));
                assert!(inside.collect::<Spans>().covers(asked), "a part of {asked} is wanted no more");
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

fn no_export_is_lost(settled: &Settled, stream: &Stream) {
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

fn only_failures_count_as_failures(settled: &Settled, stream: &Stream) {
    let Some(kept) = stream.ledger.jobs.iter().find(|job| job.id == settled.job.id) else { return };
    let before = (settled.job.failures, settled.job.rechecks);
    let expected = match settled.verdict {
        Verdict::Retry(_) => (before.0 + 1, before.1),
        Verdict::Recheck(_) => (0, before.1 + 1),
        // Taken, where rows are to come; else the vendor was busy, and it was no attempt of ours.
        Verdict::Await(_) if settled.heard.is_some() => (0, before.1 + 1),
        _ => before,
    };
    assert_eq!((kept.failures, kept.rechecks), expected);
}

fn is_untouched(job: &Job) -> bool {
    job.purpose != Purpose::Live && job.state == JobState::Waiting && job.attempt == 0 && job.failures == 0
}

/// A item is wanted once, and never lost for a row beside it that cannot be read.
fn items_are_wanted_once(settled: &Settled, stream: &Stream) {
    let jobs = &stream.ledger.jobs;
    let open = |item: &Slice| jobs.iter().filter(|job| job.slice == *item).count();
    for item in settled.heard.iter().flat_map(|heard| &heard.items.first) {
        assert_eq!(open(&item.slice), 1, "{item:?} is wanted {} times", open(&item.slice));
    }
}

fn backfills_count_what_was_answered_for_them(settled: &Settled, stream: &Stream) {
    for (before, after) in settled.before.backfills.iter().zip(&stream.ledger.backfills) {
        let own = settled.verdict == Verdict::Commit && settled.job.purpose == Purpose::Backfill(before.id);
        let asked = settled.job.slice.window().filter(|_| own);
        assert_eq!(after.answered, plus(&before.answered, asked));
        assert_eq!(after.windows_done, before.windows_done + u32::from(own));
        let rows = settled.heard.as_ref().map_or(0, |heard| heard.rows);
        // What its lists named counts when it is read for the first time.
        let job = &settled.job;
        let of = job.scope.filter(|_| settled.heard.is_some() && job.rechecks == 0);
        let is_named = of.is_some_and(|of| before.window.contains(of.from()));
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
    fn a_job_ends_only_by_an_answer_or_in_its_halves(life in any_life()) {
        after_every_answer(life, |settled, stream| {
            no_job_is_lost(settled, stream);
            no_export_is_lost(settled, stream);
        });
    }

    #[test]
    fn a_snooze_is_no_failure(life in any_life()) {
        after_every_answer(life, only_failures_count_as_failures);
    }

    #[test]
    fn a_item_is_wanted_once(life in any_life()) {
        after_every_answer(life, items_are_wanted_once);
    }

    #[test]
    fn a_backfill_counts_its_own_answers(life in any_life()) {
        after_every_answer(life, backfills_count_what_was_answered_for_them);
    }

    /// Also where the newest stretch had to be split.
    #[test]
    fn there_is_one_live_job_at_most(life in any_life()) {
        after_every_answer(life, |_, stream| {
            let live = stream.ledger.jobs.iter().filter(|job| job.purpose == Purpose::Live).count();
            assert!(live <= 1, "{live} live jobs stand open");
        });
    }

    /// P9: also a plan made long ago, by a scheduler that slept on it, adds nothing for a slot that was planned.
    #[test]
    fn an_old_plan_adds_no_live_job(life in any_life(), at_tick in 0_usize..10) {
        let (rules, days, deeds) = life;
        let mut stream = Stream::new(rules, days);
        let mut old = Vec::new();
        for deed in &deeds {
            if matches!(deed, Deed::Tick(_)) {
                old.push(stream.plan());
            }
            stream.happen(deed);
        }
        let live = |stream: &Stream| stream.ledger.jobs.iter().filter(|job| job.purpose == Purpose::Live).count();
        if let Some(plan) = old.get(at_tick).filter(|plan| plan.slot <= stream.ledger.slot) {
            let before = live(&stream);
            stream.accept(plan.clone());
            prop_assert_eq!(live(&stream), before);
        }
    }

    /// Two schedulers that planned from the same ledger at once.
    #[test]
    fn a_plan_accepted_twice_adds_nothing(life in any_life()) {
        let (rules, days, deeds) = life;
        let mut stream = Stream::new(rules, days);
        for deed in &deeds {
            if let Deed::Tick(seconds) = deed {
                let (_, plan) = stream.tick(*seconds);
                let once = stream.ledger.clone();
                stream.accept(plan);
                prop_assert_eq!(&stream.ledger, &once);
            } else {
                stream.happen(deed);
            }
        }
    }

    /// What can't be split is kept, whoever says to split it.
    #[test]
    fn a_split_of_what_has_no_halves_keeps_it(is_key: bool) {
        let slice = if is_key { Slice::Item("one".to_owned()) } else { Slice::Window(window(0, 1)) };
        let job = Job { id: 5, ..Job::new(Purpose::Settle, slice.clone(), at(0), Duration::from_secs(1)) };
        let mut ledger = Ledger { jobs: vec![job], ..Ledger::default() };
        ledger.settle(5, &Verdict::Split, None, &rules(), at(9));
        prop_assert!(ledger.jobs.iter().any(|job| job.slice == slice && job.is_ready(at(9))));
    }
}

/// The verdict on a job that is there no more changes nothing.
#[test]
fn a_verdict_on_an_unknown_job_changes_nothing() {
    let mut ledger = Ledger::default();
    let heard = AnswerSummary {
        sent_at: at(0),
        elapsed: Duration::ZERO,
        rows: 1,
        earliest_change: None,
        items: NamedItems::default(),
        named: 0,
        item_status: None,
        histogram: None,
    };
    ledger.settle(3, &Verdict::Commit, Some(&heard), &rules(), at(1));
    assert_eq!(ledger, Ledger::default());
}

/// A parked live job stops live planning and says why; backfills go on.
#[test]
fn a_parked_stream_waits_for_a_person() {
    let mut stream = Stream::new(rules(), 3);
    stream.tick(0);
    let id = stream.ledger.jobs[0].id;
    stream.ledger.settle(id, &Verdict::Park("no".to_owned()), None, &rules(), at(1));
    assert_eq!(stream.ledger.parked(), Some("no"));
    stream.order(-20, 5, domain::backfill::Mode::Missing);
    let (_, plan) = stream.tick(HOUR);
    assert!(!plan.jobs.is_empty() && plan.jobs.iter().all(|job| matches!(job.purpose, Purpose::Backfill(_))));
    assert!(stream.ledger.blocked().iter().all(|window| window.span() <= TimeDelta::days(1)));
}
