//! Laws of turn-taking: any interleaving of workers that acquire, renew, release, die, sleep and come back.

use crate::any::{any_long, at, often};
use chrono::{DateTime, TimeDelta, Utc};
use domain::lane::{Closing, Lane, LaneKey, Lease};
use proptest::prelude::*;
use std::time::Duration;

const LEASE: i64 = 60;
const SPACING: i64 = 5;

#[derive(Clone, Debug)]
enum Move {
    /// Somebody asks for a turn and, if it comes, sends a request at once.
    Acquire,
    /// A holder, or somebody who was one, holds on.
    Renew(prop::sample::Index),
    /// A holder, or somebody who was one, gives its turn back; `idle` says the vendor has answered.
    Release(prop::sample::Index, bool),
    /// A holder dies.
    Crash(prop::sample::Index),
    /// Time goes on, sometimes by a leap of the clock.
    Wait(i64),
}

fn any_move() -> impl Strategy<Value = Move> {
    let who = any::<prop::sample::Index>;
    prop_oneof![
        5 => Just(Move::Acquire),
        2 => who().prop_map(Move::Renew),
        3 => (who(), any::<bool>()).prop_map(|(who, idle)| Move::Release(who, idle)),
        1 => who().prop_map(Move::Crash),
        6 => (0..2 * SPACING).prop_map(Move::Wait),
        2 => (LEASE - 2..LEASE + 2 * SPACING).prop_map(Move::Wait),
        1 => (0..10 * LEASE).prop_map(Move::Wait),
    ]
}

fn lease_time() -> Duration {
    Duration::from_secs(LEASE.unsigned_abs())
}

/// One request as the vendor sees it.
struct Request {
    lease: Lease,
    /// Until when the vendor may be at work on it: the end of the lease, unless it is known to have answered.
    busy_until: DateTime<Utc>,
}

/// A lane, and everything that was ever asked over it.
struct Story {
    lane: Lane,
    now: DateTime<Utc>,
    requests: Vec<Request>,
}

impl Story {
    fn new(width: u32) -> Self {
        let lane = Lane::new(width, Duration::from_secs(SPACING.unsigned_abs()));
        Self { lane, now: at(0), requests: Vec::new() }
    }

    fn make(&mut self, step: &Move) {
        match step {
            Move::Acquire => self.acquire(),
            Move::Renew(who) => self.with(*who, |lane, now, request| {
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
            Move::Release(who, idle) => self.with(*who, |lane, now, request| {
                let before = lane.clone();
                let held = lane.is_held(&request.lease, now);
                lane.release(&request.lease, now, *idle);
                assert!(held || *lane == before, "a lost lease changed the lane");
                assert!(!lane.is_held(&request.lease, now), "held after it was given back");
                if held {
                    request.busy_until = if *idle { now } else { request.busy_until };
                    request.lease.until = now;
                }
            }),
            // A dead worker says nothing: its request goes on for as long as its lease allows.
            Move::Crash(who) => self.with(*who, |_, _, _| {}),
            Move::Wait(seconds) => self.now += TimeDelta::seconds(*seconds),
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
        let turn = self.lane.next_turn();
        let lease = match self.lane.acquire(self.now, lease_time()) {
            Ok(lease) => lease,
            Err(next) => {
                assert_eq!(next, turn, "what is told is when the next turn comes");
                assert!(next.is_some_and(|next| self.now < next), "a turn that was free was refused");
                return;
            }
        };
        assert!(turn.is_some_and(|turn| turn <= self.now));
        assert_eq!(lease.until, self.now + TimeDelta::seconds(LEASE));
        for before in self.requests.iter().filter(|before| before.lease.slot == lease.slot) {
            let from = before.busy_until + TimeDelta::seconds(SPACING);
            assert!(self.now >= from, "asked at {} and not after {from}", self.now);
            assert!(lease.fence > before.lease.fence, "a fence that was there before");
            assert!(!self.lane.is_held(&before.lease, self.now), "an old lease still counts");
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

fn any_closing() -> impl Strategy<Value = Closing> {
    prop::option::of(0_i64..100).prop_map(|until| Closing { until: until.map(at), reason: format!("{until:?}") })
}

proptest! {
    #![proptest_config(often())]

    /// Never two holders of a slot, never more requests in flight than slots, never a start closer than the spacing
    /// to the end of the one before, or, after a crash, to the end of its lease; never an old lease that counts.
    #[test]
    fn turns_never_overlap(width in 1_u32..4, moves in prop::collection::vec(any_move(), 1..80)) {
        let mut story = Story::new(width);
        for step in &moves {
            story.make(step);
        }
    }

    /// Someone who keeps trying gets a turn: nothing done by the others can shut the lane for good.
    #[test]
    fn a_turn_always_comes_again(width in 1_u32..4, moves in prop::collection::vec(any_move(), 1..40)) {
        let mut story = Story::new(width);
        for step in &moves {
            story.make(step);
        }
        story.now += TimeDelta::seconds(LEASE + SPACING);
        prop_assert!(story.lane.acquire(story.now, lease_time()).is_ok());
    }

    /// A renewed lease that dies holds its spacing too.
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

    #[test]
    fn a_closed_lane_lets_nobody_in(closing in any_closing(), now in 0_i64..100) {
        let mut lane = Lane::new(1, Duration::from_secs(1));
        lane.closed = Some(closing.clone());
        let shut = closing.until.is_none_or(|until| at(now) < until);
        prop_assert_eq!(closing.holds(at(now)), shut);
        match lane.acquire(at(now), lease_time()) {
            Ok(_) => prop_assert!(!shut),
            Err(turn) => prop_assert!(shut && turn == closing.until),
        }
    }

    /// Of two reasons to be shut the longer one holds, in whatever order they come.
    #[test]
    fn a_closing_never_shortens_another(closings in prop::collection::vec(any_closing(), 1..5)) {
        let mut lane = Lane::new(1, Duration::from_secs(1));
        for closing in &closings {
            lane.close(closing.clone());
        }
        let until = lane.closed.unwrap().until;
        prop_assert!(closings.iter().all(|closing| closing.until.map_or(until.is_none(), |end| until.is_none_or(|until| until >= end))));
        prop_assert!(closings.iter().any(|closing| closing.until == until));
    }

    #[test]
    fn no_duration_makes_it_panic(ttl in any_long(), spacing in any_long()) {
        let mut lane = Lane::new(1, spacing);
        let lease = lane.acquire(at(0), ttl).unwrap();
        lane.renew(&lease, at(0), Duration::MAX);
        lane.release(&lease, at(0), true);
    }

    /// Lanes differ where vendor or credential do, and nowhere else.
    #[test]
    fn a_key_stands_for_one_credential(one in ("[a-z]{0,3}", "[a-z]{0,3}"), other in ("[a-z]{0,3}", "[a-z]{0,3}")) {
        let same = LaneKey::of(&one.0, &one.1) == LaneKey::of(&other.0, &other.1);
        prop_assert_eq!(same, one == other);
    }
}

#[test]
fn a_lane_without_slots_lets_nobody_in() {
    assert_eq!(Lane::new(0, Duration::ZERO).acquire(at(0), lease_time()), Err(None));
}
