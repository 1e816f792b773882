//! When a mailed file contradicts the stored rows.

use chrono::{DateTime, TimeDelta, Utc};
use domain::file_overlap::{FileOverlap, is_same_text, is_same_time};
use proptest::prelude::*;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
}

#[test]
fn a_file_that_shares_no_row_with_the_stored_ones_is_doubted() {
    let doubt = FileOverlap { shared: 0, contradicted: 0, untouched: 500 }.doubt().unwrap();
    assert!(doubt.contains("none of the 500 rows"), "{doubt}");
    assert_eq!(FileOverlap::default().doubt(), None, "nothing is known of the days");
    assert_eq!(FileOverlap { shared: 500, contradicted: 0, untouched: 0 }.doubt(), None);
    let doubt = FileOverlap { shared: 500, contradicted: 1, untouched: 0 }.doubt().unwrap();
    assert!(doubt.contains("1 of its 500 rows"), "{doubt}");
}

proptest! {
    #[test]
    fn another_notation_of_a_value_is_the_same(text in "[a-z0-9]{0,20}", noise in "[ áé😀?<>.,]{0,5}", second in 0..60_i64) {
        let noisy = format!("{noise}{text}{noise}");
        prop_assert!(is_same_text(&noisy, &text) && is_same_text(&text, &noisy));
        prop_assert!(is_same_time(at(600), at(600 + second)) && is_same_time(at(600 + second), at(600)));
    }

    #[test]
    fn another_value_is_not_the_same(text in "[a-z0-9]{0,20}", other in "[a-z0-9]{0,20}", minutes in 1..10_000_i64) {
        prop_assert_eq!(is_same_text(&text, &other), text == other);
        prop_assert!(!is_same_time(at(0), at(minutes * 60)) && !is_same_time(at(minutes * 60), at(0)));
    }

    /// A file is believed exactly if nothing that it shares differs and it shares something, where something is known.
    #[test]
    fn a_doubt_has_a_reason(shared in 0..5_u64, contradicted in 0..5_u64, untouched in 0..5_u64) {
        prop_assume!(contradicted <= shared);
        let is_believed = contradicted == 0 && (shared > 0 || untouched == 0);
        prop_assert_eq!(FileOverlap { shared, contradicted, untouched }.doubt().is_none(), is_believed);
    }
}
