//! Properties of vendors with units: a request for a part of a unit is answered with the whole unit.

use crate::strategies::{
    DAY, HOUR, any_instant, any_window, at, certainly, full_answer, often, rules, tile, ultimate, window,
};
use crate::stream_simulation::StreamSimulation;
use chrono::TimeDelta;
use domain::job::{Job, Purpose};
use domain::judge::{Answer, JudgeContext, Verdict, judge};
use domain::ledger::Ledger;
use domain::pace::Pace;
use domain::planner::windows_for;
use domain::rules::Rules;
use domain::slice::Slice;
use domain::window::Window;
use proptest::prelude::*;
use std::time::Duration;

fn any_granularity() -> impl Strategy<Value = Rules> {
    let hours = prop::sample::select(vec![1_i64, 6, 24]);
    (hours, 2_i64..20, prop::sample::select(vec![1_i64, 60])).prop_map(|(hours, days, step)| Rules {
        granularity: TimeDelta::hours(hours),
        step: TimeDelta::seconds(step),
        longest: TimeDelta::days(days),
        ..certainly()
    })
}

fn units(rules: &Rules, window: Window) -> i64 {
    rules.expand(window).span().num_milliseconds() / rules.granularity.num_milliseconds()
}

/// Commits an answer of `rows` rows for `asked` at the end of `asked`.
fn answer(ledger: &mut Ledger, purpose: Purpose, asked: Window, rows: u64, rules: &Rules) {
    let job = Job::new(purpose, Slice::Window(asked), asked.to(), Duration::from_secs(1));
    ledger.jobs = vec![Job { id: 1, ..job }];
    let sent_at = rules.expand(asked).to();
    let answer = full_answer(sent_at, rows);
    let verdict = match rules.halves(asked) {
        _ if rows < rules.row_cap => Verdict::Commit,
        Some(_) => Verdict::Split,
        None => Verdict::Export,
    };
    ledger.settle(1, &verdict, Some(&answer), rules, sent_at);
}

