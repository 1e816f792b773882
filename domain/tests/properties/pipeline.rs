//! The whole line in memory under virtual time: tick, plan, hand out, claim, ask, read, judge, commit, while workers
//! die and sleep, tickets are lost and repeated, and the vendor throttles, cuts off, truncates and is maintained.
//!
//! What must hold at every moment is checked where it happens: in `store` (a final row equals the truth and never
//! changes again, one live job a slot, no old fence writes) and in `vendor` (never too many requests in flight, none
//! too soon). Here is what must hold in the end.

use crate::scenario::{Kind, Scenario};
use crate::truth::State;
use crate::world::World;
use chrono::{DateTime, TimeDelta, Utc};
use domain::backfill::Mode;
use domain::coverage::Completeness;
use domain::days::{View, days};
use domain::plan::slot_at;
use domain::spans::Spans;
use domain::window::Window;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Fewer than of other laws: a case is half a day.
fn often() -> ProptestConfig {
    let often = crate::any::often();
    ProptestConfig { cases: often.cases * 3 / 8, max_shrink_iters: 200, ..often }
}

fn any_plot() -> impl Strategy<Value = Scenario> {
    let load = (6_u64..40, 1_i64..20, 1_i64..4);
    let cadence = (5_u64..20, 1_u64..4, 1_u64..6);
    let crowd = (1_u32..=2, 1_usize..3, 1_usize..4);
    let mode = prop::sample::select(vec![Mode::Missing, Mode::All]);
    let trouble = (0_i64..100, 2_i64..7, 1_i64..30, mode, prop::bool::weighted(0.2));
    (any::<u64>(), load, cadence, crowd, trouble).prop_map(|(seed, load, cadence, crowd, trouble)| Scenario {
        seed,
        kind: Kind::Wolkvox,
        row_cap: load.0,
        per_hour: load.1,
        settle: load.2,
        interval: cadence.0,
        refresh: cadence.1,
        spacing: cadence.2,
        max_in_flight: crowd.0,
        schedulers: crowd.1,
        workers: crowd.2,
        mischief: trouble.0,
        hours: trouble.1,
        older: trouble.2,
        mode: trouble.3,
        burst: trouble.4,
    })
}

/// Days of a vendor that makes a file a day.
fn any_files() -> impl Strategy<Value = Scenario> {
    (any_plot(), 2_i64..5, 1_i64..40, 1_u64..3).prop_map(|(scenario, days, older, refresh)| Scenario {
        kind: Kind::Ultimate,
        hours: 24 * days,
        per_hour: scenario.per_hour.min(3),
        settle: 72,
        interval: 24 * 60,
        refresh,
        older: older * 24,
        burst: false,
        ..scenario
    })
}

/// Days of a vendor that mails what is too much for an answer.
fn any_mails() -> impl Strategy<Value = Scenario> {
    (any_plot(), 2_i64..4, 1_i64..6, 20_u64..120).prop_map(|(scenario, days, older, row_cap)| Scenario {
        kind: Kind::Certainly,
        hours: 24 * days,
        row_cap,
        per_hour: scenario.per_hour.min(4),
        settle: 24,
        interval: scenario.interval * 8,
        refresh: 2 + scenario.refresh * 2,
        older: older * 24,
        burst: false,
        ..scenario
    })
}

/// Trouble, and then so much quiet that all there was can have become final.
fn play(scenario: Scenario) -> World {
    // What could not be read is read again once a refresh; until then live work waits.
    let rest = if scenario.kind == Kind::Wolkvox { 1 } else { 26 };
    let (hours, quiet) = (scenario.hours, quiet(&scenario));
    let mut world = World::new(scenario);
    world.pass(TimeDelta::hours(hours));
    world.calm_down();
    world.pass(TimeDelta::hours(rest));
    (world.store.latest, world.vendor.requests) = (TimeDelta::zero(), 0);
    world.pass(TimeDelta::hours(quiet - rest));
    world
}

/// In hours. What was asked by whole days needs the day after as well, one more for reading it again, and the mails time.
fn quiet(scenario: &Scenario) -> i64 {
    match scenario.kind {
        Kind::Wolkvox => scenario.settle + 4,
        Kind::Ultimate => scenario.settle + 24 * (2 + i64::try_from(scenario.refresh).unwrap()) + 4,
        Kind::Certainly => scenario.settle + 24 * 3,
    }
}

/// Every row ends up held as it is in the end, or inside a window that is shown to a person as not to be had.
fn every_row_is_held_or_shown_as_missing(world: &World) {
    let blocked: Spans = world.store.ledger.blocked().into_iter().collect();
    let oldest = oldest(world);
    for row in &world.vendor.truth.0 {
        let held = world.store.table.get(&row.id).map(|(_, state)| *state);
        assert!(
            held == Some(State::Closed) || blocked.contains(row.at) || row.at < oldest,
            "the row at {} is {held:?}",
            row.at
        );
    }
    assert!(world.scenario.burst || blocked.is_empty(), "blocked: {:?}", blocked.windows());
}

/// What lies before it could not be asked for any more.
fn oldest(world: &World) -> DateTime<Utc> {
    world.store.rules.oldest(world.now).unwrap_or(world.span.from())
}

