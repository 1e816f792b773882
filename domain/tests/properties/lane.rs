//! Properties of a lane: workers acquire, renew, release, crash, pause and resume in any order.

use crate::strategies::{any_long, at, often};
use chrono::{DateTime, TimeDelta, Utc};
use domain::lane::{Freeing, Lane, LaneClosure, LaneKey, LaneSecret, Lease};
use proptest::prelude::*;
use std::time::Duration;

const LEASE: i64 = 60;
const SPACING: i64 = 5;

#[derive(Clone, Debug)]
enum LaneAction {
    /// A worker acquires a slot and, if it gets one, sends a request at once.
    Acquire,
    /// A present or former holder renews its lease.
    Renew(prop::sample::Index),
    /// A present or former holder releases its lease; `idle` states that the vendor has answered.
    Release(prop::sample::Index, bool),
    /// A holder crashes.
    Crash(prop::sample::Index),
    /// Time passes, sometimes by a jump of the clock.
    Wait(i64),
}

fn any_lane_action() -> impl Strategy<Value = LaneAction> {
    let who = any::<prop::sample::Index>;
    prop_oneof![
        5 => Just(LaneAction::Acquire),
        2 => who().prop_map(LaneAction::Renew),
        3 => (who(), any::<bool>()).prop_map(|(who, idle)| LaneAction::Release(who, idle)),
        1 => who().prop_map(LaneAction::Crash),
        6 => (0..2 * SPACING).prop_map(LaneAction::Wait),
        2 => (LEASE - 2..LEASE + 2 * SPACING).prop_map(LaneAction::Wait),
        1 => (0..10 * LEASE).prop_map(LaneAction::Wait),
    ]
}

fn lease_time() -> Duration {
    Duration::from_secs(LEASE.unsigned_abs())
}

/// One request as the vendor sees it.
struct Request {
    lease: Lease,
    /// Until when the vendor may work on it: the end of the lease, unless it is known to have answered.
    busy_until: DateTime<Utc>,
}

/// A lane and all its requests.
struct LaneHistory {
    lane: Lane,
    now: DateTime<Utc>,
    requests: Vec<Request>,
}

impl LaneHistory {
    fn new(width: u32) -> Self {
        let lane = Lane::new(width, Duration::from_secs(SPACING.unsigned_abs()));
        Self { lane, now: at(0), requests: Vec::new() }
    }

    /// The history after `moves`.
    fn of(width: u32, moves: &[LaneAction]) -> Self {
        let mut history = Self::new(width);
        for step in moves {
            history.make(step);
        }
        history
    }

    fn make(&mut self, step: &LaneAction) {
        match step {
            LaneAction::Acquire => self.acquire(),
            LaneAction::Renew(who) => self.with(*who, |lane, now, request| {
                let was_held = now < request.lease.until;
                let renewed = lane.renew(&request.lease, now, lease_time());
                assert!(was_held || renewed.is_none(), "a lease that had ended was renewed");
                if let Some(lease) = renewed {
                    assert!(lease.until >= request.lease.until && lease.until >= now + TimeDelta::seconds(LEASE));
                    assert_eq!((lease.slot, lease.fence), (request.lease.slot, request.lease.fence));
                    request.busy_until = request.busy_until.max(lease.until);
                    request.lease = lease;
                }
            }),
            LaneAction::Release(who, idle) => self.with(*who, |lane, now, request| {
                let before = lane.clone();
                let held = lane.is_held(&request.lease, now);
                lane.release(&request.lease, now, *idle);
                assert!(held || *lane == before, "a lost lease changed the lane");
                assert!(!lane.is_held(&request.lease, now), "a released lease is still held");
                if held {
                    request.busy_until = if *idle { now } else { request.busy_until };
                    request.lease.until = now;
                }
            }),
            // A crashed worker releases nothing: its request may run until its lease ends.
            LaneAction::Crash(who) => self.with(*who, |_, _, _| {}),
            LaneAction::Wait(seconds) => self.now += TimeDelta::seconds(*seconds),
        }
        self.check();
    }

    fn with(&mut self, who: prop::sample::Index, change: impl FnOnce(&mut Lane, DateTime<Utc>, &mut Request)) {
        if !self.requests.is_empty() {
            let at = who.index(self.requests.len());
            change(&mut self.lane, self.now, &mut self.requests[at]);
        }
    }

