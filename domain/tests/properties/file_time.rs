//! An imported file never proves more than it can.

use chrono::{DateTime, TimeDelta, Utc};
use domain::file_time::{FileTimeError, FileTimes};
use proptest::prelude::*;

fn at(minute: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::minutes(1_000_000 + minute)
}

fn any_instant() -> impl Strategy<Value = DateTime<Utc>> {
    (0_i64..200).prop_map(at)
}

proptest! {
    /// A file that was made at `made` and is described truly is never taken for a newer one.
    #[test]
    fn a_true_description_never_makes_a_file_newer(
        made in any_instant(),
        newest in prop::option::of(0_i64..50),
        told in prop::option::of(0_i64..50),
        stated in prop::option::of((0_i64..30, 0_i64..30)),
        touched in 0_i64..50,
        later in 0_i64..50,
    ) {
        let before = |minutes: i64| made - TimeDelta::minutes(minutes);
        let modified = made + TimeDelta::minutes(touched);
        let times = FileTimes {
            stated: stated.map(|(first, last)| (before(first), made + TimeDelta::minutes(last))),
            newest_row: newest.map(before),
            holds_until: told.map(before),
            modified,
        };
        let taken = times.made_at(modified + TimeDelta::minutes(later));
        prop_assert!(taken.is_ok_and(|taken| taken <= made), "{times:?}: {taken:?}");
    }

    /// Whatever is stated, the result is neither in the future nor after the last change.
    #[test]
    fn a_file_is_not_newer_than_its_last_change_or_now(
        stated in prop::option::of(any_instant()),
        newest_row in prop::option::of(any_instant()),
        holds_until in prop::option::of(any_instant()),
        modified in any_instant(),
        now in any_instant(),
    ) {
        let times = FileTimes { stated: stated.map(|at| (at, at)), newest_row, holds_until, modified };
        match times.made_at(now) {
            Ok(taken) => prop_assert!(taken <= now && taken <= modified, "{taken}"),
            Err(FileTimeError::InFuture) => prop_assert!(stated > Some(now)),
            Err(FileTimeError::BeforeRow(row)) => prop_assert!(Some(row) > stated && newest_row == Some(row)),
        }
    }
}

#[test]
fn a_day_allows_its_rows_and_no_later_ones() {
    let day = Some((at(0), at(100)));
    let times = |newest_row: i64| FileTimes {
        stated: day,
        newest_row: Some(at(newest_row)),
        modified: at(150),
        ..FileTimes::default()
    };
    assert_eq!(times(-5).made_at(at(200)), Ok(at(0)));
    assert_eq!(times(60).made_at(at(200)), Ok(at(60)));
    assert_eq!(times(101).made_at(at(200)), Err(FileTimeError::BeforeRow(at(101))));
}
