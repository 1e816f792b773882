//! Properties of the pacer.

use crate::strategies::{at, often};
use chrono::{DateTime, TimeDelta, Utc};
use domain::pacer::Pacer;
use proptest::prelude::*;
use std::time::Duration;

proptest! {
    #![proptest_config(often())]

    /// At any times of booking, no two requests are closer than the gap and none is late without need; a worker that
    /// holds a slot waits for at most one request of each other slot.
    #[test]
    fn requests_are_a_gap_apart(width in 1_u32..6, gap in 1_u64..5_000, waits in prop::collection::vec(0_i64..3_000, 1..60)) {
        let mut pacer = Pacer { gap: Duration::from_millis(gap), next: DateTime::UNIX_EPOCH };
        let gap = TimeDelta::milliseconds(i64::try_from(gap).unwrap());
        let (mut now, mut reserved): (_, Vec<DateTime<Utc>>) = (at(0), Vec::new());
        for wait in waits {
            now += TimeDelta::milliseconds(wait);
            let out = reserved.iter().filter(|at| **at > now).count();
            if out >= usize::try_from(width).unwrap() {
                continue;
            }
            let next = pacer.reserve(now, width);
            let soonest = reserved.last().map_or(now, |last| (*last + gap).max(now));
            prop_assert_eq!(next, soonest);
            prop_assert!(next - now <= gap * i32::try_from(width).unwrap());
            reserved.push(next);
        }
    }

    /// A raised rate, or a clock that was set back, does not block the lane.
    #[test]
    fn a_time_that_was_never_reserved_is_ignored(width in 1_u32..6, gap in 1_u64..5_000, ahead in 0_i64..400 * 86_400) {
        let mut pacer = Pacer { gap: Duration::from_millis(gap), next: at(ahead) };
        let most = Duration::from_millis(gap) * width * 4;
        let reserved = pacer.reserve(at(0), width);
        prop_assert!((reserved - at(0)).to_std().unwrap() <= most);
        prop_assert!(reserved == at(ahead) || (reserved - at(0)).to_std().unwrap() == most);
        prop_assert_eq!(pacer.next, reserved + TimeDelta::milliseconds(i64::try_from(gap).unwrap()));
    }
}

/// With extreme settings.
#[test]
fn extreme_gaps_never_panic() {
    for (gap, width) in [(Duration::MAX, u32::MAX), (Duration::from_secs(u64::MAX >> 12), 9), (Duration::ZERO, 0)] {
        let mut pacer = Pacer { gap, next: DateTime::UNIX_EPOCH };
        assert_eq!(pacer.reserve(at(0), width), at(0), "{gap:?}");
    }
}
