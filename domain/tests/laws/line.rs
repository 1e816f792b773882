//! The whole line in memory under virtual time: tick, plan, hand out, claim, ask, read, judge, commit, while workers
//! die and sleep, tickets are lost and repeated, and the vendor throttles, cuts off, truncates and is maintained.
//!
//! What must hold at every moment is checked where it happens: in `desk` (a final row equals the truth and never
//! changes again, one live want a slot, no old fence writes) and in `vendor` (never too many requests in flight, none
//! too soon). Here is what must hold in the end.

use crate::plot::{Kind, Plot};
use crate::truth::State;
use crate::world::World;
use chrono::{DateTime, TimeDelta, Utc};
use domain::backfill::Mode;
use domain::coverage::Trust;
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

fn any_plot() -> impl Strategy<Value = Plot> {
    let load = (6_u64..40, 1_i64..20, 1_i64..4);
    let cadence = (5_u64..20, 1_u64..4, 1_u64..6);
    let crowd = (1_u32..=2, 1_usize..3, 1_usize..4);
    let mode = prop::sample::select(vec![Mode::Missing, Mode::All]);
    let trouble = (0_i64..100, 2_i64..7, 1_i64..30, mode, prop::bool::weighted(0.2));
    (any::<u64>(), load, cadence, crowd, trouble).prop_map(|(seed, load, cadence, crowd, trouble)| Plot {
        seed,
        kind: Kind::Wolkvox,
        row_cap: load.0,
        per_hour: load.1,
        settle: load.2,
        interval: cadence.0,
        refresh: cadence.1,
        spacing: cadence.2,
        width: crowd.0,
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
fn any_files() -> impl Strategy<Value = Plot> {
    (any_plot(), 2_i64..5, 1_i64..40, 1_u64..3).prop_map(|(plot, days, older, refresh)| Plot {
        kind: Kind::Ultimate,
        hours: 24 * days,
        per_hour: plot.per_hour.min(3),
        settle: 72,
        interval: 24 * 60,
        refresh,
        older: older * 24,
        burst: false,
        ..plot
    })
}

/// Days of a vendor that mails what is too much for an answer.
fn any_mails() -> impl Strategy<Value = Plot> {
    (any_plot(), 2_i64..4, 1_i64..6, 20_u64..120).prop_map(|(plot, days, older, row_cap)| Plot {
        kind: Kind::Certainly,
        hours: 24 * days,
        row_cap,
        per_hour: plot.per_hour.min(4),
        settle: 24,
        interval: plot.interval * 8,
        refresh: 2 + plot.refresh * 2,
        older: older * 24,
        burst: false,
        ..plot
    })
}

/// Trouble, and then so much quiet that all there was can have become final.
fn play(plot: Plot) -> World {
    // What could not be read is read again once a refresh; until then live work waits.
    let rest = if plot.kind == Kind::Wolkvox { 1 } else { 26 };
    let (hours, quiet) = (plot.hours, quiet(&plot));
    let mut world = World::new(plot);
    world.pass(TimeDelta::hours(hours));
    world.calm_down();
    world.pass(TimeDelta::hours(rest));
    (world.desk.latest, world.vendor.requests) = (TimeDelta::zero(), 0);
    world.pass(TimeDelta::hours(quiet - rest));
    world
}

/// In hours. What was asked by whole days needs the day after as well, one more for reading it again, and the mails time.
fn quiet(plot: &Plot) -> i64 {
    match plot.kind {
        Kind::Wolkvox => plot.settle + 4,
        Kind::Ultimate => plot.settle + 24 * (2 + i64::try_from(plot.refresh).unwrap()) + 4,
        Kind::Certainly => plot.settle + 24 * 3,
    }
}

/// Every row ends up held as it is in the end, or inside a window that is shown to a person as not to be had.
fn every_row_is_held_or_shown_as_missing(world: &World) {
    let blocked: Spans = world.desk.ledger.blocked().into_iter().collect();
    let oldest = oldest(world);
    for row in &world.vendor.truth.0 {
        let held = world.desk.table.get(&row.id).map(|(_, state)| *state);
        assert!(
            held == Some(State::Closed) || blocked.contains(row.at) || row.at < oldest,
            "the row at {} is {held:?}",
            row.at
        );
    }
    assert!(world.plot.burst || blocked.is_empty(), "blocked: {:?}", blocked.windows());
}

/// What lies before it could not be asked for any more.
fn oldest(world: &World) -> DateTime<Utc> {
    world.desk.rules.oldest(world.now).unwrap_or(world.span.from())
}

/// Everything wanted is final once it is old enough; nothing but a dense second can stop that.
fn everything_becomes_final(world: &World) {
    let blocked = world.desk.ledger.blocked();
    let settled = world.desk.ledger.coverage.settled();
    let wanted = Window::new(world.span.from().max(oldest(world)), world.span.to()).unwrap();
    for part in wanted.minus(blocked.iter().copied()) {
        assert!(settled.covers(part), "{part} is not final: {:?}, {:?}", settled.windows(), world.desk.ledger.wants);
    }
    assert!(blocked.iter().all(|stop| stop.span() == TimeDelta::seconds(1)), "{blocked:?}");
    let done = world.desk.ledger.backfills.is_empty();
    assert!(done || world.plot.burst, "the backfill is not done: {:?}", world.desk.ledger);
}

/// A day that is called final equals the truth for that day, by when things began; and a row that is not held lies in a
/// day that is not shown as held.
fn a_final_day_equals_the_truth(world: &World) {
    let zone = chrono_tz::America::Bogota;
    let date = |at: DateTime<Utc>| at.with_timezone(&zone).date_naive();
    let due = slot_at(world.now, &world.desk.rules);
    let view = View { ledger: &world.desk.ledger, rules: &world.desk.rules, zone, now: world.now, due };
    let listed = days(view, date(world.span.from() - TimeDelta::days(2)), date(world.span.to()));
    let states: BTreeMap<_, _> = listed.iter().map(|day| (day.day, day.state)).collect();
    for row in &world.vendor.truth.0 {
        let state = states[&date(row.began)];
        let held = world.desk.table.get(&row.id).map(|(_, state)| *state);
        assert!(state != Trust::Final || held == Some(State::Closed), "the row of {}, final, is {held:?}", row.began);
        assert!(state < Trust::Provisional || held.is_some(), "the row of {}, {state:?}, is not held", row.began);
    }
    let needs_more = world.desk.rules.spill + TimeDelta::days(1);
    let young = date(world.span.to() - needs_more);
    let gone = date(oldest(world));
    for day in listed.iter().filter(|day| day.day < young && day.day > gone && day.day > date(world.span.from())) {
        let blocked = !world.desk.ledger.blocked().is_empty();
        assert!(day.state == Trust::Final || blocked, "{day:?} is not final in the end");
    }
}

/// P7, once nothing goes wrong: live work starts within 30 seconds of its due time, whatever backfill is running.
fn live_work_starts_in_time(world: &World) {
    let late = world.desk.latest;
    // Where schedulers look seldom, a ticket that met a lane in use waits for their next look.
    let most = if world.plot.kind == Kind::Wolkvox { TimeDelta::seconds(30) } else { world.plot.tick() * 2 };
    assert!(late <= most, "live work started {late} late");
}

/// Nothing is asked for over and over.
fn no_more_is_asked_than_it_takes(world: &World) {
    let plot = &world.plot;
    let slots = u64::try_from(quiet(plot) - 1).unwrap() * 60 / plot.interval;
    let requests = u64::from(world.vendor.requests);
    assert!(requests <= 12 * slots + 20, "{requests} requests in {slots} slots");
}

/// The table holds what the vendor once showed and nothing else.
fn no_row_is_invented(world: &World) {
    for (id, (at, _)) in &world.desk.table {
        assert_eq!(world.vendor.truth.0[*id].at, *at);
    }
}

fn all_laws_hold(plot: Plot) {
    let world = play(plot);
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
    fn every_row_is_held_in_the_end_and_nothing_is_asked_too_soon(plot in any_plot()) {
        all_laws_hold(plot);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: often().cases / 3, ..often() })]

    #[test]
    fn every_row_of_a_vendor_of_files_is_held_in_the_end(plot in any_files()) {
        all_laws_hold(plot);
    }

    #[test]
    fn every_row_of_a_vendor_of_mails_is_held_in_the_end(plot in any_mails()) {
        all_laws_hold(plot);
    }
}

/// A law is only as good as its world: all that can go wrong does.
#[test]
fn the_world_is_as_rough_as_it_should_be() {
    let mut seen = std::collections::BTreeSet::new();
    let (mut refused, mut deaths, mut lost) = (0, 0, 0);
    for seed in 0..12 {
        let plot = Plot {
            seed,
            kind: Kind::Wolkvox,
            hours: 6,
            row_cap: 8,
            per_hour: 12,
            settle: 2,
            interval: 5,
            refresh: 2,
            spacing: 1 + seed % 5,
            width: 1,
            schedulers: 2,
            workers: 3,
            mischief: 80,
            older: 10,
            mode: Mode::Missing,
            burst: true,
        };
        let world = play(plot);
        seen.extend(world.desk.verdicts.iter().copied());
        refused += world.desk.refused;
        deaths += world.deaths;
        lost += world.lost;
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["commit", "park", "recheck", "retry", "snooze", "split"]);
    assert!(refused > 10 && deaths > 50 && lost > 50, "{refused} refused, {deaths} deaths, {lost} tickets lost");
}
