//! The whole pipeline in memory under virtual time: tick, plan, dispatch, claim, request, parse, judge, commit, while
//! workers crash and pause, tickets are lost and repeated, and the vendor throttles, caps, truncates and is under
//! maintenance.
//!
//! What must hold at every moment is checked in `fake_store` (a final row equals the dataset and never changes again,
//! one live job per slot, no outdated fence writes) and in `fake_vendor` (never too many requests in flight, none too
//! early). This file checks what must hold in the end.

use crate::scenario::{Scenario, Trouble, VendorModel};
use crate::simulation::Simulation;
use chrono::{DateTime, TimeDelta, Utc};
use domain::backfill::Mode;
use domain::coverage::Completeness;
use domain::days::{DaysView, days};
use domain::live_slot::slot_at;
use domain::spans::Spans;
use domain::window::Window;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Fewer cases than for other properties: one case is half a day.
fn often() -> ProptestConfig {
    let often = crate::strategies::often();
    ProptestConfig { cases: often.cases * 3 / 8, max_shrink_iters: 200, ..often }
}

fn any_scenario() -> impl Strategy<Value = Scenario> {
    let load = (6_u64..40, 1_i64..20, 1_i64..4);
    let cadence = (5_u64..20, 1_u64..4, 1_u64..6);
    let crowd = (1_u32..=2, 1_usize..3, 1_usize..4);
    let mode = prop::sample::select(vec![Mode::Missing, Mode::All]);
    let trouble = (0_i64..100, 2_i64..7, 1_i64..30, mode, prop::bool::weighted(0.2));
    (any::<u64>(), load, cadence, crowd, trouble).prop_map(|(seed, load, cadence, crowd, trouble)| Scenario {
        seed,
        model: VendorModel::Wolkvox,
        row_cap: load.0,
        per_hour: load.1,
        settle: load.2,
        interval: cadence.0,
        refresh: cadence.1,
        spacing: cadence.2,
        max_in_flight: crowd.0,
        schedulers: crowd.1,
        workers: crowd.2,
        faults_per_thousand: trouble.0,
        hours: trouble.1,
        older: trouble.2,
        mode: trouble.3,
        burst: trouble.4,
        trouble: Trouble::default(),
    })
}

/// Scenarios in which the vendor changes and deletes final rows, the database refuses rows and its clock is set.
fn any_troubled() -> impl Strategy<Value = Scenario> {
    let trouble = (0_i64..150, 0_i64..150, 0_i64..60, any::<bool>());
    (any_scenario(), trouble).prop_map(|(scenario, (edits, removals, refusals, has_clock_steps))| Scenario {
        burst: false,
        // Some spans hold whole days of the zone, which can be final.
        older: scenario.older * 2,
        trouble: Trouble { edits, removals, refusals, has_clock_steps },
        ..scenario
    })
}

