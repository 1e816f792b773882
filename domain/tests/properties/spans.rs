//! Properties of spans, compared with a list that holds every second.

use crate::strategies::{any_window, any_windows, at, often, seconds, tile};
use domain::spans::Spans;
use proptest::prelude::*;

const END: i64 = 240;

proptest! {
    #![proptest_config(often())]

    #[test]
    fn spans_hold_exactly_what_was_added(windows in any_windows(END)) {
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
    fn stored_windows_never_touch(windows in any_windows(END)) {
        let spans: Spans = windows.into_iter().collect();
        prop_assert!(spans.windows().windows(2).all(|pair| pair[0].to() < pair[1].from()));
    }

    #[test]
    fn gaps_and_spans_tile_the_window(windows in any_windows(END), wanted in any_window(END)) {
        let spans: Spans = windows.into_iter().collect();
        let mut parts = spans.gaps(wanted);
        prop_assert!(parts.iter().all(|gap| spans.within(*gap).is_empty()));
        prop_assert_eq!(spans.covers(wanted), parts.is_empty());
        parts.extend(spans.within(wanted));
        prop_assert!(tile(wanted, &parts));
    }

    #[test]
    fn reach_ends_at_the_first_missing_instant(windows in any_windows(END), from in 0..END) {
        let spans: Spans = windows.iter().copied().collect();
        let model = seconds(&windows, END + 1);
        let reach = (from..=END).find(|second| !model[usize::try_from(*second).unwrap()]).unwrap();
        prop_assert_eq!(spans.reach(at(from)), at(reach));
    }
}
