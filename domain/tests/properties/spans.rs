//! Laws of a set of instants, against a list that says of every second whether it is held.

use crate::any::{any_window, any_windows, at, often, seconds, tile};
use domain::spans::Spans;
use proptest::prelude::*;

const END: i64 = 240;

proptest! {
    #![proptest_config(often())]

    #[test]
    fn it_holds_what_was_added_and_nothing_else(windows in any_windows(END)) {
        let spans: Spans = windows.iter().copied().collect();
        let model = seconds(&windows, END);
        prop_assert_eq!(seconds(spans.windows(), END), &model[..]);
        for (second, held) in (0..END).zip(&model) {
            prop_assert_eq!(spans.contains(at(second)), *held);
        }
        prop_assert_eq!(spans.is_empty(), windows.is_empty());
    }

    #[test]
    fn order_and_repetition_do_not_matter(windows in any_windows(END), mixed in any::<prop::sample::Index>(), again in any::<prop::sample::Index>()) {
        let spans: Spans = windows.iter().copied().collect();
        let mut other = windows.clone();
        if !windows.is_empty() {
            other.rotate_left(mixed.index(windows.len()));
            other.swap(0, again.index(windows.len()));
            other.push(windows[again.index(windows.len())]);
        }
        prop_assert_eq!(other.iter().copied().collect::<Spans>(), spans.clone());
        prop_assert_eq!(windows.iter().rev().copied().collect::<Spans>(), spans);
    }

    #[test]
    fn held_windows_never_touch(windows in any_windows(END)) {
        let spans: Spans = windows.into_iter().collect();
        prop_assert!(spans.windows().windows(2).all(|pair| pair[0].to() < pair[1].from()));
    }

    #[test]
    fn gaps_and_held_tile_the_wanted_span(windows in any_windows(END), wanted in any_window(END)) {
        let spans: Spans = windows.into_iter().collect();
        let mut parts = spans.gaps(wanted);
        prop_assert!(parts.iter().all(|gap| spans.within(*gap).is_empty()));
        prop_assert_eq!(spans.covers(wanted), parts.is_empty());
        parts.extend(spans.within(wanted));
        prop_assert!(tile(wanted, &parts));
    }

    #[test]
    fn it_reaches_to_the_first_instant_it_does_not_hold(windows in any_windows(END), from in 0..END) {
        let spans: Spans = windows.iter().copied().collect();
        let model = seconds(&windows, END + 1);
        let reach = (from..=END).find(|second| !model[usize::try_from(*second).unwrap()]).unwrap();
        prop_assert_eq!(spans.reach(at(from)), at(reach));
    }
}
