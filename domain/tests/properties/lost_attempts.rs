//! Properties of lost attempts.

use crate::strategies::{any_window, at, often, rules};
use chrono::TimeDelta;
use domain::job::{Job, JobState, Purpose};
use domain::judge::Verdict;
use domain::ledger::Ledger;
use domain::lost_attempts::{MOST_LOST, MailAttempts, MailTurn};
use domain::slice::Slice;
use proptest::prelude::*;
use std::time::Duration;

/// What happens to a job after a worker has started it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// The lease ends, and the worker is gone.
    Vanishes,
    /// The worker brings a verdict that keeps the job.
    Answers,
    /// The ticket is lost before a worker starts the job.
    TicketLost,
    /// The worker loses its lease and says so.
    Survives,
}

fn any_fates() -> impl Strategy<Value = Vec<Fate>> {
    let fate = prop_oneof![
        4 => Just(Fate::Vanishes),
        1 => Just(Fate::Answers),
        1 => Just(Fate::TicketLost),
        1 => Just(Fate::Survives)
    ];
    prop::collection::vec(fate, 0..20)
}

proptest! {
    #![proptest_config(often())]

    /// Three attempts in a row that were lost park the job, and nothing else does.
    #[test]
    fn the_third_lost_attempt_in_a_row_parks_the_job(window in any_window(1_000_000), fates in any_fates()) {
        let job = Job { id: 1, ..Job::new(Purpose::Settle, Slice::Window(window), at(0), Duration::ZERO) };
        let mut ledger = Ledger { jobs: vec![job], ..Ledger::default() };
        let (mut now, mut in_a_row) = (at(0), 0);
        for fate in fates {
            let until = now + TimeDelta::minutes(1);
            let job = &mut ledger.jobs[0];
            match fate {
                Fate::TicketLost => job.state = JobState::Dispatched { until },
                _ => job.start(now, until),
            }
            job.lose_attempt(now);
            prop_assert!(!job.is_parked(), "the lease has not ended");
            now = until;
            match fate {
                Fate::Answers => {
                    ledger.settle(1, &Verdict::Retry(now), None, &rules(), now);
                    in_a_row = 0;
                }
                Fate::Vanishes => {
                    job.lose_attempt(now);
                    in_a_row += 1;
                }
                Fate::TicketLost => job.lose_attempt(now),
                Fate::Survives => {
                    job.lost_attempts -= 1;
                    job.lose_attempt(now);
                }
            }
            let job = &ledger.jobs[0];
            prop_assert_eq!(job.is_parked(), in_a_row >= MOST_LOST, "{} in a row", in_a_row);
            if let JobState::Parked { reason } = &job.state {
                prop_assert!(reason.contains("the worker process ended 3 times in a row"), "{reason}");
                return Ok(());
            }
        }
    }

    #[test]
    fn a_mail_is_set_aside_after_three_attempts_without_an_outcome(begun in 0_i32..10, is_being_read: bool) {
        let turn = MailTurn::of(Some(MailAttempts { begun, is_being_read }));
        prop_assert_eq!(turn == MailTurn::Wait, is_being_read, "a mail that another process reads is left to it");
        prop_assert_eq!(turn == MailTurn::SetAside, !is_being_read && begun >= MOST_LOST);
        prop_assert_eq!(MailTurn::of(None), MailTurn::Read);
    }
}
