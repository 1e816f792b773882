//! Laws of what follows from what came back.

use crate::any::{any_long, any_window, at, backfill_job, often, rules};
use chrono::{DateTime, TimeDelta, Utc};
use domain::fault::Fault;
use domain::job::{Job, Purpose, Slice};
use domain::judge::{Answer, Circumstances, Judgement, Verdict, judge};
use domain::rules::Rules;
use proptest::prelude::*;
use std::time::Duration;

fn any_job() -> impl Strategy<Value = Job> {
    let purpose = prop::sample::select(vec![Purpose::Live, Purpose::Item, Purpose::Settle, Purpose::Backfill(1)]);
    (any_window(10_000_000), purpose, 0_u32..20, 0_u32..6).prop_map(|(window, purpose, failures, rechecks)| Job {
        purpose,
        failures,
        rechecks,
        ..backfill_job(window)
    })
}

fn any_rules() -> impl Strategy<Value = Rules> {
    (2_u64..1_000, prop::sample::select(vec![1_i64, 60, 86_400])).prop_map(|(row_cap, step)| Rules {
        row_cap,
        step: TimeDelta::seconds(step),
        ..rules()
    })
}

fn any_fault() -> impl Strategy<Value = Fault> {
    let wait = prop::option::of(
        prop_oneof![4 => (0_u64..100_000).prop_map(Duration::from_secs), 1 => Just(Duration::from_secs(u64::MAX)), 1 => any_long()],
    );
    let text = || "said so".to_owned();
    prop_oneof![
        wait.prop_map(move |retry_after| Fault::Throttled { retry_after, text: text() }),
        prop::sample::select(vec![
            Fault::QuotaSpent(text()),
            Fault::Unauthorised(text()),
            Fault::Maintenance(text()),
            Fault::Unreachable(text()),
            Fault::TimedOut(text()),
            Fault::Malformed(text()),
            Fault::Refused(text()),
        ]),
    ]
}

fn circumstances(jitter: f64) -> Circumstances {
    Circumstances { now: at(0), next_day: at(3 * 3600), jitter, others_answer: true }
}

fn answered(rules: &Rules, job: &Job, rows: u64, rejects: u64) -> Verdict {
    judge(rules, job, Ok(&Answer { rows, rejects, awaited: false, open: None }), circumstances(0.5)).verdict
}

/// When the job comes up again by itself.
fn again(verdict: &Verdict) -> Option<DateTime<Utc>> {
    match verdict {
        Verdict::Recheck(due) | Verdict::Snooze(due) | Verdict::Retry(due) | Verdict::Await(due) => Some(*due),
        Verdict::Commit | Verdict::Split | Verdict::Export | Verdict::Park(_) => None,
    }
}

