//! Properties of the backoff.

use crate::strategies::often;
use domain::backoff::delay;
use proptest::prelude::*;
use std::time::Duration;

fn any_band() -> impl Strategy<Value = (Duration, Duration)> {
    (1_u64..10_000_000, 1_u64..100_000)
        .prop_map(|(min, times)| (Duration::from_micros(min), Duration::from_micros(min * times)))
}

proptest! {
    #![proptest_config(often())]

    #[test]
    fn delay_stays_between_min_and_max(failures in 0_u32..70, (min, max) in any_band(), jitter in 0.0..1.0) {
        let wait = delay(failures, min, max, jitter);
        prop_assert!(min <= wait && wait <= max, "{wait:?} is not in {min:?}..={max:?}");
    }

    #[test]
    fn delay_grows_with_failures_up_to_max((min, max) in any_band(), failures in 1_u32..80, jitter in 0.0..1.0) {
        let (now, next) = (delay(failures, min, max, jitter), delay(failures + 1, min, max, jitter));
        prop_assert!(now <= next);
        // A doubled delay is longer for any jitter.
        if delay(failures + 1, min, max, 1.0) < max && now > min.mul_f64(1.3) {
            prop_assert!(next > now.mul_f64(1.9));
        }
        prop_assert!(delay(80, min, max, 1.0) == max);
    }

    /// Inside the limits the mean over all jitter is the doubled delay itself.
    #[test]
    fn jitter_is_centred((min, max) in any_band(), failures in 2_u32..20, jitter in 0.0..1.0) {
        let full = min * 2_u32.pow(failures - 1);
        prop_assume!(full.mul_f64(1.25) <= max && full.mul_f64(0.75) >= min);
        let mean = (delay(failures, min, max, jitter) + delay(failures, min, max, 1.0 - jitter)) / 2;
        prop_assert!(mean.abs_diff(full) <= full.mul_f64(1e-6) + Duration::from_nanos(2), "{mean:?} is not {full:?}");
        prop_assert!(delay(failures, min, max, 0.9) > delay(failures, min, max, 0.1), "jitter does not spread the delay");
    }

    /// With any settings and any random number.
    #[test]
    fn extreme_inputs_never_panic(failures: u32, min: Duration, max: Duration, jitter: f64) {
        let _ = delay(failures, min, max, jitter);
        let _ = delay(failures, Duration::MAX, Duration::MAX, jitter);
    }
}
