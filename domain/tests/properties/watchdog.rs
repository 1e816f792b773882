//! Properties of the watchdog.

use crate::strategies::often;
use domain::watchdog::{Movement, stuck_loops};
use proptest::prelude::*;
use std::time::Duration;

const NAMES: [&str; 3] = ["scheduler", "worker", "mailbox"];

fn any_movements() -> impl Strategy<Value = Vec<Movement>> {
    let movement = (0..NAMES.len(), 0_u64..1_000, prop::option::of(0_u64..1_000));
    let movement = movement.prop_map(|(name, at, longest)| Movement {
        name: NAMES[name],
        at: Duration::from_secs(at),
        longest: longest.map(Duration::from_secs),
    });
    prop::collection::vec(movement, 0..12)
}

proptest! {
    #![proptest_config(often())]

    #[test]
    fn a_name_is_stuck_exactly_when_one_of_its_loops_is_late(movements in any_movements(), now in 0_u64..2_500) {
        let now = Duration::from_secs(now);
        let stuck = stuck_loops(movements.iter().copied(), now);
        for name in NAMES {
            let late: Vec<Duration> = movements
                .iter()
                .filter(|moved| moved.name == name && moved.longest.is_some_and(|longest| moved.at + longest < now))
                .map(|moved| now.saturating_sub(moved.at))
                .collect();
            let reported: Vec<Duration> = stuck.iter().filter(|stuck| stuck.name == name).map(|stuck| stuck.since).collect();
            prop_assert_eq!(reported, late.into_iter().max().into_iter().collect::<Vec<_>>(), "{}", name);
        }
        prop_assert!(stuck.is_sorted_by_key(|stuck| std::cmp::Reverse(stuck.since)), "the longest first: {stuck:?}");
    }

    #[test]
    fn a_loop_that_keeps_its_word_is_never_stuck(steps in prop::collection::vec((0_u64..500, 0_u64..=100), 1..40)) {
        let mut now = Duration::ZERO;
        for (longest, percent) in steps {
            let moved = Movement { name: "worker", at: now, longest: Some(Duration::from_secs(longest)) };
            now += Duration::from_millis(longest * 10 * percent);
            prop_assert!(stuck_loops([moved], now).is_empty());
        }
    }
}
