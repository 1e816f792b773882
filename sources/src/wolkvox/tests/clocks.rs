use super::super::local_time::{parse, range};
use super::super::rules::defaults;
use super::*;
use chrono::{MappedLocalTime, NaiveDateTime, TimeDelta, TimeZone, Utc};
use domain::window::Window;
use proptest::prelude::*;
use std::sync::LazyLock;

const ZONES: [Tz; 5] =
    [Tz::America__Bogota, Tz::America__Santiago, Tz::Africa__Casablanca, Tz::Europe__Berlin, Tz::Australia__Lord_Howe];
const YEARS: (i64, i64) = (1_704_067_200, 1_830_297_600);

fn requested(window: Window, zone: Tz) -> (NaiveDateTime, NaiveDateTime) {
    let range = range(window, zone).unwrap();
    (range.first, range.last)
}

/// Whether the request contains the second `at`, whether the vendor compares texts or takes either instant of a text.
fn contains(zone: Tz, (first, last): (NaiveDateTime, NaiveDateTime), at: DateTime<Utc>) -> bool {
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
    fn the_request_contains_every_second_of_the_window((zone, window) in windows(), picks in prop::collection::vec(any::<u32>(), 50)) {
        let request = requested(window, zone);
        prop_assert!(request.0 <= request.1, "inverted: {request:?}");
        let length = request.1 - request.0 + TimeDelta::seconds(1);
        prop_assert!(length <= TimeDelta::days(31), "{length} is longer than the vendor permits");
        // The request exceeds the window by the repeated hour, the skipped hour and a second at most.
        prop_assert!(length <= window.span() + TimeDelta::seconds(2 * 3600 + 1), "{length} for {window}");
        let (from, span) = (window.from().timestamp(), window.span().num_seconds());
        let near_edges = (0..span.min(120)).flat_map(|second| [second, span - 1 - second]);
        let near_changes = changes(zone).into_iter().flat_map(|change| (-70..70).map(move |near| change + near - from));
        let quarters = (0..span).step_by(900);
        let picked = picks.iter().map(|pick| i64::from(*pick) % span);
        for second in near_edges.chain(near_changes).chain(quarters).chain(picked).filter(|at| (0..span).contains(at)) {
            let at = window.from() + TimeDelta::seconds(second);
            prop_assert!(contains(zone, request, at), "{zone}: {at} is not in {request:?}, asked for {window}");
        }
    }
}

