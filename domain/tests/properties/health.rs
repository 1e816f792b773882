//! Properties of the health of accounts: each reason has a sentence and a next step, and the state follows from the reasons.

use crate::strategies::{DAY, any_windows, at, often, rules, window};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::coverage::Completeness;
use domain::days::{BlockedDays, DaysView, days, unordered_days};
use domain::health::{
    AccountFacts, Health, Reason, StreamFacts, StreamHealth, account_health, installation_health, stream_health,
};
use domain::job::{Job, JobState, Purpose};
use domain::lane::LaneClosure;
use domain::ledger::Ledger;
use domain::process::{Absence, Process, ROLES, Role, absence};
use domain::slice::Slice;
use domain::window::Window;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::time::Duration;

/// The days of the ledgers of these tests.
const DAYS: i64 = 20;

fn day(number: i64) -> NaiveDate {
    at(number * DAY).date_naive()
}

fn text(text: &str) -> String {
    text.to_owned()
}

/// One sample of each variant, and the number of its arm: a new variant does not compile without a sample.
fn samples() -> Vec<Reason> {
    let (until, since) = (at(0), at(0));
    let blocked =
        |is_parked| Reason::DaysBlocked(BlockedDays { first: day(1), count: 3, cause: text("too dense"), is_parked });
    let fails = |is_lasting| Reason::VendorFails { stream: text("s"), since, error: text("unreachable"), is_lasting };
    vec![
        Reason::NobodyWorking(Absence { scheduler: true, worker: true, seconds: None }),
        Reason::NobodyWorking(Absence { scheduler: false, worker: true, seconds: Some(40) }),
        Reason::MigrationsPending,
        Reason::TokenRefused { text: text("403") },
        Reason::TokenProbed { until, text: text("401") },
        Reason::LaneClosed { reason: text("audit") },
        Reason::LiveParked { cause: text("too dense") },
        blocked(true),
        blocked(false),
        fails(true),
        fails(false),
        Reason::LiveLate { seconds: 90 },
        Reason::QuotaSpent { until, text: text("quota") },
        Reason::LanePaused { until, reason: text("throttled: slow down") },
        Reason::ClockSkewed { stream: text("chat_8"), seconds: -90 },
        Reason::ClockSkewed { stream: text("chat_8"), seconds: 90 },
        Reason::ItemsParked { count: 1 },
        Reason::ItemsParked { count: 2 },
        Reason::DaysExpire { first: day(1), last: day(3), count: 3, kept_days: 30 },
        Reason::DaysUnordered { first: day(1), last: day(3) },
        Reason::TokenEnds { at: at(0), has_ended: false },
        Reason::TokenEnds { at: at(0), has_ended: true },
    ]
}

fn variant(reason: &Reason) -> usize {
    match reason {
        Reason::NobodyWorking(_) => 0,
        Reason::MigrationsPending => 1,
        Reason::TokenRefused { .. } => 2,
        Reason::LaneClosed { .. } => 3,
        Reason::LiveParked { .. } => 4,
        Reason::DaysBlocked(_) => 5,
        Reason::VendorFails { .. } => 6,
        Reason::LiveLate { .. } => 7,
        Reason::QuotaSpent { .. } => 8,
        Reason::LanePaused { .. } => 9,
        Reason::ClockSkewed { .. } => 10,
        Reason::ItemsParked { .. } => 11,
        Reason::DaysExpire { .. } => 12,
        Reason::DaysUnordered { .. } => 13,
        Reason::TokenEnds { .. } => 14,
        Reason::TokenProbed { .. } => 15,
    }
}

#[test]
fn each_reason_has_a_sentence_and_a_next_step() {
    let variants: BTreeSet<usize> = samples().iter().map(variant).collect();
    assert_eq!(variants, (0..16).collect(), "a sample of each variant");
    let words: BTreeSet<&str> = samples().iter().map(Reason::as_str).collect();
    assert_eq!(words.len(), variants.len(), "each variant has a word of its own");
    for reason in samples() {
        let shown = reason.explain("shop_bot");
        for part in [&shown.sentence, &shown.next_step] {
            assert!(part.split(' ').count() >= 3, "{reason:?}: {part:?} is no sentence");
            assert!(!part.ends_with('.') && !part.contains("  "), "{reason:?}: {part:?}");
        }
        assert_ne!(shown.sentence, shown.next_step);
    }
}