proptest! {
    #![proptest_config(often())]

    #[test]
    fn floor_and_ceil_are_the_nearest_unit_borders(rules in any_granularity(), instant in any_instant(40)) {
        let (floor, ceil) = (rules.floor(instant), rules.ceil(instant));
        for edge in [floor, ceil] {
            prop_assert_eq!(edge.timestamp_micros() % rules.granularity.num_microseconds().unwrap(), 0, "{} is not on the grid", edge);
            prop_assert_eq!((rules.floor(edge), rules.ceil(edge)), (edge, edge));
        }
        prop_assert!(floor <= instant && instant <= ceil);
        prop_assert!(instant - floor < rules.granularity && ceil - instant < rules.granularity);
        prop_assert_eq!(floor == ceil, floor == instant);
    }

    /// A vendor without units: every instant is a border.
    #[test]
    fn a_granularity_of_one_step_means_no_units(instant in any_instant(40), step in 1_i64..100_000, asked in any_window(9 * DAY)) {
        let rules = Rules { step: TimeDelta::seconds(step), ..rules() };
        prop_assert_eq!((rules.floor(instant), rules.ceil(instant), rules.expand(asked)), (instant, instant, asked));
        prop_assert_eq!(rules.halves(asked), asked.halves(rules.step));
    }

    #[test]
    fn halves_are_cut_between_two_units(rules in any_granularity(), asked in any_window(9 * DAY)) {
        match rules.halves(asked) {
            None => prop_assert_eq!(units(&rules, asked), 1, "{} could be cut", asked),
            Some((older, newer)) => {
                prop_assert!(tile(asked, &[older, newer]) && older < newer);
                prop_assert_eq!(rules.floor(older.to()), older.to());
                prop_assert_eq!(units(&rules, older) + units(&rules, newer), units(&rules, asked));
                // As even as units permit, so that repeated cuts end soon.
                prop_assert!((units(&rules, older) - units(&rules, newer)).abs() <= 1, "{older} and {newer}");
            }
        }
    }

    #[test]
    fn expand_returns_all_units_that_overlap_the_window(rules in any_granularity(), asked in any_window(9 * DAY)) {
        let whole = rules.expand(asked);
        prop_assert!(whole.covers(&asked) && rules.expand(whole) == whole);
        prop_assert!(asked.from() - whole.from() < rules.granularity && whole.to() - asked.to() < rules.granularity);
    }

    /// The first retained instant lies on a unit's border, or on a step.
    #[test]
    fn the_oldest_instant_is_retained_and_on_a_border(grained in any_granularity(), has_units: bool, now in any_instant(40), later in 0_i64..DAY, days in 1_i64..40) {
        let step = TimeDelta::seconds(60);
        let rules = if has_units { grained } else { Rules { step, granularity: step, ..grained } };
        let rules = Rules { retention: Some(TimeDelta::days(days)), ..rules };
        let oldest = rules.oldest(now).unwrap();
        let span = rules.granularity.max(rules.step);
        prop_assert!(now - oldest <= TimeDelta::days(days) && now - oldest > TimeDelta::days(days) - span);
        prop_assert_eq!(oldest.timestamp_micros() % span.num_microseconds().unwrap(), 0);
        prop_assert!(oldest <= rules.oldest(now + TimeDelta::seconds(later)).unwrap());
        prop_assert_eq!(Rules { retention: None, ..rules }.oldest(now), None);
    }

    /// With and without a cap, also for windows that begin and end inside units.
    #[test]
    fn chunks_are_whole_units_within_the_window_length(rules in any_granularity(), asked in any_window(40 * DAY), per_day in 0_u64..3_000) {
        let mut ledger = Ledger::default();
        ledger.pace.learn(window(0, DAY), per_day, Duration::from_secs(1));
        let width = ledger.pace.window_length(&rules);
        let parts = windows_for(&[asked], &ledger, &rules);
        prop_assert!(tile(asked, &parts));
        prop_assert!(parts.windows(2).all(|pair| pair[0].from() == pair[1].to()), "not newest first");
        for part in &parts {
            prop_assert!(rules.expand(*part).span() <= width, "{part} is longer than {width}");
            prop_assert!(rules.floor(part.from()) == part.from() || part.from() == asked.from(), "{part} begins inside a unit");
        }
        let fewest = usize::try_from((rules.expand(asked).span().num_seconds() + width.num_seconds() - 1) / width.num_seconds()).unwrap();
        prop_assert!(parts.len() <= fewest + 1, "{} windows instead of {fewest}", parts.len());
    }

    #[test]
    fn a_window_length_is_at_least_one_whole_unit(rules in any_granularity(), answers in prop::collection::vec((any_window(9 * DAY), 0_u64..900), 0..20), timeouts in 0_usize..20) {
        let mut pace = Pace::default();
        for (asked, rows) in answers {
            if rows < rules.row_cap { pace.learn(asked, rows, Duration::from_secs(1)) } else { pace.learn_capped(asked, rows) }
        }
        (0..timeouts).for_each(|_| pace.learn_timeout());
        let width = pace.window_length(&rules);
        prop_assert!(rules.granularity <= width && width <= rules.longest);
        prop_assert_eq!(width.num_milliseconds() % rules.granularity.num_milliseconds(), 0);
    }

    /// With equal days the learned density is right for any requested parts of days: a part is answered with its
    /// unit's rows.
    #[test]
    fn partial_units_teach_the_same_as_whole_units(parts in prop::collection::vec(any_window(9 * DAY), 1..9), per_day in 10_u64..700, is_live: bool) {
        let rules = certainly();
        let mut ledger = Ledger::default();
        let purpose = if is_live { Purpose::Live } else { Purpose::Settle };
        for part in parts {
            answer(&mut ledger, purpose, part, per_day * u64::try_from(units(&rules, part)).unwrap(), &rules);
        }
        // A full window that cannot be cut teaches nothing about other days.
        let Some(learnt) = ledger.pace_for(purpose).rows_per_day else { return Ok(()) };
        let dataset = f64::from(u32::try_from(per_day).unwrap());
        prop_assert!(learnt <= dataset * 1.51 && learnt >= dataset * 0.99, "{learnt} rows a day instead of {dataset}");
    }

    /// With any number of rows, splitting ends at single units and reaches each of them.
    #[test]
    fn splitting_full_answers_ends_at_single_units(rules in any_granularity(), asked in any_window(9 * DAY), by_mail: bool) {
        let rules = Rules { export: rules.export.filter(|_| by_mail), ..rules };
        let at = JudgeContext { now: at(9 * DAY), next_day: at(9 * DAY), jitter: 0.5, previous_request_answered: true, refusals: 0 };
        let full = Answer { rows: rules.row_cap, rejects: 0, by_mail: false, is_over_budget: false, open_until: None };
        let (mut open, mut single) = (vec![asked], Vec::new());
        while let Some(part) = open.pop() {
            let job = Job::new(Purpose::Settle, Slice::Window(part), part.to(), Duration::ZERO);
            match judge(&rules, &job, Ok(&full), at).verdict {
                Verdict::Split => open.extend(rules.halves(part).map(|(older, newer)| [older, newer]).unwrap()),
                Verdict::Export if by_mail => single.push(part),
                Verdict::Park(_) if !by_mail => single.push(part),
                verdict => prop_assert!(false, "{verdict:?}"),
            }
        }
        prop_assert!(tile(asked, &single) && single.iter().all(|part| units(&rules, *part) == 1));
    }

    /// A failing window is split by what the vendor scans, however little of its first unit is requested.
    #[test]
    fn a_window_that_fails_repeatedly_is_split(asked in any_window(9 * DAY), minutes in 1_i64..59) {
        let rules = ultimate();
        let asked = Window::new(asked.from(), rules.ceil(asked.to())).unwrap();
        let late = Window::new(rules.floor(asked.from()) + TimeDelta::days(1) - TimeDelta::minutes(minutes), asked.to() + TimeDelta::days(1)).unwrap();
        let job = Job { failures: 1, ..Job::new(Purpose::Settle, Slice::Window(late), late.to(), Duration::ZERO) };
        let at = JudgeContext { now: late.to() + TimeDelta::hours(2), next_day: late.to(), jitter: 0.5, previous_request_answered: true, refusals: 0 };
        let failed = Err(domain::fault::Fault::TimedOut(String::new()));
        let verdict = judge(&rules, &job, failed.as_ref(), at).verdict;
        prop_assert_eq!(verdict == Verdict::Split, units(&rules, late) > 1);
    }
}

/// Midnight in Bogota is not the vendor's midnight.
#[test]
fn a_day_of_another_zone_overlaps_two_units() {
    let rules = ultimate();
    let day = window(5 * HOUR, DAY + 5 * HOUR);
    assert_eq!(rules.expand(day), window(0, 2 * DAY));
    assert_eq!(rules.halves(day), Some((window(5 * HOUR, DAY), window(DAY, DAY + 5 * HOUR))));
}

/// A new account whose newest day is still empty fetches its other days meanwhile.
#[test]
fn an_empty_newest_day_delays_no_other_day() {
    let mut stream = StreamSimulation::new(ultimate(), 3);
    stream.tick(0);
    assert_eq!(stream.ledger.jobs.len(), 1, "the first answer teaches how long the others may be");
    stream.ledger.jobs[0].rechecks = 1;
    stream.tick(60);
    assert_eq!(stream.ledger.jobs.len(), 2, "{:?}", stream.ledger.jobs);
}
