//! Properties of gone rows: an answer that lacks few rows is believed, one that lacks most is not.

use crate::strategies::{at, often};
use domain::gone_rows::{Doubt, StoredRow, newly_gone};
use proptest::prelude::*;

fn any_stored() -> impl Strategy<Value = Vec<StoredRow>> {
    (0_u32..=100).prop_flat_map(|named| {
        let row = (0_i64..99, any::<bool>(), prop::bool::weighted(f64::from(named) / 100.0));
        let row = row.prop_map(|(second, is_gone, is_named)| StoredRow { at: at(second), is_gone, is_named });
        prop::collection::vec(row, 0..60)
    })
}

proptest! {
    #![proptest_config(often())]

    #[test]
    fn only_missing_rows_are_gone_and_each_once(stored in any_stored()) {
        let missing = stored.iter().filter(|row| !row.is_named).count();
        match newly_gone(&stored) {
            Ok(gone) => {
                let expected = stored.iter().enumerate().filter(|(_, row)| !row.is_named && !row.is_gone);
                prop_assert_eq!(&gone, &expected.map(|(index, _)| index).collect::<Vec<_>>());
                prop_assert!(gone.is_empty() || stored.len() < 20 || missing * 2 <= stored.len());
            }
            Err(doubt) => {
                prop_assert_eq!(doubt, Doubt { missing, stored: stored.len() });
                prop_assert!(stored.len() >= 20 && missing * 2 > stored.len());
            }
        }
    }
}
