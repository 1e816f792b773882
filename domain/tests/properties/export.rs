//! Properties of exports: windows that are too dense for any answer are exported by mail, one at a time.

use crate::strategies::{DAY, HOUR, any_instant, any_window, at, certainly, full_answer, often, window};
use chrono::TimeDelta;
use domain::backfill::{Backfill, Mode, Progress};
use domain::fault::Fault;
use domain::job::{Job, JobState, Purpose};
use domain::judge::{Answer, JudgeContext, Verdict, judge};
use domain::ledger::{AnswerSummary, Ledger};
use domain::next_job::{LaneContext, next_job};
use domain::planner::plan;
use domain::rules::Rules;
use domain::slice::Slice;
use domain::spans::Spans;
use domain::window::Window;
use proptest::prelude::*;
use std::time::Duration;

const FULL: u64 = 500;

fn days(first: i64, count: i64) -> Window {
    window(first * DAY, (first + count) * DAY)
}

fn any_purpose() -> impl Strategy<Value = Purpose> {
    prop::sample::select(vec![Purpose::Live, Purpose::Settle, Purpose::Backfill(1), Purpose::Backfill(2)])
}

fn any_state() -> impl Strategy<Value = JobState> {
    let until = || (0_i64..10 * DAY).prop_map(at);
    prop_oneof![
        5 => Just(JobState::Waiting),
        1 => until().prop_map(|until| JobState::Dispatched { until }),
        1 => until().prop_map(|until| JobState::Running { until }),
        1 => until().prop_map(|until| JobState::Awaiting { until }),
        1 => Just(JobState::Parked { reason: "a person".to_owned() }),
    ]
}

/// A job for some days, usually an export, in any state.
fn any_job() -> impl Strategy<Value = Job> {
    let asked = prop::option::weighted(0.2, (0_i64..DAY).prop_map(at));
    let attempt = prop_oneof![3 => Just(0_i32), 1 => 1_i32..4];
    let span = (0_i64..9, 1_i64..3).prop_map(|(first, count)| days(first, count));
    (any_purpose(), span, any_state(), asked, attempt, prop::bool::weighted(0.8)).prop_map(
        |(purpose, window, state, asked, attempt, is_export)| {
            let slice = if is_export { Slice::Export(window) } else { Slice::Window(window) };
            Job { state, requested_at: asked, attempt, ..Job::new(purpose, slice, window.to(), Duration::ZERO) }
        },
    )
}

/// A ledger with some jobs, with ids from 1 on, and a held window.
fn any_ledger() -> impl Strategy<Value = Ledger> {
    let held = prop::collection::vec(any_window(10 * DAY), 0..4);
    (prop::collection::vec(any_job(), 0..8), held).prop_map(|(jobs, held)| {
        let jobs = (1..).zip(jobs).map(|(id, job)| Job { id, ..job }).collect();
        let mut ledger = Ledger { jobs, ..Ledger::default() };
        for window in held {
            ledger.coverage.hold(window);
        }
        ledger
    })
}

/// A window within one day over the row cap, and the instant at which that is known.
fn any_full() -> impl Strategy<Value = (Window, i64)> {
    (0_i64..9, any_window(DAY), 0_i64..5 * DAY).prop_map(|(day, part, later)| {
        let shift = TimeDelta::days(day);
        let full = Window::new(part.from() + shift, part.to() + shift).unwrap();
        (full, (full.to() - at(0)).num_seconds() + later)
    })
}

fn answer(sent_at: i64, rows: u64) -> AnswerSummary {
    full_answer(at(sent_at), rows)
}

fn wanted(jobs: &[Job]) -> Spans {
    jobs.iter().filter_map(|job| job.slice.window()).collect()
}

/// Whether no worker can have requested the job yet.
fn is_untouched(job: &Job) -> bool {
    matches!((&job.slice, &job.state), (Slice::Export(_), JobState::Waiting)) && job.attempt == 0
}