proptest! {
    #![proptest_config(often())]

    #[test]
    fn a_full_answer_is_never_committed(rules in any_rules(), job in any_job(), extra in 0_u64..3, rejects in 0_u64..3) {
        let verdict = answered(&rules, &job, rules.row_cap + extra, rejects);
        prop_assert!(matches!(verdict, Verdict::Split | Verdict::Park(_)), "{verdict:?}");
        prop_assert_eq!(answered(&rules, &job, rules.row_cap - 1, 0), Verdict::Commit);
    }

    /// Rows kept aside are not counted as held; what still cannot be read in the end waits for a person.
    #[test]
    fn an_answer_with_unreadable_rows_is_never_committed(rules in any_rules(), job in any_job(), rejects in 1_u64..9) {
        let mut job = job;
        job.rechecks = 0;
        for _ in 0..10 {
            match answered(&rules, &job, 1, rejects) {
                Verdict::Recheck(due) => prop_assert!(due > at(0)),
                Verdict::Park(_) | Verdict::Split => return Ok(()),
                verdict => prop_assert!(false, "{verdict:?}"),
            }
            job.rechecks += 1;
        }
        prop_assert!(false, "nobody was called");
    }

    #[test]
    fn only_what_can_be_split_is_split(rules in any_rules(), job in any_job(), fault in any_fault(), rows in 0_u64..2_000, rejects in 0_u64..2) {
        let verdicts = [answered(&rules, &job, rows, rejects), judge(&rules, &job, Err(&fault), circumstances(0.5)).verdict];
        let can = job.slice.window().and_then(|window| window.halves(rules.step)).is_some();
        prop_assert!(can || verdicts.iter().all(|verdict| *verdict != Verdict::Split));
    }

    /// However often an answer is full or fails, splitting ends: at a step for full ones, at an hour for failing ones.
    #[test]
    fn splitting_again_and_again_ends(rules in any_rules(), job in any_job(), is_full: bool, newer: bool) {
        let mut job = Job { failures: 1, ..job };
        let failing = Fault::Malformed("cut off".to_owned());
        for _ in 0..25 {
            let answer = Answer { rows: rules.row_cap, rejects: 0, awaited: false, open: None };
            let heard = if is_full { Ok(&answer) } else { Err(&failing) };
            let verdict = judge(&rules, &job, heard, circumstances(0.5)).verdict;
            let window = job.slice.window().unwrap();
            if verdict != Verdict::Split {
                prop_assert!(!is_full || window.halves(rules.step).is_none());
                return Ok(());
            }
            let (older, newest) = window.halves(rules.step).unwrap();
            prop_assert!(is_full || older.span() >= TimeDelta::hours(1));
            job.slice = Slice::Window(if newer { newest } else { older });
        }
        prop_assert!(false, "still splitting");
    }

    /// The lane is shut, and the job sleeps, at least as long as the vendor asked (a year is as good as for ever).
    #[test]
    fn a_throttle_is_never_undercut(rules in any_rules(), job in any_job(), wait in prop::option::of(any_long()), jitter in 0.0..1.0) {
        let retry_after = wait;
        let fault = Fault::Throttled { retry_after, text: String::new() };
        let judgement = judge(&rules, &job, Err(&fault), circumstances(jitter));
        let least = at(0) + TimeDelta::from_std(retry_after.unwrap_or_default().max(rules.retry_min).min(Duration::from_hours(365 * 24))).unwrap();
        let closed_until = judgement.closing.unwrap().until;
        prop_assert!(closed_until.is_none_or(|until| until >= least), "{closed_until:?} is before {least}");
        prop_assert!(again(&judgement.verdict).unwrap() >= least);
    }

    #[test]
    fn a_refused_credential_closes_the_lane_without_end(rules in any_rules(), job in any_job()) {
        let judgement = judge(&rules, &job, Err(&Fault::Unauthorised(String::new())), circumstances(0.5));
        prop_assert_eq!(judgement.closing.map(|closing| closing.until), Some(None));
        prop_assert!(matches!(judgement.verdict, Verdict::Snooze(_)));
    }

    #[test]
    fn a_spent_quota_and_a_maintenance_close_the_lane_until_they_end(rules in any_rules(), job in any_job()) {
        let until = |fault: Fault| match judge(&rules, &job, Err(&fault), circumstances(0.5)) {
            Judgement { verdict: Verdict::Snooze(due), closing: Some(closing) } if closing.until == Some(due) => due,
            other => panic!("{other:?}"),
        };
        prop_assert_eq!(until(Fault::QuotaSpent(String::new())), circumstances(0.5).next_day);
        prop_assert_eq!(until(Fault::Maintenance(String::new())), at(0) + TimeDelta::from_std(rules.maintenance_pause).unwrap());
    }

    /// No fault covers anything, and none is asked about again at once unless its lane is shut.
    #[test]
    fn no_fault_is_an_answer(rules in any_rules(), job in any_job(), fault in any_fault(), jitter in 0.0..1.0) {
        let judgement = judge(&rules, &job, Err(&fault), circumstances(jitter));
        prop_assert!(!matches!(judgement.verdict, Verdict::Commit | Verdict::Recheck(_)), "{judgement:?}");
        if judgement.closing.is_none() {
            let least = at(0) + TimeDelta::from_std(rules.retry_min).unwrap();
            prop_assert!(again(&judgement.verdict).is_none_or(|due| due >= least));
        }
    }

    /// The live stretch is never given up because a vendor is down: only a person's no, or a row nobody can read, is.
    #[test]
    fn a_vendor_that_is_down_never_parks_live_work(rules in any_rules(), job in any_job(), fault in any_fault()) {
        let job = Job { purpose: Purpose::Live, ..job };
        let verdict = judge(&rules, &job, Err(&fault), circumstances(0.5)).verdict;
        prop_assert!(!matches!(verdict, Verdict::Park(_)) || matches!(fault, Fault::Refused(_)));
    }
}
