use super::super::rules::defaults;
use super::super::wall::{instant, range};
use super::*;
use chrono::{MappedLocalTime, NaiveDateTime, TimeDelta, TimeZone};
use proptest::prelude::*;
use std::sync::LazyLock;

const ZONES: [Tz; 5] =
    [Tz::America__Bogota, Tz::America__Santiago, Tz::Africa__Casablanca, Tz::Europe__Berlin, Tz::Australia__Lord_Howe];
const YEARS: (i64, i64) = (1_704_067_200, 1_830_297_600);

fn asked(window: Window, zone: Tz) -> (NaiveDateTime, NaiveDateTime) {
    let range = range(window, zone).unwrap();
    (range.first, range.last)
}

/// Whether the question holds the second `at`, whatever the vendor does: compare texts, or take either instant that
/// a text names.
fn holds(zone: Tz, (first, last): (NaiveDateTime, NaiveDateTime), at: DateTime<Utc>) -> bool {
    let shown = at.with_timezone(&zone).naive_local();
    let latest_first = zone.from_local_datetime(&first).latest().unwrap();
    let earliest_last = zone.from_local_datetime(&last).earliest().unwrap();
    first <= shown && shown <= last && latest_first <= at && at <= earliest_last
}

/// Every instant from 2024 to 2027 at which clocks change.
fn changes(zone: Tz) -> Vec<i64> {
    static FOUND: LazyLock<Vec<(Tz, Vec<i64>)>> =
        LazyLock::new(|| ZONES.map(|zone| (zone, find_changes(zone))).to_vec());
    FOUND.iter().find(|(found, _)| *found == zone).map(|(_, changes)| changes.clone()).unwrap()
}

fn find_changes(zone: Tz) -> Vec<i64> {
    let shown = |at: i64| DateTime::from_timestamp(at, 0).unwrap().with_timezone(&zone).naive_local().and_utc();
    let times = (YEARS.0..YEARS.1).step_by(1800);
    times.filter(|at| shown(at - 1) + TimeDelta::seconds(1) != shown(*at)).collect()
}