/// Whether an existing export covers the window.
fn is_known(before: &Ledger, full: Window) -> bool {
    let whole = certainly().expand(full);
    before.jobs.iter().any(|job| matches!(job.slice, Slice::Export(other) if other.covers(&whole)))
}

/// The ledger after job 99, for `full`, got an answer at the row cap.
fn exported(before: &Ledger, purpose: Purpose, full: Window, now: i64, rules: &Rules) -> Ledger {
    let mut after = before.clone();
    after.jobs.insert(0, Job { id: 99, ..Job::new(purpose, Slice::Window(full), full.to(), Duration::ZERO) });
    after.settle(99, &Verdict::Export, Some(&answer(now, FULL)), rules, at(now));
    after
}

fn judge_context(now: i64) -> JudgeContext {
    JudgeContext { now: at(now), next_day: at(now), jitter: 0.5, previous_request_answered: true, refusals: 0 }
}

proptest! {
    #![proptest_config(often())]

    /// An answer at the cap is never committed: it is split, else exported if the vendor exports, else parked.
    #[test]
    fn a_full_answer_is_split_exported_or_parked(asked in any_window(9 * DAY), extra in 0_u64..9, rejects in 0_u64..3, by_mail: bool, purpose in any_purpose()) {
        let rules = Rules { export: certainly().export.filter(|_| by_mail), ..certainly() };
        let job = Job::new(purpose, Slice::Window(asked), asked.to(), Duration::ZERO);
        let answer = Answer { rows: FULL + extra, rejects, by_mail: false, is_over_budget: false, open_until: None };
        let verdict = judge(&rules, &job, Ok(&answer), judge_context(10 * DAY)).verdict;
        if rules.halves(asked).is_some() {
            prop_assert_eq!(verdict, Verdict::Split);
        } else if by_mail {
            prop_assert_eq!(verdict, Verdict::Export);
        } else {
            prop_assert!(matches!(verdict, Verdict::Park(_)), "{verdict:?}");
        }
    }

    /// An export covers the window in whole units. It is due when they are over, or, if they are held already, when
    /// they are settled.
    #[test]
    fn an_export_covers_whole_past_days(before in any_ledger(), (full, now) in any_full(), purpose in any_purpose()) {
        let rules = certainly();
        prop_assume!(!is_known(&before, full));
        let after = exported(&before, purpose, full, now, &rules);
        let fresh: Vec<&Job> = after.jobs.iter().filter(|job| job.id == 0).collect();
        let [job] = fresh.as_slice() else { panic!("{} jobs", fresh.len()) };
        let Slice::Export(whole) = job.slice else { panic!("{:?}", job.slice) };
        prop_assert!(whole == rules.expand(whole) && whole.covers(&full));
        prop_assert_eq!(job.purpose, if purpose == Purpose::Live { Purpose::Settle } else { purpose });
        prop_assert_eq!((&job.state, job.requested_at, job.attempt, job.rechecks), (&JobState::Waiting, None, 0, 0));
        let over = whole.to() + if before.coverage.held().covers(whole) { rules.settle } else { TimeDelta::zero() };
        prop_assert_eq!(job.due, over.max(at(now)));
        prop_assert_eq!(&after.coverage, &before.coverage);
    }

    /// Adjacent exports that no worker can have requested merge into one, because each takes long. An export that may
    /// have been requested keeps its window, which its mail answers.
    #[test]
    fn adjacent_exports_merge_without_loss(before in any_ledger(), (full, now) in any_full(), purpose in any_purpose()) {
        prop_assume!(!is_known(&before, full));
        let after = exported(&before, purpose, full, now, &certainly());
        let fresh = after.jobs.iter().find(|job| job.id == 0).unwrap();
        let whole = fresh.slice.window().unwrap();
        for job in &before.jobs {
            let kept = after.jobs.contains(job);
            let is_alike = is_untouched(job) && job.purpose == fresh.purpose;
            prop_assert!(kept || is_alike && whole.covers(&job.slice.window().unwrap()), "{job:?} was lost");
            let slice = job.slice.window().unwrap();
            let touches = slice.from() <= whole.to() && whole.from() <= slice.to();
            prop_assert!(!(kept && is_alike && touches), "{job:?} was not merged");
        }
        let mut all = wanted(&before.jobs);
        all.add(certainly().expand(full));
        prop_assert_eq!(wanted(&after.jobs), all);
        prop_assert_eq!(after.jobs.iter().filter(|job| job.id != 0).count() + 1, after.jobs.len());
    }

    /// One mail serves every job that waits for it; a mail could not be matched to one of two equal exports.
    #[test]
    fn a_window_is_not_exported_twice(before in any_ledger(), (full, now) in any_full(), purpose in any_purpose()) {
        let after = exported(&before, purpose, full, now, &certainly());
        let whole = certainly().expand(full);
        if is_known(&before, full) {
            prop_assert_eq!(&after.jobs.len(), &before.jobs.len());
            prop_assert!(before.jobs.iter().all(|job| after.jobs.contains(job)));
        }
        prop_assert!(after.jobs.iter().any(|job| matches!(job.slice, Slice::Export(other) if other.covers(&whole))));
    }

    /// An export is parked when the third request has brought no mail before its deadline.
    #[test]
    fn an_export_without_a_mail_is_parked(busy in prop::collection::vec(0_usize..4, 9), start in 0_i64..DAY) {
        let rules = certainly();
        let patience = TimeDelta::from_std(rules.export.unwrap().patience).unwrap();
        let mut ledger = Ledger { jobs: vec![Job { id: 1, ..Job::new(Purpose::Settle, Slice::Export(days(0, 1)), at(0), Duration::ZERO) }], ..Ledger::default() };
        let mut now = start;
        let taken = Answer { rows: 0, rejects: 0, by_mail: true, is_over_budget: false, open_until: None };
        for (asked, busy) in busy.into_iter().enumerate() {
            for _ in 0..busy {
                let verdict = judge(&rules, &ledger.jobs[0], Err(&Fault::Busy(String::new())), judge_context(now)).verdict;
                let Verdict::Await(until) = verdict else { panic!("busy, and {verdict:?}") };
                prop_assert_eq!(until - at(now), TimeDelta::minutes(10));
                let before = ledger.jobs[0].clone();
                ledger.settle(1, &verdict, None, &rules, at(now));
                let state = JobState::Awaiting { until };
                prop_assert_eq!(&ledger.jobs[0], &Job { state, ..before }, "a busy vendor does not count as a request");
                now += 600;
            }
            let verdict = judge(&rules, &ledger.jobs[0], Ok(&taken), judge_context(now)).verdict;
            ledger.settle(1, &verdict, Some(&answer(now, 0)), &rules, at(now));
            match verdict {
                Verdict::Await(until) => prop_assert!(until == at(now) + patience && asked < 3),
                Verdict::Park(_) => { prop_assert_eq!(asked, 3); return Ok(()); }
                verdict => prop_assert!(false, "{verdict:?}"),
            }
            let job = &ledger.jobs[0];
            prop_assert!(job.awaits_mail(at(now)) && job.requested_at.is_some_and(|first| first <= at(now)));
            prop_assert!(!job.is_ready(at(now) + patience - TimeDelta::milliseconds(1)), "the mail may still arrive");
            now += 6 * HOUR;
            prop_assert!(ledger.jobs[0].is_ready(at(now)));
        }
    }

    /// The first accepted request counts: the mail may lack rows that appeared later.
    #[test]
    fn requested_at_is_the_first_accepted_request(first in 0_i64..DAY, later in 0_i64..DAY) {
        let job = Job { id: 1, ..Job::new(Purpose::Settle, Slice::Export(days(-3, 1)), at(0), Duration::ZERO) };
        let mut ledger = Ledger { jobs: vec![job], ..Ledger::default() };
        for asked in [first, first + later] {
            ledger.settle(1, &Verdict::Await(at(asked + 60)), Some(&answer(asked, 0)), &certainly(), at(asked + 1));
        }
        prop_assert_eq!(ledger.jobs[0].requested_at, Some(at(first)));
    }

    /// A busy reply of a vendor without exports is an ordinary failure.
    #[test]
    fn a_busy_vendor_without_exports_is_retried(asked in any_window(9 * DAY), failures in 0_u32..30) {
        let job = Job { failures, ..Job::new(Purpose::Live, Slice::Window(asked), asked.to(), Duration::ZERO) };
        let rules = Rules { export: None, ..certainly() };
        let verdict = judge(&rules, &job, Err(&Fault::Busy(String::new())), judge_context(0)).verdict;
        prop_assert!(matches!(verdict, Verdict::Retry(due) if due >= at(5)), "{verdict:?}");
    }

    /// A mailed export holds exactly its window and teaches nothing, since it is denser than other windows.
    #[test]
    fn a_mailed_export_holds_its_window_and_teaches_nothing(before in any_ledger(), days in (0_i64..9, 1_i64..4), rows in 0_u64..90_000, is_live: bool) {
        let (rules, whole) = (certainly(), self::days(days.0, days.1));
        let purpose = if is_live { Purpose::Live } else { Purpose::Backfill(1) };
        let mut after = before.clone();
        after.jobs.push(Job { id: 99, ..Job::new(purpose, Slice::Export(whole), whole.to(), Duration::ZERO) });
        after.settle(99, &Verdict::Commit, Some(&answer(12 * DAY, rows)), &rules, at(13 * DAY));
        let mut held = before.coverage.held().clone();
        held.add(whole);
        prop_assert_eq!(after.coverage.held(), &held);
        prop_assert_eq!((after.pace, after.live_rows_per_day), (before.pace, before.live_rows_per_day));
        prop_assert_eq!(&after.jobs, &before.jobs);
    }

    /// An imported window is held up to the instant at which the file was made, and its jobs are removed except running ones.
    #[test]
    fn an_imported_window_is_held(before in any_ledger(), brought in any_window(12 * DAY), made_at in any_instant(14)) {
        let mut after = before.clone();
        let (rules, answer) = (certainly(), AnswerSummary { sent_at: made_at, ..answer(0, 7) });
        after.hold(brought, &answer, &rules, at(14 * DAY));
        let mut held = before.coverage.held().clone();
        // What lies after that instant is requested, so it begins on a whole step.
        let whole = (made_at - brought.from()).num_milliseconds().div_euclid(1000);
        let known = Window::new(brought.from(), brought.to().min(brought.from() + TimeDelta::seconds(whole)));
        if let Some(known) = known {
            held.add(known);
        }
        prop_assert_eq!(after.coverage.held(), &held);
        for job in &before.jobs {
            let is_answered = known.is_some_and(|known| known.covers(&job.slice.window().unwrap()));
            let is_running = matches!(job.state, JobState::Running { .. });
            prop_assert_eq!(after.jobs.contains(job), is_running || !is_answered, "{:?}", job);
        }
        prop_assert!(after.jobs.len() <= before.jobs.len());
        let horizon = made_at - rules.settle;
        for settled in after.coverage.settled().windows() {
            prop_assert!(settled.to() <= horizon && brought.covers(settled), "{settled} is not settled");
        }
        prop_assert_eq!(after.pace, before.pace);
    }

    /// While an export is outstanding no other export is picked, and all other jobs are.
    #[test]
    fn no_export_is_picked_while_another_is_outstanding(ledger in any_ledger(), now in 0_i64..12 * DAY) {
        let is_free = |is_exporting| LaneContext { next_live: None, last_background: None, last_backfill: None, quota: None, is_exporting, has_spare: false };
        let chosen = next_job(&ledger.jobs, &is_free(true), at(now));
        prop_assert!(!chosen.is_some_and(|job| matches!(job.slice, Slice::Export(_))));
        let others: Vec<Job> = ledger.jobs.iter().filter(|job| !matches!(job.slice, Slice::Export(_))).cloned().collect();
        prop_assert_eq!(chosen, next_job(&others, &is_free(false), at(now)));
        let ready = ledger.jobs.iter().any(|job| job.is_ready(at(now)));
        prop_assert_eq!(next_job(&ledger.jobs, &is_free(false), at(now)).is_some(), ready);
    }
}

