//! Laws of tightening: an operator's wish never loosens a vendor's rule.

use crate::any::{any_long, often, rules};
use chrono::TimeDelta;
use domain::rules::{Limits, Refusal, Rules, Tighten};
use proptest::option;
use proptest::prelude::*;
use std::time::Duration;

fn any_limits() -> impl Strategy<Value = Limits> {
    (1_i64..60, 2_u64..100_000, 1_u32..5, 0_u64..30_000).prop_map(|(days, row_cap, width, spacing)| Limits {
        longest: TimeDelta::days(days),
        row_cap,
        max_in_flight: width,
        spacing: Duration::from_millis(spacing),
    })
}

/// What people write: mostly sensible, sometimes nothing at all, sometimes far too much.
fn any_duration() -> impl Strategy<Value = Option<Duration>> {
    let near_the_timeout = (66_u64..74).prop_map(Duration::from_secs);
    // Seldom more than two or three at once: else hardly any wish as a whole would be granted.
    option::weighted(
        0.25,
        prop_oneof![
            6 => (0_u64..500_000).prop_map(Duration::from_millis),
            3 => near_the_timeout,
            2 => (0_u64..5_000).prop_map(Duration::from_millis),
            1 => (0_u64..5_000_000).prop_map(Duration::from_micros),
            1 => Just(Duration::ZERO),
            1 => Just(Duration::MAX),
            1 => any_long(),
        ],
    )
}

fn any_wish() -> impl Strategy<Value = Tighten> {
    let rate = option::of(
        prop_oneof![4 => 0.01..50.0, 1 => Just(0.0), 1 => Just(-1.0), 1 => Just(f64::NAN), 1 => Just(f64::INFINITY)],
    );
    let spans = prop::array::uniform8(any_duration());
    (spans, option::of(0_u32..8), option::of(0_u64..200_000), rate).prop_map(
        |(spans, width, row_cap, requests_per_second)| {
            let [interval, settle, refresh, spacing, timeout, lease, retry_min, retry_max] = spans;
            Tighten {
                interval,
                settle,
                refresh,
                spacing,
                width,
                requests_per_second,
                row_cap,
                timeout,
                lease,
                retry_min,
                retry_max,
            }
        },
    )
}

/// A source's own rules: within the vendor's limits.
fn base(limits: &Limits) -> Rules {
    Rules {
        longest: limits.longest,
        row_cap: limits.row_cap,
        max_in_flight: limits.max_in_flight,
        spacing: limits.spacing,
        ..rules()
    }
}

/// Writes what the refusals say.
fn heed(wish: &mut Tighten, refusals: &[Refusal]) {
    for refusal in refusals {
        let word = refusal.instead.split([' ', ',']).next().unwrap_or_default().trim_matches('"');
        let count = || word.parse::<u64>().unwrap();
        let span = || {
            let unit = word.trim_start_matches(|letter: char| letter.is_ascii_digit());
            let number: u128 = word.trim_end_matches(char::is_alphabetic).parse().unwrap();
            let number = u64::try_from(number).unwrap_or(u64::MAX);
            Some(match unit {
                "ms" => Duration::from_millis(number),
                "s" => Duration::from_secs(number),
                "d" => Duration::from_secs(number * 86_400),
                _ => panic!("{word} is no duration"),
            })
        };
        match refusal.key {
            "width" => wish.width = Some(u32::try_from(count()).unwrap()),
            "row_cap" => wish.row_cap = Some(count()),
            "requests_per_second" => wish.requests_per_second = Some(word.parse().unwrap()),
            "interval" => wish.interval = span(),
            "settle" => wish.settle = span(),
            "refresh" => wish.refresh = span(),
            "spacing" => wish.spacing = span(),
            "timeout" => wish.timeout = span(),
            "lease" => wish.lease = span(),
            "retry_min" => wish.retry_min = span(),
            "retry_max" => wish.retry_max = span(),
            key => panic!("{key} is no setting"),
        }
    }
}