/// Windows of all sizes, most of them with an edge close to a change of clocks.
fn windows() -> impl Strategy<Value = (Tz, Window)> {
    let longest = defaults().longest.num_seconds();
    let sizes = prop_oneof![1..4_i64, 1..10_000_i64, 1..longest, Just(longest)];
    let near = prop_oneof![-3..4_i64, -9000..9000_i64, -86_400 * 31..86_400_i64];
    (0..ZONES.len(), any::<prop::sample::Index>(), near, sizes).prop_map(|(zone, which, near, size)| {
        let zone = ZONES[zone];
        let mut anchors = changes(zone);
        anchors.push(YEARS.0 + 200 * 86_400);
        let from = DateTime::from_timestamp(which.get(&anchors) + near, 0).unwrap();
        (zone, Window::new(from, from + TimeDelta::seconds(size)).unwrap())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn the_question_holds_every_second_of_the_window((zone, window) in windows(), picks in prop::collection::vec(any::<u32>(), 50)) {
        let question = asked(window, zone);
        prop_assert!(question.0 <= question.1, "inverted: {question:?}");
        let length = question.1 - question.0 + TimeDelta::seconds(1);
        prop_assert!(length <= TimeDelta::days(31), "{length} is more than the vendor answers");
        // Never wider than the window by more than the hour that clocks show twice, the one they skip, and a second.
        prop_assert!(length <= window.span() + TimeDelta::seconds(2 * 3600 + 1), "{length} for {window}");
        let (from, span) = (window.from().timestamp(), window.span().num_seconds());
        let near_edges = (0..span.min(120)).flat_map(|second| [second, span - 1 - second]);
        let near_changes = changes(zone).into_iter().flat_map(|change| (-70..70).map(move |near| change + near - from));
        let quarters = (0..span).step_by(900);
        let picked = picks.iter().map(|pick| i64::from(*pick) % span);
        for second in near_edges.chain(near_changes).chain(quarters).chain(picked).filter(|at| (0..span).contains(at)) {
            let at = window.from() + TimeDelta::seconds(second);
            prop_assert!(holds(zone, question, at), "{zone}: {at} is not in {question:?}, asked for {window}");
        }
    }
}

#[test]
fn every_second_around_each_change_is_held() {
    for zone in ZONES {
        for change in changes(zone) {
            for from in (change - 5400..change + 5400).step_by(300) {
                for size in [1, 2, 1800, 3600, 5401] {
                    let from = DateTime::from_timestamp(from, 0).unwrap();
                    let window = Window::new(from, from + TimeDelta::seconds(size)).unwrap();
                    let question = asked(window, zone);
                    let seconds = (0..size).step_by(61).chain([size - 1]);
                    for at in seconds.map(|second| from + TimeDelta::seconds(second)) {
                        assert!(holds(zone, question, at), "{zone} {at} {question:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn two_changes_in_one_window_are_both_seen() {
    // Cairo's clocks were set back for Ramadan 2010 and forward again thirty days later. Ten minutes before the one and
    // after the other, the wall clock shows its earliest and latest times between the two.
    let (back, forward) = (utc("2010-08-10T21:00:00Z"), utc("2010-09-09T22:00:00Z"));
    let window = Window::new(back - TimeDelta::minutes(10), forward + TimeDelta::minutes(10)).unwrap();
    let question = asked(window, Tz::Africa__Cairo);
    let shown = |at: DateTime<Utc>| at.with_timezone(&Tz::Africa__Cairo).naive_local();
    assert!(
        shown(back) < shown(back - TimeDelta::seconds(1))
            && shown(forward) - shown(forward - TimeDelta::seconds(1)) > TimeDelta::hours(1)
    );
    for second in (0..window.span().num_seconds()).step_by(60) {
        let at = window.from() + TimeDelta::seconds(second);
        assert!(holds(Tz::Africa__Cairo, question, at), "{at} {question:?}");
    }
}

#[test]
fn the_zones_of_these_tests_do_change_their_clocks() {
    let counts = ZONES.map(|zone| changes(zone).len());
    assert_eq!(counts[0], 0, "Bogotá");
    assert!(counts[1..].iter().all(|count| *count >= 6), "{counts:?}");
}

/// Zone, window, and the first and last second asked for.
const QUESTIONS: [(Tz, &str, &str, &str, &str); 12] = [
    (Tz::America__Bogota, "2026-08-12T05:00:00Z", "2026-08-13T05:00:00Z", "2026-08-12 00:00:00", "2026-08-12 23:59:59"),
    (Tz::America__Bogota, "2026-08-12T05:00:00Z", "2026-08-12T05:00:01Z", "2026-08-12 00:00:00", "2026-08-12 00:00:00"),
    // A part of a second is asked for as the whole of it.
    (Tz::UTC, "2026-08-12T05:00:00.9Z", "2026-08-12T05:00:01.1Z", "2026-08-12 05:00:00", "2026-08-12 05:00:01"),
    // Berlin is set back at 01:00 UTC, from 03:00 to 02:00. A window across that is an hour less on the wall.
    (Tz::Europe__Berlin, "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", "2026-10-25 00:00:00", "2026-10-25 23:59:59"),
    // The hour that is shown twice: before it and after it.
    (Tz::Europe__Berlin, "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25 01:59:59", "2026-10-25 03:00:00"),
    (Tz::Europe__Berlin, "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z", "2026-10-25 01:59:59", "2026-10-25 03:00:00"),
    (Tz::Europe__Berlin, "2026-10-25T01:30:00Z", "2026-10-25T03:00:00Z", "2026-10-25 01:59:59", "2026-10-25 03:59:59"),
    // From inside the hour to inside its second showing: not the other way round.
    (Tz::Europe__Berlin, "2026-10-25T00:50:00Z", "2026-10-25T01:10:00Z", "2026-10-25 01:59:59", "2026-10-25 03:00:00"),
    (Tz::Europe__Berlin, "2026-10-24T23:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25 01:00:00", "2026-10-25 03:00:00"),
    // Set forward from 02:00 to 03:00 at 01:00 UTC.
    (Tz::Europe__Berlin, "2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z", "2026-03-29 01:30:00", "2026-03-29 01:59:59"),
    (Tz::Europe__Berlin, "2026-03-29T01:00:00Z", "2026-03-29T01:00:01Z", "2026-03-29 03:00:00", "2026-03-29 03:00:00"),
    // Half an hour on Lord Howe, from 02:00 to 01:30.
    (
        Tz::Australia__Lord_Howe,
        "2026-04-04T15:00:00Z",
        "2026-04-04T15:10:00Z",
        "2026-04-05 01:29:59",
        "2026-04-05 02:00:00",
    ),
];

#[test]
fn questions_are_the_wall_clock_of_the_account() {
    for (zone, from, to, first, last) in QUESTIONS {
        let range = range(window(from, to), zone).unwrap();
        assert_eq!((range.first.to_string(), range.last.to_string()), (first.to_owned(), last.to_owned()), "{from}");
    }
}

#[test]
fn the_vendors_times_become_instants() {
    let berlin = |text: &str| instant(text, Tz::Europe__Berlin);
    let cases = [
        ("2026-08-12 08:01:09", Some("2026-08-12T06:01:09Z")),
        (" 2026-08-12T08:01:09 ", Some("2026-08-12T06:01:09Z")),
        ("2026-08-12 08:01", Some("2026-08-12T06:01:00Z")),
        ("2026-08-12T08:01", Some("2026-08-12T06:01:00Z")),
        ("2026-08-12 08:01:09.5", Some("2026-08-12T06:01:09.5Z")),
        ("12/08/2026 08:01:09", Some("2026-08-12T06:01:09Z")),
        ("12/08/2026 08:01", Some("2026-08-12T06:01:00Z")),
        // Shown twice: the first time.
        ("2026-10-25 02:30:00", Some("2026-10-25T00:30:00Z")),
        ("2026-10-25 03:00:00", Some("2026-10-25T02:00:00Z")),
        // Skipped: when they jumped.
        ("2026-03-29 02:00:00", Some("2026-03-29T01:00:00Z")),
        ("2026-03-29 02:30:17", Some("2026-03-29T01:00:00Z")),
        ("2026-03-29 02:59:59", Some("2026-03-29T01:00:00Z")),
        ("", None),
        ("-", None),
        ("0000-00-00 00:00:00", None),
        ("0001-01-01 00:00:00", None),
        ("99999-01-01 00:00:00", None),
        ("2026-13-01 00:00:00", None),
        ("2026-08-12", None),
        ("yesterday", None),
    ];
    for (text, expected) in cases {
        assert_eq!(berlin(text), expected.map(utc), "{text:?}");
    }
    // Santiago skips midnight itself.
    assert_eq!(instant("2026-09-06 00:10:00", Tz::America__Santiago), Some(utc("2026-09-06T04:00:00Z")));
}

#[test]
fn the_first_of_two_instants_is_the_earlier() {
    for zone in ZONES {
        for change in changes(zone) {
            let shown = DateTime::from_timestamp(change, 0).unwrap().with_timezone(&zone).naive_local();
            if let MappedLocalTime::Ambiguous(one, other) = zone.from_local_datetime(&shown) {
                let text = shown.format("%Y-%m-%d %H:%M:%S").to_string();
                assert_eq!(instant(&text, zone), Some(one.min(other).to_utc()), "{zone} {text}");
            }
        }
    }
}
