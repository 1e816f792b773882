//! Properties of a lane that a fault has closed: the judge and the lane together.

use crate::strategies::{any_long, at, backfill_job, often, rules, window};
use chrono::{DateTime, TimeDelta, Utc};
use domain::fault::Fault;
use domain::judge::{JudgeContext, LONGEST_BELIEVED, REFUSAL_WAITS, judge};
use domain::lane::{Lane, LaneClosure};
use proptest::prelude::*;
use std::time::Duration;

const LEASE: Duration = Duration::from_mins(1);

/// How the vendor answers a request: a usable answer, or a fault.
fn any_result() -> impl Strategy<Value = Result<(), Fault>> {
    let text = || "said so".to_owned();
    prop_oneof![
        2 => Just(Ok(())),
        2 => prop::option::of(any_long()).prop_map(move |retry_after| Err(Fault::Throttled { retry_after, text: text() })),
        4 => Just(Err(Fault::Unauthorised(text()))),
        1 => prop::sample::select(vec![Fault::Unreachable(text()), Fault::Malformed(text()), Fault::Maintenance(text())])
            .prop_map(Err),
    ]
}

/// Ends a request that was claimed after `refusals` refusals, as a commit does. Returns the closure that holds.
fn end(lane: &mut Lane, refusals: u32, result: &Result<(), Fault>, now: DateTime<Utc>) -> Option<LaneClosure> {
    lane.note_result(result.as_ref().copied(), refusals, now);
    if let Err(fault) = result {
        let at = JudgeContext { now, next_day: now, jitter: 0.5, previous_request_answered: true, refusals };
        if let Some(closure) = judge(&rules(), &backfill_job(window(0, 60)), Err(fault), at).closure {
            lane.close(closure);
        }
    }
    lane.closed.clone().filter(|closed| closed.holds(now))
}

proptest! {
    #![proptest_config(often())]

    /// Whatever a vendor answers, a request probes the lane at least once an hour, unless the vendor has refused the credential
    /// four times over 21 minutes with no usable answer between.
    #[test]
    fn no_lane_stays_shut_longer_than_the_bound_without_a_probe(results in prop::collection::vec(any_result(), 1..40)) {
        let (mut lane, mut now, mut in_a_row) = (Lane::new(2, Duration::ZERO), at(0), 0);
        for result in results {
            let lease = lane.acquire(now, LEASE);
            prop_assert!(lease.is_ok(), "no probe at the time that the closure names");
            let lease = lease.unwrap();
            let refusals = lane.refusals;
            lane.release(&lease, now, true);
            in_a_row = match &result {
                Err(Fault::Unauthorised(_)) => in_a_row + 1,
                Ok(()) => 0,
                Err(_) => in_a_row,
            };
            match end(&mut lane, refusals, &result, now).map(|closed| closed.until) {
                None => now += TimeDelta::seconds(1),
                Some(Some(until)) => {
                    prop_assert!(until - now <= LONGEST_BELIEVED, "closed from {now} to {until}");
                    now = until;
                }
                Some(None) => {
                    prop_assert_eq!(in_a_row, REFUSAL_WAITS.len() + 1);
                    return Ok(());
                }
            }
        }
    }

    /// After a closure one request at a time probes the lane. A usable answer opens it for as many as before; a failure that
    /// says nothing of the cause does not.
    #[test]
    fn one_request_probes_a_lane_whose_closure_has_ended(width in 1_u32..5, fails in 0_usize..4, is_busy: bool) {
        let mut lane = Lane::new(width, Duration::ZERO);
        let earlier = is_busy.then(|| lane.acquire(at(0), LEASE).unwrap());
        lane.close(LaneClosure { until: Some(at(10)), reason: "throttled: slow down".to_owned() });
        let now = at(10);
        if let Some(earlier) = earlier {
            prop_assert_eq!((lane.free_slots(now), lane.acquire(now, LEASE)), (0, Err(Some(earlier.until))));
            lane.release(&earlier, now, true);
        }
        for _ in 0..fails {
            prop_assert_eq!(lane.free_slots(now), 1);
            let probe = lane.acquire(now, LEASE).unwrap();
            prop_assert_eq!((lane.free_slots(now), lane.next_free_at(now)), (0, Some(probe.until)));
            prop_assert_eq!(lane.acquire(now, LEASE), Err(Some(probe.until)));
            lane.release(&probe, now, true);
            end(&mut lane, 0, &Err(Fault::Unreachable("HTTP 502".to_owned())), now);
            prop_assert!(lane.is_half_open(now));
        }
        end(&mut lane, 0, &Ok(()), now);
        prop_assert!(lane.closed.is_none() && lane.free_slots(now) == width as usize);
    }

    /// An answer to a request that was in flight when the lane was closed does not open it early.
    #[test]
    fn an_answer_opens_no_lane_that_is_closed(until in prop::option::of(1_i64..100), refusals in 0_u32..4) {
        let mut lane = Lane::new(2, Duration::ZERO);
        lane.close(LaneClosure { until: until.map(at), reason: "closed".to_owned() });
        lane.refusals = refusals;
        let before = lane.clone();
        lane.note_result(Ok(()), 0, at(0));
        prop_assert_eq!(lane, before);
    }

    /// Requests that were in flight together are refused together, and count once.
    #[test]
    fn refusals_of_one_moment_count_once(width in 1_usize..6) {
        let mut lane = Lane::new(6, Duration::ZERO);
        for _ in 0..width {
            let closed = end(&mut lane, 0, &Err(Fault::Unauthorised("no".to_owned())), at(0));
            prop_assert_eq!(closed.and_then(|closed| closed.until), Some(at(60)));
        }
        prop_assert_eq!(lane.refusals, 1);
    }
}