/// Everything wanted is final once it is old enough; nothing but a dense second can stop that.
fn everything_becomes_final(world: &World) {
    let blocked = world.store.ledger.blocked();
    let settled = world.store.ledger.coverage.settled();
    let wanted = Window::new(world.span.from().max(oldest(world)), world.span.to()).unwrap();
    for part in wanted.minus(blocked.iter().copied()) {
        assert!(settled.covers(part), "{part} is not final: {:?}, {:?}", settled.windows(), world.store.ledger.jobs);
    }
    assert!(blocked.iter().all(|stop| stop.span() == TimeDelta::seconds(1)), "{blocked:?}");
    let done = world.store.ledger.backfills.is_empty();
    assert!(done || world.scenario.burst, "the backfill is not done: {:?}", world.store.ledger);
}

/// A day that is called final equals the truth for that day, by when things began; and a row that is not held lies in a
/// day that is not shown as held.
fn a_final_day_equals_the_truth(world: &World) {
    let zone = chrono_tz::America::Bogota;
    let date = |at: DateTime<Utc>| at.with_timezone(&zone).date_naive();
    let due = slot_at(world.now, &world.store.rules);
    let view = View { ledger: &world.store.ledger, rules: &world.store.rules, zone, now: world.now, due };
    let listed = days(view, date(world.span.from() - TimeDelta::days(2)), date(world.span.to()));
    let states: BTreeMap<_, _> = listed.iter().map(|day| (day.day, day.state)).collect();
    for row in &world.vendor.truth.0 {
        let state = states[&date(row.began)];
        let held = world.store.table.get(&row.id).map(|(_, state)| *state);
        assert!(
            state != Completeness::Final || held == Some(State::Closed),
            "the row of {}, final, is {held:?}",
            row.began
        );
        assert!(
            state < Completeness::Provisional || held.is_some(),
            "the row of {}, {state:?}, is not held",
            row.began
        );
    }
    let needs_more = world.store.rules.late_filing + TimeDelta::days(1);
    let young = date(world.span.to() - needs_more);
    let gone = date(oldest(world));
    for day in listed.iter().filter(|day| day.day < young && day.day > gone && day.day > date(world.span.from())) {
        let blocked = !world.store.ledger.blocked().is_empty();
        assert!(day.state == Completeness::Final || blocked, "{day:?} is not final in the end");
    }
}

/// P7, once nothing goes wrong: live work starts within 30 seconds of its due time, whatever backfill is running.
fn live_work_starts_in_time(world: &World) {
    let late = world.store.latest;
    // Where schedulers look seldom, a ticket that met a lane in use waits for their next look.
    let most = if world.scenario.kind == Kind::Wolkvox { TimeDelta::seconds(30) } else { world.scenario.tick() * 2 };
    assert!(late <= most, "live work started {late} late");
}

/// Nothing is asked for over and over.
fn no_more_is_asked_than_it_takes(world: &World) {
    let scenario = &world.scenario;
    let slots = u64::try_from(quiet(scenario) - 1).unwrap() * 60 / scenario.interval;
    let requests = u64::from(world.vendor.requests);
    assert!(requests <= 12 * slots + 20, "{requests} requests in {slots} slots");
}

/// The table holds what the vendor once showed and nothing else.
fn no_row_is_invented(world: &World) {
    for (id, (at, _)) in &world.store.table {
        assert_eq!(world.vendor.truth.0[*id].at, *at);
    }
}

fn all_laws_hold(scenario: Scenario) {
    let world = play(scenario);
    every_row_is_held_or_shown_as_missing(&world);
    everything_becomes_final(&world);
    a_final_day_equals_the_truth(&world);
    no_row_is_invented(&world);
    live_work_starts_in_time(&world);
    no_more_is_asked_than_it_takes(&world);
}

proptest! {
    #![proptest_config(often())]

    #[test]
    fn every_row_is_held_in_the_end_and_nothing_is_asked_too_soon(scenario in any_plot()) {
        all_laws_hold(scenario);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: often().cases / 3, ..often() })]

    #[test]
    fn every_row_of_a_vendor_of_files_is_held_in_the_end(scenario in any_files()) {
        all_laws_hold(scenario);
    }

    #[test]
    fn every_row_of_a_vendor_of_mails_is_held_in_the_end(scenario in any_mails()) {
        all_laws_hold(scenario);
    }
}

/// A law is only as good as its world: all that can go wrong does.
#[test]
fn the_world_is_as_rough_as_it_should_be() {
    let mut seen = std::collections::BTreeSet::new();
    let (mut refused, mut deaths, mut lost) = (0, 0, 0);
    for seed in 0..12 {
        let scenario = Scenario {
            seed,
            kind: Kind::Wolkvox,
            hours: 6,
            row_cap: 8,
            per_hour: 12,
            settle: 2,
            interval: 5,
            refresh: 2,
            spacing: 1 + seed % 5,
            max_in_flight: 1,
            schedulers: 2,
            workers: 3,
            mischief: 80,
            older: 10,
            mode: Mode::Missing,
            burst: true,
        };
        let world = play(scenario);
        seen.extend(world.store.verdicts.iter().copied());
        refused += world.store.refused;
        deaths += world.deaths;
        lost += world.lost;
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["commit", "park", "recheck", "retry", "snooze", "split"]);
    assert!(refused > 10 && deaths > 50 && lost > 50, "{refused} refused, {deaths} deaths, {lost} tickets lost");
}
