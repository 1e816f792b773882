//! Properties of rule overrides: no setting exceeds a vendor's limit.

use crate::strategies::{any_long, often, rules};
use chrono::TimeDelta;
use domain::rules::{Limits, RuleOverrides, RuleViolation, Rules};
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

/// A setting: usually sensible, sometimes zero, sometimes far too large.
fn any_duration() -> impl Strategy<Value = Option<Duration>> {
    let near_the_timeout = (66_u64..74).prop_map(Duration::from_secs);
    // Usually two or three overrides at once; with more, nearly every case would be rejected.
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

fn any_overrides() -> impl Strategy<Value = RuleOverrides> {
    let rate = option::of(
        prop_oneof![4 => 0.01..50.0, 1 => Just(0.0), 1 => Just(-1.0), 1 => Just(f64::NAN), 1 => Just(f64::INFINITY)],
    );
    let spans = prop::array::uniform8(any_duration());
    (spans, option::of(0_u32..8), option::of(0_u64..200_000), rate).prop_map(
        |(spans, width, row_cap, requests_per_second)| {
            let [interval, settle, refresh, spacing, timeout, lease, retry_min, retry_max] = spans;
            RuleOverrides {
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

/// Applies the suggestions of the violations.
fn apply(overrides: &mut RuleOverrides, violations: &[RuleViolation]) {
    for violation in violations {
        let word = violation.suggestion.split([' ', ',']).next().unwrap_or_default().trim_matches('"');
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
        match violation.key {
            "width" => overrides.width = Some(u32::try_from(count()).unwrap()),
            "row_cap" => overrides.row_cap = Some(count()),
            "requests_per_second" => overrides.requests_per_second = Some(word.parse().unwrap()),
            "interval" => overrides.interval = span(),
            "settle" => overrides.settle = span(),
            "refresh" => overrides.refresh = span(),
            "spacing" => overrides.spacing = span(),
            "timeout" => overrides.timeout = span(),
            "lease" => overrides.lease = span(),
            "retry_min" => overrides.retry_min = span(),
            "retry_max" => overrides.retry_max = span(),
            key => panic!("{key} is no setting"),
        }
    }
}

proptest! {
    #![proptest_config(often())]

    #[test]
    fn accepted_overrides_stay_within_the_limits(limits in any_limits(), overrides in any_overrides()) {
        let Ok(rules) = base(&limits).tighten(&limits, &overrides) else { return Ok(()) };
        prop_assert!((1..=limits.max_in_flight).contains(&rules.max_in_flight));
        prop_assert!((2..=limits.row_cap).contains(&rules.row_cap));
        prop_assert!(rules.spacing >= limits.spacing);
        prop_assert!(rules.longest <= limits.longest);
        prop_assert!(rules.requests_per_second.is_none_or(|rate| rate.is_finite() && rate > 0.0));
    }

    #[test]
    fn a_lease_always_outlasts_the_timeout(limits in any_limits(), overrides in any_overrides()) {
        let Ok(rules) = base(&limits).tighten(&limits, &overrides) else { return Ok(()) };
        prop_assert!(rules.lease > rules.timeout && !rules.timeout.is_zero());
        prop_assert!(rules.retry_max >= rules.retry_min && !rules.retry_min.is_zero());
        prop_assert!(rules.interval >= Duration::from_secs(1) && rules.refresh >= Duration::from_secs(1));
    }

    /// To the millisecond.
    #[test]
    fn a_lease_as_long_as_the_timeout_is_rejected(timeout in 1_u64..90_000, longer in 0_u64..3) {
        let limits = Limits { longest: TimeDelta::days(31), row_cap: 1000, max_in_flight: 1, spacing: Duration::ZERO };
        let [timeout, lease] = [timeout, timeout + longer].map(Duration::from_millis).map(Some);
        let granted = base(&limits).tighten(&limits, &RuleOverrides { timeout, lease, ..RuleOverrides::default() });
        prop_assert_eq!(granted.is_ok(), longer > 0);
    }

    /// Accepted overrides are all in the result; none is ignored.
    #[test]
    fn accepted_overrides_take_effect(limits in any_limits(), overrides in any_overrides()) {
        let Ok(rules) = base(&limits).tighten(&limits, &overrides) else { return Ok(()) };
        let got = |overrides: Option<Duration>, got: Duration| overrides.is_none_or(|overrides| overrides == got);
        prop_assert!(got(overrides.interval, rules.interval) && got(overrides.refresh, rules.refresh) && got(overrides.spacing, rules.spacing));
        prop_assert!(got(overrides.timeout, rules.timeout) && got(overrides.lease, rules.lease));
        prop_assert!(got(overrides.retry_min, rules.retry_min) && got(overrides.retry_max, rules.retry_max));
        prop_assert!(overrides.settle.is_none_or(|settle| TimeDelta::from_std(settle) == Ok(rules.settle)));
        prop_assert!(overrides.width.is_none_or(|width| width == rules.max_in_flight) && overrides.row_cap.is_none_or(|cap| cap == rules.row_cap));
    }

    #[test]
    fn a_violation_names_its_key_and_a_permitted_value(limits in any_limits(), overrides in any_overrides()) {
        let Err(violations) = base(&limits).tighten(&limits, &overrides) else { return Ok(()) };
        prop_assert!(!violations.is_empty());
        for violation in &violations {
            prop_assert!(!violation.key.is_empty() && !violation.reason.is_empty() && !violation.suggestion.is_empty());
            prop_assert!(violation.to_string().starts_with(violation.key) && violation.to_string().contains(&violation.suggestion));
        }
    }

    #[test]
    fn the_suggested_values_are_accepted(limits in any_limits(), overrides in any_overrides()) {
        let mut overrides = overrides;
        for _ in 0..3 {
            match base(&limits).tighten(&limits, &overrides) {
                Ok(_) => return Ok(()),
                Err(violations) => apply(&mut overrides, &violations),
            }
        }
        prop_assert!(false, "still refused: {:?}", base(&limits).tighten(&limits, &overrides));
    }

    /// Without overrides nothing changes; a shorter time-out alone never gives a longer lease.
    #[test]
    fn no_override_changes_nothing(limits in any_limits(), timeout in 1_u64..70) {
        let base = base(&limits);
        prop_assert_eq!(base.tighten(&limits, &RuleOverrides::default()), Ok(base.clone()));
        let overrides = RuleOverrides { timeout: Some(Duration::from_secs(timeout)), ..RuleOverrides::default() };
        prop_assert!(base.tighten(&limits, &overrides).unwrap().lease <= base.lease);
    }
}

proptest! {
    #![proptest_config(often())]

    /// All slots together reach a rate that the settings change, unless they also set the spacing or the vendor forbids it.
    #[test]
    fn the_spacing_follows_a_changed_rate(rate in 0.1..200.0, width in 1_u32..9, least in 0_u64..500, own in option::of(500_u64..9_000)) {
        let least = Duration::from_millis(least);
        let limits = Limits { longest: TimeDelta::days(31), row_cap: 60_000, max_in_flight: 9, spacing: least };
        let rules = Rules { max_in_flight: 4, spacing: Duration::from_millis(800), requests_per_second: Some(5.0), ..rules() };
        let own = own.map(Duration::from_millis);
        let overrides = RuleOverrides { requests_per_second: Some(rate), width: Some(width), spacing: own, ..RuleOverrides::default() };
        let tightened = rules.tighten(&limits, &overrides).unwrap();
        let gap = Duration::from_secs_f64(rate.recip());
        prop_assert_eq!(tightened.spacing, own.unwrap_or((gap * width).min(Duration::from_mins(1)).max(least)));
        prop_assert_eq!(rules.tighten(&limits, &RuleOverrides::default()).unwrap().spacing, rules.spacing);
    }
}