#[test]
fn a_refused_token_has_one_text() {
    let closure = LaneClosure { until: None, reason: text("unauthorised: 403") };
    assert_eq!(
        Reason::of_closure(&closure).text("a"),
        "the vendor refuses the token (403); write a new one to accounts.a.token and restart, or, if the token is right, \
         run: convosync lanes open a"
    );
    let reason = |until: Option<DateTime<Utc>>, reason: &str| {
        Reason::of_closure(&LaneClosure { until, reason: text(reason) }).as_str()
    };
    assert_eq!(reason(Some(at(0)), "unauthorised: 401"), "token_probed");
    assert_eq!(reason(None, "audit"), "lane_closed");
    assert_eq!(reason(Some(at(0)), "quota spent: 1000"), "quota_spent");
    assert_eq!(reason(Some(at(0)), "throttled: slow down"), "lane_paused");
}

fn process(roles: &[Role], last_seen_at: DateTime<Utc>) -> Process {
    let name = text("host-1");
    Process { name, roles: roles.to_vec(), host: text("host"), version: text("1"), started_at: at(0), last_seen_at }
}

#[test]
fn a_process_counts_for_40_seconds() {
    let now = at(DAY);
    let seconds = |ago: i64| absence(&[process(&ROLES, now - TimeDelta::seconds(ago))], now).map(|found| found.seconds);
    assert_eq!((seconds(0), seconds(39)), (None, None));
    assert_eq!((seconds(40), seconds(90)), (Some(Some(40)), Some(Some(90))));
    assert_eq!(seconds(-90), Some(Some(0)), "a report from the future proves nothing");
    let worker_only = absence(&[process(&[Role::Worker], now)], now).unwrap();
    assert_eq!(worker_only.to_string(), "no scheduler is running");
    let dead = [process(&[Role::Worker], now - TimeDelta::minutes(3)), process(&[Role::Scheduler], now)];
    assert_eq!(absence(&dead, now).unwrap().to_string(), "no worker has been seen for 3 min");
    assert_eq!(absence(&[], now).unwrap().to_string(), "no scheduler and no worker is running");
}

#[test]
fn the_headline_says_first_that_nobody_works() {
    let nobody = absence(&[], at(0));
    let found = installation_health(nobody, &[Health::Ok, Health::Parked]);
    assert_eq!((found.state, found.headline.as_str()), (Health::Down, "No scheduler and no worker is running"));
    let headline = |states: &[Health]| installation_health(None, states).headline;
    assert_eq!(headline(&[]), "No accounts yet");
    assert_eq!(headline(&[Health::Ok, Health::Ok]), "All 2 accounts are on time");
    assert_eq!(headline(&[Health::Ok, Health::Late]), "1 of 2 accounts needs attention");
    assert_eq!(headline(&[Health::Down, Health::Parked]), "2 of 2 accounts need attention");
}

/// A ledger with held and parked windows in its days.
fn any_ledger() -> impl Strategy<Value = Ledger> {
    (any_windows(DAYS * DAY), prop::collection::vec((0..DAYS, any::<bool>()), 0..4)).prop_map(|(held, parked)| {
        let mut ledger = Ledger::default();
        for window in held {
            ledger.coverage.hold(window);
        }
        for (number, is_live) in parked {
            let purpose = if is_live { Purpose::Live } else { Purpose::Settle };
            let slice = Slice::Window(window(number * DAY, (number + 1) * DAY));
            let mut job = Job::new(purpose, slice, at(0), Duration::ZERO);
            job.state = JobState::Parked { reason: text("too dense") };
            ledger.jobs.push(job);
        }
        ledger
    })
}

fn view<'a>(ledger: &'a Ledger, rules: &'a domain::rules::Rules, now: DateTime<Utc>) -> DaysView<'a> {
    DaysView { ledger, rules, zone: chrono_tz::UTC, now, due: now }
}

fn health_of(ledger: &Ledger, since: i64, failing: Option<i64>, nobody: Option<Absence>) -> (StreamHealth, Health) {
    let (rules, now) = (rules(), at(DAYS * DAY));
    let stream = stream_health(StreamFacts {
        stream: "s",
        view: view(ledger, &rules, now),
        since: at(since * DAY),
        failing_since: failing.map(|seconds| now - TimeDelta::seconds(seconds)),
        last_error: failing.map(|_| "unreachable"),
        clock_skew: None,
    });
    let facts = AccountFacts { now, closure: None, credential_ends: None, absence: nobody };
    let state = account_health(facts, std::slice::from_ref(&stream)).state;
    (stream, state)
}