    fn acquire(&mut self) {
        let turn = self.lane.next_free_at(self.now);
        let lease = match self.lane.acquire(self.now, lease_time()) {
            Ok(lease) => lease,
            Err(next) => {
                assert_eq!(next, turn, "the returned instant is not the next free one");
                assert!(next.is_some_and(|next| self.now < next), "a free slot was refused");
                return;
            }
        };
        assert!(turn.is_some_and(|turn| turn <= self.now));
        assert_eq!(lease.until, self.now + TimeDelta::seconds(LEASE));
        for before in self.requests.iter().filter(|before| before.lease.slot == lease.slot) {
            let from = before.busy_until + TimeDelta::seconds(SPACING);
            assert!(self.now >= from, "asked at {} and not after {from}", self.now);
            assert!(lease.fence > before.lease.fence, "the fence did not grow");
            assert!(!self.lane.is_held(&before.lease, self.now), "an outdated lease is still held");
        }
        self.requests.push(Request { lease, busy_until: lease.until });
    }

    fn check(&self) {
        for slot in 0..self.lane.slots.len() {
            let holds = |request: &&Request| request.lease.slot == slot && self.lane.is_held(&request.lease, self.now);
            assert!(self.requests.iter().filter(holds).count() <= 1, "two holders of one slot");
        }
        let busy = self.requests.iter().filter(|request| self.now < request.busy_until).count();
        assert!(busy <= self.lane.slots.len(), "{busy} requests in flight");
        for request in &self.requests {
            assert!(
                self.now < request.lease.until || !self.lane.is_held(&request.lease, self.now),
                "held past its end"
            );
        }
    }
}

fn any_closing() -> impl Strategy<Value = LaneClosure> {
    prop::option::of(0_i64..100).prop_map(|until| LaneClosure { until: until.map(at), reason: format!("{until:?}") })
}