proptest! {
    #![proptest_config(often())]

    #[test]
    fn what_is_accepted_permits_nothing_the_limits_forbid(limits in any_limits(), wish in any_wish()) {
        let Ok(rules) = base(&limits).tighten(&limits, &wish) else { return Ok(()) };
        prop_assert!((1..=limits.max_in_flight).contains(&rules.max_in_flight));
        prop_assert!((2..=limits.row_cap).contains(&rules.row_cap));
        prop_assert!(rules.spacing >= limits.spacing);
        prop_assert!(rules.longest <= limits.longest);
        prop_assert!(rules.requests_per_second.is_none_or(|rate| rate.is_finite() && rate > 0.0));
    }

    #[test]
    fn a_lease_always_outlasts_the_timeout(limits in any_limits(), wish in any_wish()) {
        let Ok(rules) = base(&limits).tighten(&limits, &wish) else { return Ok(()) };
        prop_assert!(rules.lease > rules.timeout && !rules.timeout.is_zero());
        prop_assert!(rules.retry_max >= rules.retry_min && !rules.retry_min.is_zero());
        prop_assert!(rules.interval >= Duration::from_secs(1) && rules.refresh >= Duration::from_secs(1));
    }

    /// To the millisecond.
    #[test]
    fn a_lease_as_long_as_the_timeout_is_refused(timeout in 1_u64..90_000, longer in 0_u64..3) {
        let limits = Limits { longest: TimeDelta::days(31), row_cap: 1000, max_in_flight: 1, spacing: Duration::ZERO };
        let [timeout, lease] = [timeout, timeout + longer].map(Duration::from_millis).map(Some);
        let granted = base(&limits).tighten(&limits, &Tighten { timeout, lease, ..Tighten::default() });
        prop_assert_eq!(granted.is_ok(), longer > 0);
    }

    /// What is asked for and accepted is what one gets: no wish is dropped in silence.
    #[test]
    fn an_accepted_wish_comes_true(limits in any_limits(), wish in any_wish()) {
        let Ok(rules) = base(&limits).tighten(&limits, &wish) else { return Ok(()) };
        let got = |wish: Option<Duration>, got: Duration| wish.is_none_or(|wish| wish == got);
        prop_assert!(got(wish.interval, rules.interval) && got(wish.refresh, rules.refresh) && got(wish.spacing, rules.spacing));
        prop_assert!(got(wish.timeout, rules.timeout) && got(wish.lease, rules.lease));
        prop_assert!(got(wish.retry_min, rules.retry_min) && got(wish.retry_max, rules.retry_max));
        prop_assert!(wish.settle.is_none_or(|settle| TimeDelta::from_std(settle) == Ok(rules.settle)));
        prop_assert!(wish.width.is_none_or(|width| width == rules.max_in_flight) && wish.row_cap.is_none_or(|cap| cap == rules.row_cap));
    }

    #[test]
    fn a_refusal_names_its_key_and_what_to_write(limits in any_limits(), wish in any_wish()) {
        let Err(refusals) = base(&limits).tighten(&limits, &wish) else { return Ok(()) };
        prop_assert!(!refusals.is_empty());
        for refusal in &refusals {
            prop_assert!(!refusal.key.is_empty() && !refusal.why.is_empty() && !refusal.instead.is_empty());
            prop_assert!(refusal.to_string().starts_with(refusal.key) && refusal.to_string().contains(&refusal.instead));
        }
    }

    #[test]
    fn whoever_writes_what_the_refusals_say_is_accepted(limits in any_limits(), wish in any_wish()) {
        let mut wish = wish;
        for _ in 0..3 {
            match base(&limits).tighten(&limits, &wish) {
                Ok(_) => return Ok(()),
                Err(refusals) => heed(&mut wish, &refusals),
            }
        }
        prop_assert!(false, "still refused: {:?}", base(&limits).tighten(&limits, &wish));
    }

    /// Without a wish nothing changes; nobody who only shortens the time-out is left with a longer lease.
    #[test]
    fn no_wish_changes_nothing(limits in any_limits(), timeout in 1_u64..70) {
        let base = base(&limits);
        prop_assert_eq!(base.tighten(&limits, &Tighten::default()), Ok(base.clone()));
        let wish = Tighten { timeout: Some(Duration::from_secs(timeout)), ..Tighten::default() };
        prop_assert!(base.tighten(&limits, &wish).unwrap().lease <= base.lease);
    }
}