/// Scenarios with a vendor that publishes one file per day.
fn any_files() -> impl Strategy<Value = Scenario> {
    (any_scenario(), 2_i64..5, 1_i64..40, 1_u64..3).prop_map(|(scenario, days, older, refresh)| Scenario {
        model: VendorModel::Ultimate,
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

/// Scenarios with a vendor that exports dense days by mail.
fn any_mails() -> impl Strategy<Value = Scenario> {
    (any_scenario(), 2_i64..4, 1_i64..6, 20_u64..120).prop_map(|(scenario, days, older, row_cap)| Scenario {
        model: VendorModel::Certainly,
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

/// Scenarios with a vendor whose lists name items by the thousand.
fn any_items() -> impl Strategy<Value = Scenario> {
    (any_troubled(), 20_u64..60, 60_i64..200).prop_map(|(scenario, row_cap, per_hour)| Scenario {
        model: VendorModel::Truora,
        row_cap,
        per_hour,
        older: scenario.older.min(12),
        // Each throttle shuts the lane for minutes, so that more of them would leave no time for thousands of requests.
        faults_per_thousand: scenario.faults_per_thousand / 8,
        // No list says that an item was deleted.
        trouble: Trouble { removals: 0, ..scenario.trouble },
        ..scenario
    })
}

/// Runs the scenario with faults, and then without until every row can be final.
fn run_scenario(scenario: Scenario) -> Simulation {
    // Unreadable windows are read again once per refresh; until then the live job waits.
    let rest = match scenario.model {
        VendorModel::Wolkvox | VendorModel::Truora => 1,
        VendorModel::Ultimate | VendorModel::Certainly => 26,
    };
    let (hours, quiet) = (scenario.hours, calm_and_wait(&scenario));
    let mut simulation = Simulation::new(scenario);
    simulation.pass(TimeDelta::hours(hours));
    simulation.calm_down();
    simulation.pass(TimeDelta::hours(rest));
    (simulation.store.latest, simulation.vendor.requests) = (TimeDelta::zero(), 0);
    simulation.vendor.fetches.clear();
    simulation.pass(TimeDelta::hours(quiet - rest));
    simulation
}

/// The hours without faults. Whole days also need the next day, one more for the re-read, and time for mails.
fn calm_and_wait(scenario: &Scenario) -> i64 {
    match scenario.model {
        VendorModel::Wolkvox | VendorModel::Truora => scenario.settle + 4,
        VendorModel::Ultimate => scenario.settle + 24 * (2 + i64::try_from(scenario.refresh).unwrap()) + 4,
        VendorModel::Certainly => scenario.settle + 24 * 3,
    }
}

/// Every row is held in its final state, or lies in a window that is shown as blocked.
fn every_row_is_held_or_shown_as_missing(simulation: &Simulation) {
    let blocked: Spans = simulation.store.ledger.blocked().into_iter().collect();
    let oldest = oldest(simulation);
    for row in &simulation.vendor.dataset.0 {
        let held = simulation.store.state(row.id);
        assert!(
            held == row.state(simulation.now) || blocked.contains(row.at) || row.at < oldest,
            "the row at {} is {held:?}",
            row.at
        );
    }
    assert!(simulation.scenario.burst || blocked.is_empty(), "blocked: {:?}", blocked.windows());
}

/// The first instant that the vendor still keeps.
fn oldest(simulation: &Simulation) -> DateTime<Utc> {
    simulation.store.rules.oldest(simulation.now).unwrap_or(simulation.span.from())
}

/// Every window past the horizon is final, except a second denser than the row cap.
fn every_window_becomes_final(simulation: &mut Simulation) {
    let known = simulation.store.known_coverage();
    let blocked = simulation.store.ledger.blocked();
    let settled = known.settled();
    let wanted = Window::new(simulation.span.from().max(oldest(simulation)), simulation.span.to()).unwrap();
    for part in wanted.minus(blocked.iter().copied()) {
        assert!(
            settled.covers(part),
            "{part} is not final: {:?}, {:?}",
            settled.windows(),
            simulation.store.ledger.jobs
        );
    }
    assert!(blocked.iter().all(|stop| stop.span() == TimeDelta::seconds(1)), "{blocked:?}");
    let done = simulation.store.ledger.backfills.is_empty();
    assert!(done || simulation.scenario.burst, "the backfill is not done: {:?}", simulation.store.ledger);
}

/// A final day equals the dataset for that day, by start time; a row that is not held lies in a day
/// that is not shown as held.
fn a_final_day_equals_the_dataset(simulation: &Simulation) {
    let zone = chrono_tz::America::Bogota;
    let date = |at: DateTime<Utc>| at.with_timezone(&zone).date_naive();
    let due = slot_at(simulation.now, &simulation.store.rules);
    let view =
        DaysView { ledger: &simulation.store.ledger, rules: &simulation.store.rules, zone, now: simulation.now, due };
    let listed = days(view, date(simulation.span.from() - TimeDelta::days(2)), date(simulation.span.to()));
    let states: BTreeMap<_, _> = listed.iter().map(|day| (day.day, day.state)).collect();
    for row in &simulation.vendor.dataset.0 {
        let state = states[&date(row.began)];
        let (held, truth) = (simulation.store.state(row.id), row.state(simulation.now));
        assert!(state != Completeness::Final || held == truth, "the row of {}, final, is {held:?}", row.began);
        assert!(
            state < Completeness::Provisional || held.is_some() || truth.is_none(),
            "the row of {}, {state:?}, is not held",
            row.began
        );
    }
    let needs_more = simulation.store.rules.late_filing + TimeDelta::days(1);
    let young = date(simulation.span.to() - needs_more);
    let gone = date(oldest(simulation));
    for day in listed.iter().filter(|day| day.day < young && day.day > gone && day.day > date(simulation.span.from())) {
        let blocked = !simulation.store.ledger.blocked().is_empty();
        assert!(day.state == Completeness::Final || blocked, "{day:?} is not final in the end");
    }
}

/// P7 without faults: live jobs start within 30 seconds of their due time, whatever backfill runs.
fn live_jobs_start_in_time(simulation: &Simulation) {
    let late = simulation.store.latest;
    // With rare ticks, a job that met a busy lane waits for the next tick.
    let most = match simulation.scenario.model {
        VendorModel::Wolkvox | VendorModel::Truora => TimeDelta::seconds(30),
        VendorModel::Ultimate | VendorModel::Certainly => simulation.scenario.tick() * 2,
    };
    assert!(late <= most, "live work started {late} late");
}

/// The most requests for one item that stays open for hours, and is read again once it has changed.
const MOST_FETCHES: u32 = 20;

/// The number of requests is bounded.
fn the_number_of_requests_is_bounded(simulation: &Simulation) {
    let scenario = &simulation.scenario;
    let slots = u64::try_from(calm_and_wait(scenario) - 1).unwrap() * 60 / scenario.interval;
    let fetches = simulation.vendor.fetches.values();
    assert!(
        fetches.clone().all(|fetches| *fetches <= MOST_FETCHES),
        "{:?} requests for one item",
        fetches.clone().max()
    );
    let requests = u64::from(simulation.vendor.requests - fetches.sum::<u32>());
    // An empty newest day is asked for again each hour until the next one is published.
    let most = if scenario.model == VendorModel::Ultimate { 12 + 25 } else { 12 };
    let rows = simulation.vendor.dataset.0.len() as u64;
    let again = if simulation.is_read_again { 4 * rows / simulation.scenario.row_cap } else { 0 };
    assert!(requests <= most * slots + again + 20, "{requests} requests in {slots} slots");
}

/// The table holds only rows that the vendor sent.
fn no_row_is_invented(simulation: &Simulation) {
    for (id, (at, _)) in &simulation.store.table {
        assert_eq!(simulation.vendor.dataset.0[*id].at, *at);
    }
}

fn all_properties_hold(scenario: Scenario) {
    let mut simulation = run_scenario(scenario);
    every_row_is_held_or_shown_as_missing(&simulation);
    every_window_becomes_final(&mut simulation);
    a_final_day_equals_the_dataset(&simulation);
    no_row_is_invented(&simulation);
    live_jobs_start_in_time(&simulation);
    the_number_of_requests_is_bounded(&simulation);
}

proptest! {
    #![proptest_config(often())]

    #[test]
    fn every_row_is_held_in_the_end_and_no_request_is_too_early(scenario in any_scenario()) {
        all_properties_hold(scenario);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: often().cases / 3, ..often() })]

    #[test]
    fn every_change_of_the_vendor_is_found_and_no_refusal_or_clock_step_loses_a_row(scenario in any_troubled()) {
        all_properties_hold(scenario);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: often().cases / 3, ..often() })]

    #[test]
    fn every_row_of_a_vendor_with_daily_files_is_held_in_the_end(scenario in any_files()) {
        all_properties_hold(scenario);
    }

    #[test]
    fn every_row_of_a_vendor_with_mailed_exports_is_held_in_the_end(scenario in any_mails()) {
        all_properties_hold(scenario);
    }
}

proptest! {
    // One case is ten thousand events.
    #![proptest_config(ProptestConfig { cases: often().cases / 16, max_shrink_iters: 20, ..often() })]

    #[test]
    fn every_item_of_thousands_is_held_in_the_end(scenario in any_items()) {
        all_properties_hold(scenario);
    }
}

/// The simulation produces every fault and verdict, so that the properties are tested.
#[test]
fn the_simulation_injects_enough_faults() {
    let mut seen = std::collections::BTreeSet::new();
    let (mut refused, mut deaths, mut lost) = (0, 0, 0);
    for seed in 0..12 {
        let scenario = Scenario {
            seed,
            model: VendorModel::Wolkvox,
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
            faults_per_thousand: 80,
            older: 10,
            mode: Mode::Missing,
            burst: true,
            trouble: Trouble::default(),
        };
        let simulation = run_scenario(scenario);
        seen.extend(simulation.store.verdicts.iter().copied());
        refused += simulation.store.refused;
        deaths += simulation.deaths;
        lost += simulation.lost;
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["commit", "park", "recheck", "retry", "snooze", "split"]);
    assert!(refused > 10 && deaths > 50 && lost > 50, "{refused} refused, {deaths} deaths, {lost} tickets lost");
}

/// The troubled simulations reopen days, find deleted rows, undo clock steps and hold items by the thousand.
#[test]
fn the_simulation_makes_enough_trouble() {
    let (mut reopened, mut gone, mut steps_undone, mut most_items) = (0, 0, 0, 0);
    for seed in 0..6 {
        let is_list = seed % 3 == 0;
        let simulation = run_scenario(Scenario {
            seed,
            model: if is_list { VendorModel::Truora } else { VendorModel::Wolkvox },
            hours: 6,
            row_cap: if is_list { 100 } else { 20 },
            per_hour: if is_list { 250 } else { 12 },
            settle: 2,
            interval: 5,
            refresh: 2,
            spacing: 2,
            max_in_flight: 1,
            schedulers: 2,
            workers: 3,
            faults_per_thousand: 4,
            older: if is_list { 10 } else { 60 },
            mode: Mode::Missing,
            burst: false,
            trouble: Trouble { edits: 60, removals: if is_list { 0 } else { 60 }, refusals: 20, has_clock_steps: true },
        });
        reopened += simulation.store.reopened;
        gone += simulation.store.gone.len();
        steps_undone += simulation.store.steps_undone;
        most_items = most_items.max(simulation.store.items.most);
    }
    assert!(reopened > 2 && gone > 10 && steps_undone > 3, "{reopened} reopened, {gone} gone, {steps_undone} undone");
    assert!(most_items > 1_000, "at most {most_items} items at once");
}