proptest! {
    #![proptest_config(often())]

    /// An account is never `ok` while a day is blocked or a live job is parked, and always `down` while no worker runs.
    #[test]
    fn the_state_follows_from_days_failures_and_processes(
        ledger in any_ledger(), since in 0..DAYS, failing in prop::option::of(0_i64..1000), nobody in any::<bool>(),
    ) {
        let absence = nobody.then(|| absence(&[], at(0))).flatten();
        let (stream, state) = health_of(&ledger, since, failing, absence);
        let is_parked = stream.days.blocked > 0 || ledger.parked().is_some();
        let is_failing = failing.is_some_and(|seconds| seconds > 300);
        let expected = match (nobody, is_parked, is_failing, stream.lateness_seconds > 60) {
            (true, ..) => Health::Down,
            (_, true, ..) => Health::Parked,
            (_, _, true, _) => Health::Down,
            (.., true) => Health::Late,
            _ => Health::Ok,
        };
        prop_assert_eq!(state, expected, "{:?}", stream);
        let warns = stream.reasons.iter().any(|reason| matches!(reason, Reason::VendorFails { .. }));
        prop_assert_eq!(warns, failing.is_some_and(|seconds| seconds > 30));
    }

    /// The reasons of an account come in the order of their severity, each once, and the first one that is no warning gives
    /// the state.
    #[test]
    fn the_first_reason_gives_the_state(order in Just(samples()).prop_shuffle(), split in 0_usize..19) {
        let stream = |reasons: &[Reason]| StreamHealth { reasons: reasons.to_vec(), ..StreamHealth::default() };
        let facts = AccountFacts { now: at(0), closure: None, credential_ends: None, absence: None };
        let streams = [stream(&order[..split]), stream(&order[split..]), stream(&order)];
        let found = account_health(facts, &streams);
        let kinds: Vec<usize> = found.sum.reasons.iter().map(variant).collect();
        // Nobody works: neither does a worker try again, nor does the lateness need another reason.
        let is_left_out = |reason: &Reason| matches!(reason, Reason::VendorFails { .. } | Reason::LiveLate { .. });
        prop_assert!(!found.sum.reasons.iter().any(is_left_out));
        let left = samples().iter().filter(|reason| !is_left_out(reason)).count();
        prop_assert_eq!(kinds.len(), left);
        prop_assert!(found.sum.reasons.iter().map(Reason::state).is_sorted_by_key(|state| state == Health::Ok));
        prop_assert_eq!((kinds[0], found.state), (0, Health::Down));
    }

    /// A day is unordered exactly if older days are held, the live sync begins after it, and no job or backfill covers it.
    #[test]
    fn unordered_days_lie_between_held_days_and_the_live_sync(ledger in any_ledger(), since in 0..DAYS) {
        let (rules, now) = (rules(), at(DAYS * DAY));
        let view = view(&ledger, &rules, now);
        let ranges = unordered_days(view, at(since * DAY));
        for found in days(view, day(0), day(DAYS - 1)) {
            let window = Window::of_day(found.day, chrono_tz::UTC).unwrap();
            let is_unordered = ranges.iter().any(|(first, last)| (*first..=*last).contains(&found.day));
            let held = ledger.coverage.held();
            let first = held.windows().first().map(Window::from);
            let jobs = ledger.jobs.iter().filter_map(Job::covered_window);
            let known = held.windows().iter().copied().chain(jobs);
            let expected = first.is_some_and(|first| first < window.to())
                && window.from() < at(since * DAY)
                && Window::new(window.from().max(first.unwrap()), window.to()).is_some_and(|rest| !rest.minus(known).is_empty());
            prop_assert_eq!(is_unordered, expected, "{:?} {:?}", found, ranges);
            prop_assert!(!is_unordered || found.state <= Completeness::Missing);
        }
    }
}

#[test]
fn a_refused_token_says_nothing_of_further_attempts() {
    let fails = Reason::VendorFails { stream: text("s"), since: at(0), error: text("403"), is_lasting: true };
    let late = Reason::LiveLate { seconds: 900 };
    let stream = StreamHealth { lateness_seconds: 900, reasons: vec![fails, late], ..StreamHealth::default() };
    let words = |closure: Option<&LaneClosure>| {
        let facts = AccountFacts { now: at(0), closure, credential_ends: None, absence: None };
        let found = account_health(facts, std::slice::from_ref(&stream));
        (found.state, found.sum.reasons.iter().map(Reason::as_str).collect::<Vec<_>>())
    };
    assert_eq!(words(None), (Health::Down, vec!["vendor_fails"]));
    let refused = LaneClosure { until: None, reason: text("unauthorised: 403") };
    assert_eq!(words(Some(&refused)), (Health::Parked, vec!["token_refused"]));
    let paused = LaneClosure { until: Some(at(60)), reason: text("throttled: slow down") };
    assert_eq!(words(Some(&paused)), (Health::Down, vec!["vendor_fails", "lane_paused"]));
    let probed = LaneClosure { until: Some(at(60)), reason: text("unauthorised: 401") };
    assert_eq!(words(Some(&probed)), (Health::Down, vec!["vendor_fails", "token_probed"]), "the lane opens by itself");
    let over = LaneClosure { until: Some(at(-60)), ..paused };
    assert_eq!(words(Some(&over)), (Health::Down, vec!["vendor_fails"]), "a closure that is over is none");
}