/// The request's time is stored before it is sent: the worker may crash, and the mail must not count for a later time.
/// A job that is answered at once stores no such time.
#[test]
fn an_export_request_is_recorded_before_it_is_sent() {
    let mut job = Job::new(Purpose::Settle, Slice::Export(days(0, 1)), at(0), Duration::ZERO);
    job.start(at(DAY), at(DAY + 60));
    job.start(at(2 * DAY), at(2 * DAY + 60));
    assert_eq!((job.requested_at, &job.state), (Some(at(DAY)), &JobState::Running { until: at(2 * DAY + 60) }));
    let mut window = Job::new(Purpose::Settle, Slice::Window(days(0, 1)), at(0), Duration::ZERO);
    window.start(at(DAY), at(DAY + 60));
    assert_eq!(window.requested_at, None);
}

/// An export waits while another one is outstanding; waiting and expired ones do not count.
#[test]
fn an_export_waits_for_an_outstanding_export() {
    let state =
        |state, id| Job { id, state, ..Job::new(Purpose::Settle, Slice::Export(days(0, 1)), at(0), Duration::ZERO) };
    let until = at(10);
    let out = [JobState::Dispatched { until }, JobState::Running { until }, JobState::Awaiting { until }];
    let still = [JobState::Waiting, JobState::Parked { reason: String::new() }];
    let own = state(JobState::Dispatched { until }, 1);
    for other in out {
        let jobs = [own.clone(), state(other, 2)];
        assert!(
            own.is_blocked_by_export(&jobs, at(9))
                && !own.is_blocked_by_export(&jobs, at(10))
                && !own.is_blocked_by_export(&jobs[..1], at(9))
        );
    }
    assert!(still.into_iter().all(|other| !own.is_blocked_by_export(&[state(other, 2)], at(9))));
    let window = Job { slice: Slice::Window(days(0, 1)), ..own.clone() };
    assert!(!window.is_blocked_by_export(&[state(JobState::Awaiting { until }, 2)], at(9)));
}

/// An export teaches no density, and its second request may be due in days. It must not hold up the windows of a backfill.
#[test]
fn a_waiting_export_does_not_stop_a_backfill() {
    let (rules, yesterday) = (certainly(), days(9, 1));
    let mut ledger = Ledger::default();
    ledger.coverage.hold(yesterday);
    ledger.slot = Some(at(10 * DAY));
    let second = Job::new(Purpose::Settle, Slice::Export(yesterday), at(12 * DAY), Duration::ZERO);
    ledger.jobs.push(Job { id: 1, ..second });
    ledger.backfills.push(Backfill {
        id: 1,
        window: days(4, 5),
        mode: Mode::Missing,
        ordered_at: at(10 * DAY),
        progress: Progress::Running,
        answered: Spans::default(),
        windows_done: 0,
        items_done: 0,
        rows: 0,
    });
    let planned = plan(at(10 * DAY + HOUR), at(9 * DAY), &rules, &ledger).jobs;
    let of_backfill = planned.iter().filter(|job| job.purpose == Purpose::Backfill(1)).count();
    assert_eq!(of_backfill, 1, "one window at a time while the density is unknown: {planned:?}");
}
