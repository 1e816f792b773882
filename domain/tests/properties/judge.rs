//! Properties of the judge.

use crate::strategies::{DAY, HOUR, any_long, any_window, at, backfill_job, often, rules, ultimate, window};
use chrono::{DateTime, TimeDelta, Utc};
use domain::fault::Fault;
use domain::job::{Job, Purpose};
use domain::judge::{Answer, JudgeContext, Judgement, LONGEST_BELIEVED, REFUSAL_WAITS, Verdict, judge};
use domain::rules::Rules;
use domain::slice::Slice;
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
            Fault::Incomplete(text()),
            Fault::Refused(text()),
            Fault::TooLarge(text()),
        ]),
    ]
}

fn judge_context(jitter: f64) -> JudgeContext {
    JudgeContext { now: at(0), next_day: at(3 * 3600), jitter, previous_request_answered: true, refusals: 0 }
}

fn answered(rules: &Rules, job: &Job, rows: u64, rejects: u64) -> Verdict {
    judge(
        rules,
        job,
        Ok(&Answer { rows, rejects, by_mail: false, is_over_budget: false, open_until: None }),
        judge_context(0.5),
    )
    .verdict
}

/// When the job becomes due again by itself.
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

    /// A window with rejected rows is not held; if the rows stay unreadable the job is parked.
    #[test]
    fn an_answer_with_rejected_rows_is_never_committed(rules in any_rules(), job in any_job(), rejects in 1_u64..9) {
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
        prop_assert!(false, "the job was never parked");
    }

    /// The vendor's build of the newest unit "may take a while": until the next unit is published, an empty answer may
    /// mean that this one is not built yet, so it is asked for again within the hour. Then an empty answer is believed.
    #[test]
    fn an_empty_newest_unit_is_believed_only_when_the_next_one_is_published(day in 0_i64..20, age in 0_i64..3 * DAY, rows in 0_u64..3, rechecks in 0_u32..40, purpose in 0_usize..3) {
        let rules = ultimate();
        let published = (day + 1) * DAY + HOUR;
        let purpose = [Purpose::Live, Purpose::Settle, Purpose::Backfill(1)][purpose];
        let job = Job { purpose, rechecks, ..backfill_job(window(day * DAY, (day + 1) * DAY)) };
        let context = JudgeContext { now: at(published + age), ..judge_context(0.5) };
        let answer = Answer { rows, rejects: 0, by_mail: false, is_over_budget: false, open_until: None };
        let verdict = judge(&rules, &job, Ok(&answer), context).verdict;
        if rows > 0 || age >= DAY {
            prop_assert_eq!(verdict, Verdict::Commit);
        } else {
            prop_assert_eq!(verdict, Verdict::Recheck(at(published + (age + HOUR).min(DAY))));
        }
        let any_time = Rules { ready_after: None, ..rules };
        prop_assert_eq!(judge(&any_time, &job, Ok(&answer), context).verdict, Verdict::Commit);
    }

    /// Empty answers do not use up the attempts that unreadable rows get.
    #[test]
    fn unreadable_rows_park_no_newest_unit(age in 0_i64..3 * DAY, rechecks in 3_u32..40, rejects in 1_u64..9) {
        let job = Job { rechecks, ..backfill_job(window(0, DAY)) };
        let context = JudgeContext { now: at(DAY + HOUR + age), ..judge_context(0.5) };
        let answer = Answer { rows: 9, rejects, by_mail: false, is_over_budget: false, open_until: None };
        let verdict = judge(&ultimate(), &job, Ok(&answer), context).verdict;
        prop_assert_eq!(matches!(verdict, Verdict::Park(_)), age >= DAY, "{:?}", verdict);
    }

    #[test]
    fn only_windows_with_halves_are_split(rules in any_rules(), job in any_job(), fault in any_fault(), rows in 0_u64..2_000, rejects in 0_u64..2) {
        let verdicts = [answered(&rules, &job, rows, rejects), judge(&rules, &job, Err(&fault), judge_context(0.5)).verdict];
        let can = job.slice.window().and_then(|window| window.halves(rules.step)).is_some();
        prop_assert!(can || verdicts.iter().all(|verdict| *verdict != Verdict::Split));
    }

    /// Splitting ends for any answers: at a step for full ones, at an hour for failing ones.
    #[test]
    fn repeated_splitting_ends(rules in any_rules(), job in any_job(), is_full: bool, newer: bool) {
        let mut job = Job { failures: 1, ..job };
        let failing = Fault::Malformed("cut off".to_owned());
        for _ in 0..25 {
            let answer = Answer { rows: rules.row_cap, rejects: 0, by_mail: false, is_over_budget: false, open_until: None };
            let answer = if is_full { Ok(&answer) } else { Err(&failing) };
            let verdict = judge(&rules, &job, answer, judge_context(0.5)).verdict;
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

    /// The lane is closed and the job snoozed as long as the vendor asked, but no longer than an hour: then one request probes
    /// whether the vendor meant it. The reason tells what the vendor asked for.
    #[test]
    fn a_retry_is_never_earlier_than_the_vendor_asked(rules in any_rules(), job in any_job(), wait in prop::option::of(any_long()), jitter in 0.0..1.0) {
        let retry_after = wait;
        let fault = Fault::Throttled { retry_after, text: String::new() };
        let judgement = judge(&rules, &job, Err(&fault), judge_context(jitter));
        let asked = retry_after.unwrap_or_default();
        let hour = LONGEST_BELIEVED.to_std().unwrap();
        let least = at(0) + TimeDelta::from_std(asked.min(hour).max(rules.retry_min)).unwrap();
        let closure = judgement.closure.unwrap();
        let until = closure.until.unwrap();
        prop_assert!(until >= least, "{until} is before {least}");
        prop_assert!(until <= at(0) + LONGEST_BELIEVED.max(TimeDelta::from_std(rules.retry_max).unwrap()), "{until}");
        prop_assert_eq!(again(&judgement.verdict), Some(until));
        prop_assert_eq!(closure.reason.contains("the vendor asks to wait until 20"), asked > hour, "{}", closure.reason);
    }

    /// The credential is tried again after 1, 5 and 15 minutes; only then the lane waits for a person.
    #[test]
    fn a_credential_refused_four_times_closes_the_lane_without_end(rules in any_rules(), job in any_job(), refusals in 0_u32..9) {
        let context = JudgeContext { refusals, ..judge_context(0.5) };
        let judgement = judge(&rules, &job, Err(&Fault::Unauthorised(String::new())), context);
        let minutes = [Some(1), Some(5), Some(15)].get(refusals as usize).copied().flatten();
        prop_assert_eq!(judgement.closure.map(|closure| closure.until), Some(minutes.map(|minutes| at(minutes * 60))));
        prop_assert!(matches!(judgement.verdict, Verdict::Snooze(_)));
        prop_assert_eq!(REFUSAL_WAITS.len(), 3);
    }

    /// A vendor sends a page or file that is too large again as it is: the job asks for less, or waits for a person.
    #[test]
    fn what_is_too_large_is_split_or_parked(rules in any_rules(), job in any_job()) {
        let mut job = job;
        for _ in 0..20 {
            match judge(&rules, &job, Err(&Fault::TooLarge("page 3".to_owned())), judge_context(0.5)).verdict {
                Verdict::Split => return Ok(()),
                Verdict::Park(reason) => {
                    prop_assert!(reason.contains("page 3"), "{reason}");
                    return Ok(());
                }
                Verdict::Retry(_) => prop_assert_eq!(job.purpose, Purpose::Live, "only the live sync tries again"),
                verdict => prop_assert!(false, "{verdict:?}"),
            }
            job.failures += 1;
        }
        prop_assert!(false, "the job was tried for ever");
    }

    #[test]
    fn a_spent_quota_or_maintenance_closes_the_lane_until_its_end(rules in any_rules(), job in any_job()) {
        let until = |fault: Fault| match judge(&rules, &job, Err(&fault), judge_context(0.5)) {
            Judgement { verdict: Verdict::Snooze(due), closure: Some(closure) } if closure.until == Some(due) => due,
            other => panic!("{other:?}"),
        };
        prop_assert_eq!(until(Fault::QuotaSpent(String::new())), judge_context(0.5).next_day);
        prop_assert_eq!(until(Fault::Maintenance(String::new())), at(0) + TimeDelta::from_std(rules.maintenance_pause).unwrap());
    }

    /// A fault covers nothing, and its job is not due at once unless the lane is closed.
    #[test]
    fn a_fault_is_never_committed(rules in any_rules(), job in any_job(), fault in any_fault(), jitter in 0.0..1.0) {
        let judgement = judge(&rules, &job, Err(&fault), judge_context(jitter));
        prop_assert!(!matches!(judgement.verdict, Verdict::Commit | Verdict::Recheck(_)), "{judgement:?}");
        if judgement.closure.is_none() {
            let least = at(0) + TimeDelta::from_std(rules.retry_min).unwrap();
            prop_assert!(again(&judgement.verdict).is_none_or(|due| due >= least));
        }
    }

    /// An answer that lacks most stored rows is asked for again as a whole, and then waits for an operator. Its parts, each with
    /// few rows, would be believed.
    #[test]
    fn a_doubted_answer_is_never_split(rules in any_rules(), job in any_job()) {
        let mut job = Job { failures: 0, ..job };
        for _ in 0..20 {
            let verdict = judge(&rules, &job, Err(&Fault::Incomplete("lacks rows".to_owned())), judge_context(0.5)).verdict;
            match verdict {
                Verdict::Retry(due) => prop_assert!(due > at(0)),
                Verdict::Park(_) if job.purpose != Purpose::Live => return Ok(()),
                verdict => prop_assert!(false, "{verdict:?}"),
            }
            job.failures += 1;
        }
        prop_assert_eq!(job.purpose, Purpose::Live, "a live job is tried until the vendor answers");
    }

    /// A vendor that is down never parks a live job.
    #[test]
    fn an_unreachable_vendor_never_parks_live_jobs(rules in any_rules(), job in any_job(), fault in any_fault()) {
        let job = Job { purpose: Purpose::Live, ..job };
        let verdict = judge(&rules, &job, Err(&fault), judge_context(0.5)).verdict;
        prop_assert!(!matches!(verdict, Verdict::Park(_)) || matches!(fault, Fault::Refused(_) | Fault::TooLarge(_)));
    }
}