proptest! {
    #![proptest_config(often())]

    /// A slot never has two holders, and no more requests are in flight than slots. No request starts closer than the
    /// spacing to the end of the previous one or, after a crash, of its lease. No outdated lease counts.
    #[test]
    fn requests_in_one_slot_never_overlap(width in 1_u32..4, moves in prop::collection::vec(any_lane_action(), 1..80)) {
        // Each step checks the lane.
        LaneHistory::of(width, &moves);
    }

    /// A worker that keeps trying gets a slot: no action of others closes the lane for ever.
    #[test]
    fn a_slot_always_becomes_free_again(width in 1_u32..4, moves in prop::collection::vec(any_lane_action(), 1..40)) {
        let mut history = LaneHistory::of(width, &moves);
        history.now += TimeDelta::seconds(LEASE + SPACING);
        prop_assert!(history.lane.acquire(history.now, lease_time()).is_ok());
    }

    /// A renewed lease of a crashed worker keeps the spacing too.
    #[test]
    fn after_a_crash_the_spacing_counts_from_the_leases_end(renewals in prop::collection::vec(1..LEASE, 0..4)) {
        let mut lane = Lane::new(1, Duration::from_secs(SPACING.unsigned_abs()));
        let mut now = at(0);
        let mut lease = lane.acquire(now, lease_time()).unwrap();
        for wait in renewals {
            now += TimeDelta::seconds(wait);
            lease = lane.renew(&lease, now, lease_time()).unwrap();
        }
        let turn = lease.until + TimeDelta::seconds(SPACING);
        prop_assert_eq!(lane.acquire(turn - TimeDelta::milliseconds(1), lease_time()), Err(Some(turn)));
        prop_assert!(lane.acquire(turn, lease_time()).is_ok());
    }

    /// Without a step of the clock, an operator frees nothing that a worker may use, unless by force.
    #[test]
    fn no_lease_that_may_be_live_is_freed(width in 1_u32..4, moves in prop::collection::vec(any_lane_action(), 1..40)) {
        let mut history = LaneHistory::of(width, &moves);
        let before = history.lane.clone();
        let result = history.lane.free(history.now, lease_time(), Freeing::Stranded);
        prop_assert_eq!(&history.lane, &before);
        prop_assert!(result.freed.is_empty());
        let held = |request: &Request| before.is_held(&request.lease, history.now);
        prop_assert!(history.requests.iter().filter(|request| held(request)).all(|request| result.kept.contains(&request.lease.slot)));
    }

    /// After the clock was set back, the lane moves again within a lease and the spacing, and not before a request that was
    /// in flight must have ended. A worker that still holds a freed slot can no longer write.
    #[test]
    fn a_freed_lane_moves_again(
        width in 1_u32..4,
        moves in prop::collection::vec(any_lane_action(), 1..40),
        back in 0..20 * LEASE,
    ) {
        let history = LaneHistory::of(width, &moves);
        let (mut lane, now) = (history.lane, history.now - TimeDelta::seconds(back));
        let before = lane.clone();
        let result = lane.free(now, lease_time(), Freeing::Stranded);
        let turn = now + TimeDelta::seconds(LEASE + SPACING);
        for (index, (slot, old)) in lane.slots.iter().zip(&before.slots).enumerate() {
            prop_assert!(slot.until <= turn && slot.not_before <= turn, "the slot still stands in the future");
            if result.freed.contains(&index) {
                prop_assert!(slot.fence > old.fence && slot.not_before == turn);
            } else {
                prop_assert_eq!(slot, old);
            }
        }
        let lost = |request: &&Request| result.freed.contains(&request.lease.slot);
        for request in history.requests.iter().filter(lost) {
            prop_assert!(!lane.is_held(&request.lease, now) && lane.renew(&request.lease, now, lease_time()).is_none());
        }
        prop_assert!(lane.acquire(turn, lease_time()).is_ok());
    }

    /// By force each slot is free at once, and no earlier lease counts.
    #[test]
    fn force_frees_every_slot(
        width in 1_u32..4,
        moves in prop::collection::vec(any_lane_action(), 1..40),
        back in 0..20 * LEASE,
    ) {
        let history = LaneHistory::of(width, &moves);
        let (mut lane, now) = (history.lane, history.now - TimeDelta::seconds(back));
        let result = lane.free(now, lease_time(), Freeing::All);
        prop_assert!(result.kept.is_empty());
        prop_assert!(history.requests.iter().all(|request| !lane.is_held(&request.lease, now)));
        for _ in 0..width {
            prop_assert!(lane.acquire(now, lease_time()).is_ok());
        }
    }

    #[test]
    fn a_closed_lane_grants_no_lease(closure in any_closing(), now in 0_i64..100) {
        let mut lane = Lane::new(1, Duration::from_secs(1));
        lane.closed = Some(closure.clone());
        let shut = closure.until.is_none_or(|until| at(now) < until);
        prop_assert_eq!(closure.holds(at(now)), shut);
        match lane.acquire(at(now), lease_time()) {
            Ok(_) => prop_assert!(!shut),
            Err(turn) => prop_assert!(shut && turn == closure.until),
        }
    }

    /// Of two closures the longer one holds, in any order.
    #[test]
    fn a_closure_never_shortens_another(closings in prop::collection::vec(any_closing(), 1..5)) {
        let mut lane = Lane::new(1, Duration::from_secs(1));
        for closure in &closings {
            lane.close(closure.clone());
        }
        let until = lane.closed.unwrap().until;
        prop_assert!(closings.iter().all(|closure| closure.until.map_or(until.is_none(), |end| until.is_none_or(|until| until >= end))));
        prop_assert!(closings.iter().any(|closure| closure.until == until));
    }

    #[test]
    fn extreme_durations_never_panic(ttl in any_long(), spacing in any_long()) {
        let mut lane = Lane::new(1, spacing);
        let lease = lane.acquire(at(0), ttl).unwrap();
        lane.renew(&lease, at(0), Duration::MAX);
        lane.release(&lease, at(0), true);
    }

    /// Two installations name no lane alike, and one installation names each lane once.
    #[test]
    fn an_installation_keys_the_names_of_its_lanes(one in "[a-z]{1,9}", other in "[a-z]{1,9}", secrets in ("[0-9a-f]{8}", "[0-9a-f]{8}")) {
        let secrets = [secrets.0, secrets.1].map(|secret| LaneSecret::new(secret.into()));
        let keys = [&one, &other].map(|credential| LaneKey::new("wolkvox", credential));
        let [first, second] = keys.each_ref().map(|key| key.keyed(&secrets[0]));
        prop_assert_eq!(first == second, one == other);
        prop_assert!(first != keys[0] && first != keys[0].keyed(&LaneSecret::new("another".to_owned().into())));
        prop_assert_eq!(first.as_str().len(), 24);
    }

    /// Lanes differ exactly if the source or the credential differs.
    #[test]
    fn a_lane_key_identifies_one_credential(one in ("[a-z]{0,3}", "[a-z]{0,3}"), other in ("[a-z]{0,3}", "[a-z]{0,3}")) {
        let same = LaneKey::new(&one.0, &one.1) == LaneKey::new(&other.0, &other.1);
        prop_assert_eq!(same, one == other);
    }
}

#[test]
fn a_lane_without_slots_grants_no_lease() {
    assert_eq!(Lane::new(0, Duration::ZERO).acquire(at(0), lease_time()), Err(None));
}
