//! Properties of the restart of loops.

use crate::strategies::often;
use domain::restart::{LoopFailures, Restart, RestartPolicy};
use proptest::prelude::*;
use std::time::Duration;

fn any_policy() -> impl Strategy<Value = RestartPolicy> {
    (0_u32..10, 1_u64..3_600, 1_u64..60, 1_u64..20).prop_map(|(intensity, period, min, times)| RestartPolicy {
        intensity,
        period: Duration::from_secs(period),
        min: Duration::from_secs(min),
        max: Duration::from_secs(min * times),
    })
}

fn any_times() -> impl Strategy<Value = Vec<Duration>> {
    prop::collection::vec(0_u64..2_000, 1..60).prop_map(|mut seconds| {
        seconds.sort_unstable();
        seconds.into_iter().map(Duration::from_secs).collect()
    })
}

proptest! {
    #![proptest_config(often())]

    /// No more restarts than permitted in any period; and a process ends only for more failures than that.
    #[test]
    fn a_loop_restarts_exactly_as_often_as_the_policy_permits(policy in any_policy(), times in any_times()) {
        let mut failures = LoopFailures::default();
        for (index, now) in times.iter().enumerate() {
            let within = times[..=index].iter().filter(|earlier| now.saturating_sub(**earlier) < policy.period).count();
            let decision = failures.add(*now, &policy);
            let gives_up = decision == Restart::GiveUp;
            prop_assert_eq!(gives_up, within > policy.intensity as usize, "failure {} of {:?}", index, times);
        }
    }

    #[test]
    fn the_wait_grows_with_recent_failures_within_its_bounds(policy in any_policy(), times in any_times()) {
        let (mut failures, mut before) = (LoopFailures::default(), None);
        for (index, now) in times.iter().enumerate() {
            let recent = times[..=index].iter().filter(|earlier| now.saturating_sub(**earlier) < policy.period).count();
            let Restart::After(wait) = failures.add(*now, &policy) else { break };
            prop_assert!(policy.min <= wait && wait <= policy.max, "{wait:?}");
            if recent == 1 {
                prop_assert_eq!(wait, policy.min, "an old failure does not count");
            }
            if let Some((earlier, shorter)) = before && recent > earlier {
                prop_assert!(wait >= shorter);
            }
            before = Some((recent, wait));
        }
    }
}

/// The default gives up a loop that fails at once each time: all its waits together are shorter than its period.
#[test]
fn the_default_gives_up_a_loop_that_fails_at_once() {
    let policy = RestartPolicy::default();
    let (mut failures, mut now, mut restarts) = (LoopFailures::default(), Duration::ZERO, 0);
    while let Restart::After(wait) = failures.add(now, &policy) {
        now += wait;
        restarts += 1;
        assert!(restarts <= policy.intensity);
    }
    assert_eq!((restarts, now), (policy.intensity, Duration::from_secs(31)));
}