#[test]
fn the_request_contains_every_second_around_a_change() {
    for zone in ZONES {
        for change in changes(zone) {
            for from in (change - 5400..change + 5400).step_by(300) {
                for size in [1, 2, 1800, 3600, 5401] {
                    let from = DateTime::from_timestamp(from, 0).unwrap();
                    let window = Window::new(from, from + TimeDelta::seconds(size)).unwrap();
                    let request = requested(window, zone);
                    let seconds = (0..size).step_by(61).chain([size - 1]);
                    for at in seconds.map(|second| from + TimeDelta::seconds(second)) {
                        assert!(contains(zone, request, at), "{zone} {at} {request:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_window_may_contain_two_changes() {
    // Cairo's clocks were set back for Ramadan 2010 and forward again thirty days later. Ten minutes before the one and
    // after the other, local time has its earliest and latest values between the two.
    let (back, forward) = (utc("2010-08-10T21:00:00Z"), utc("2010-09-09T22:00:00Z"));
    let window = Window::new(back - TimeDelta::minutes(10), forward + TimeDelta::minutes(10)).unwrap();
    let request = requested(window, Tz::Africa__Cairo);
    let shown = |at: DateTime<Utc>| at.with_timezone(&Tz::Africa__Cairo).naive_local();
    assert!(
        shown(back) < shown(back - TimeDelta::seconds(1))
            && shown(forward) - shown(forward - TimeDelta::seconds(1)) > TimeDelta::hours(1)
    );
    for second in (0..window.span().num_seconds()).step_by(60) {
        let at = window.from() + TimeDelta::seconds(second);
        assert!(contains(Tz::Africa__Cairo, request, at), "{at} {request:?}");
    }
}

#[test]
fn the_zones_of_these_tests_change_their_clocks() {
    let counts = ZONES.map(|zone| changes(zone).len());
    assert_eq!(counts[0], 0, "Bogotá");
    assert!(counts[1..].iter().all(|count| *count >= 6), "{counts:?}");
}

/// Zone, window, and the first and last second of the request.
const REQUESTS: [(Tz, &str, &str, &str, &str); 12] = [
    (Tz::America__Bogota, "2026-08-12T05:00:00Z", "2026-08-13T05:00:00Z", "2026-08-12 00:00:00", "2026-08-12 23:59:59"),
    (Tz::America__Bogota, "2026-08-12T05:00:00Z", "2026-08-12T05:00:01Z", "2026-08-12 00:00:00", "2026-08-12 00:00:00"),
    // The request contains the whole second of which the window has a part.
    (Tz::UTC, "2026-08-12T05:00:00.9Z", "2026-08-12T05:00:01.1Z", "2026-08-12 05:00:00", "2026-08-12 05:00:01"),
    // Berlin is set back at 01:00 UTC, from 03:00 to 02:00. A window across the change is an hour shorter in local time.
    (Tz::Europe__Berlin, "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", "2026-10-25 00:00:00", "2026-10-25 23:59:59"),
    // The repeated hour: the request begins before it and ends after it.
    (Tz::Europe__Berlin, "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25 01:59:59", "2026-10-25 03:00:00"),
    (Tz::Europe__Berlin, "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z", "2026-10-25 01:59:59", "2026-10-25 03:00:00"),
    (Tz::Europe__Berlin, "2026-10-25T01:30:00Z", "2026-10-25T03:00:00Z", "2026-10-25 01:59:59", "2026-10-25 03:59:59"),
    // From inside the hour to inside its repetition.
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
fn requests_are_in_local_time() {
    for (zone, from, to, first, last) in REQUESTS {
        let range = range(window(from, to), zone).unwrap();
        assert_eq!((range.first.to_string(), range.last.to_string()), (first.to_owned(), last.to_owned()), "{from}");
    }
}

#[test]
fn parses_local_times() {
    let berlin = |text: &str| parse(text, Tz::Europe__Berlin);
    let cases = [
        ("2026-08-12 08:01:09", Some("2026-08-12T06:01:09Z")),
        (" 2026-08-12T08:01:09 ", Some("2026-08-12T06:01:09Z")),
        ("2026-08-12 08:01", Some("2026-08-12T06:01:00Z")),
        ("2026-08-12T08:01", Some("2026-08-12T06:01:00Z")),
        ("2026-08-12 08:01:09.5", Some("2026-08-12T06:01:09.5Z")),
        ("12/08/2026 08:01:09", Some("2026-08-12T06:01:09Z")),
        ("12/08/2026 08:01", Some("2026-08-12T06:01:00Z")),
        // Repeated: the first time.
        ("2026-10-25 02:30:00", Some("2026-10-25T00:30:00Z")),
        ("2026-10-25 03:00:00", Some("2026-10-25T02:00:00Z")),
        // Skipped: the instant of the change.
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
    assert_eq!(parse("2026-09-06 00:10:00", Tz::America__Santiago), Some(utc("2026-09-06T04:00:00Z")));
}

#[test]
fn takes_the_first_of_two_instants() {
    for zone in ZONES {
        for change in changes(zone) {
            let shown = DateTime::from_timestamp(change, 0).unwrap().with_timezone(&zone).naive_local();
            if let MappedLocalTime::Ambiguous(one, other) = zone.from_local_datetime(&shown) {
                let text = shown.format("%Y-%m-%d %H:%M:%S").to_string();
                assert_eq!(parse(&text, zone), Some(one.min(other).to_utc()), "{zone} {text}");
            }
        }
    }
}
