use super::super::days::{ToDate, next};
use super::super::query::{CONFIRM, REPEAT};
use super::*;
use proptest::prelude::*;
use std::sync::atomic::Ordering;

/// A way in which the vendor may understand `toDate`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Vendor {
    includes_to_date: bool,
    cap: usize,
}

/// The vendor's response for the days in `rows`, each with its number of rows.
fn body(vendor: Vendor, rows: &[(NaiveDate, usize)], (from, to): (NaiveDate, NaiveDate)) -> String {
    let is_included = |day: NaiveDate| from <= day && (day < to || vendor.includes_to_date && day == to);
    let days = rows.iter().filter(|(day, _)| is_included(*day));
    let each = days.flat_map(|(day, count)| {
        (0..*count).map(move |number| format!(r#"{{"id":"{day}-{number}","timestamp":"{day}T12:00:00Z"}}"#))
    });
    format!("[{}]", each.take(vendor.cap).collect::<Vec<_>>().join(","))
}

/// Runs the whole exchange for `days`: its steps, the rows that count, and all rows.
fn ask(
    rows: impl Fn(usize) -> Vec<(NaiveDate, usize)>,
    vendor: Vendor,
    days: DayRange,
    includes_to_date: &Arc<AtomicBool>,
) -> Result<(Vec<String>, u64, usize), Fault> {
    let (mut steps, mut counted, mut kept) = (Vec::new(), 0, 0);
    loop {
        let (query, dates) = match steps.last().map(String::as_str) {
            None => (Query::RowBatch(days), days.dates(ToDate::Inclusive)),
            Some(CONFIRM) => (Query::Confirm(days.last), (days.last, next(days.last))),
            Some(REPEAT) => (Query::Repeat(days.last), (days.last, days.last)),
            Some(other) => panic!("{other}"),
        };
        let body = body(vendor, &rows(steps.len()), dates);
        let reader = reader(query, 500, Some(Arc::clone(includes_to_date)));
        let (step, batches) = read(reader, head(200), [body.as_bytes()])?;
        counted += step.rows;
        kept += count(&batches);
        match step.cursor {
            None => return Ok((steps, counted, kept)),
            Some(cursor) => steps.push(cursor.0),
        }
    }
}

fn days(first: &str, last: &str) -> DayRange {
    DayRange { first: day(first), last: day(last) }
}

const IN: Vendor = Vendor { includes_to_date: true, cap: 500 };
const OUT: Vendor = Vendor { includes_to_date: false, cap: 500 };
const EXCLUDED: &str = "refused: the vendor excludes toDate; write to_date = \"exclusive\" in the account's settings";

#[test]
fn a_row_of_the_last_day_proves_that_the_vendor_includes_it() {
    let known = Arc::new(AtomicBool::new(false));
    let rows = |_| vec![(day("2026-11-01"), 3), (day("2026-11-02"), 2)];
    assert_eq!(ask(rows, IN, days("2026-11-01", "2026-11-02"), &known), Ok((vec![], 5, 5)));
    assert!(known.load(Ordering::Relaxed));
    // From then on an empty last day counts as empty.
    assert_eq!(ask(rows, IN, days("2026-11-01", "2026-11-03"), &known), Ok((vec![], 5, 5)));
}

#[test]
fn an_empty_last_day_is_checked() {
    let known = Arc::new(AtomicBool::new(false));
    let last = days("2026-11-01", "2026-11-03");
    let rows = |_| vec![(day("2026-11-01"), 3)];
    assert_eq!(ask(rows, IN, last, &known), Ok((vec![CONFIRM.to_owned()], 3, 3)));
    assert!(!known.load(Ordering::Relaxed), "no row proves nothing");
    // A row of the next day proves it. The row is stored, and does not count.
    let rows = |_| vec![(day("2026-11-01"), 3), (day("2026-11-04"), 600)];
    assert_eq!(ask(rows, IN, last, &known), Ok((vec![CONFIRM.to_owned()], 3, 503)));
    assert!(known.load(Ordering::Relaxed));
}

#[test]
fn reports_that_the_vendor_excludes_the_last_day() {
    let known = Arc::new(AtomicBool::new(false));
    let rows = |_| vec![(day("2026-11-01"), 3), (day("2026-11-03"), 1), (day("2026-11-04"), 9)];
    for range in [days("2026-11-01", "2026-11-03"), days("2026-11-03", "2026-11-03")] {
        assert_eq!(ask(rows, OUT, range, &known).unwrap_err().to_string(), EXCLUDED);
    }
    // Where the last day has no rows, no row is lost.
    let empty = ask(rows, OUT, days("2026-11-01", "2026-11-02"), &known);
    assert_eq!(empty, Ok((vec![CONFIRM.to_owned()], 3, 3)));
    assert!(!known.load(Ordering::Relaxed));
}

#[test]
fn a_row_sent_between_two_queries_proves_nothing() {
    let known = Arc::new(AtomicBool::new(false));
    let today = day("2026-11-03");
    let rows = |step: usize| if step == 0 { vec![] } else { vec![(today, step)] };
    let steps = vec![CONFIRM.to_owned(), REPEAT.to_owned()];
    // The third response has two rows; one of them had come already.
    assert_eq!(ask(rows, IN, days("2026-11-01", "2026-11-03"), &known), Ok((steps, 2, 3)));
    assert!(known.load(Ordering::Relaxed));
}

#[test]
fn a_capped_response_is_not_checked() {
    let known = Arc::new(AtomicBool::new(false));
    let rows = |_| vec![(day("2026-11-01"), 700)];
    assert_eq!(ask(rows, IN, days("2026-11-01", "2026-11-03"), &known), Ok((vec![], 500, 500)));
    assert!(!known.load(Ordering::Relaxed));
}

#[test]
fn the_setting_exclusive_needs_no_check() {
    let range = days("2026-11-01", "2026-11-03");
    let (step, _) = read(reader(Query::RowBatch(range), 500, None), head(200), [b"[]".as_slice()]).unwrap();
    assert_eq!(step.cursor, None);
    assert_eq!(range.dates(ToDate::Exclusive), (day("2026-11-01"), day("2026-11-04")));
}

proptest! {
    /// However the vendor understands `toDate`, the source stores the rows of a last day or reports a problem.
    #[test]
    fn no_last_day_is_lost_silently(
        includes_to_date: bool,
        counts in prop::collection::vec(prop_oneof![Just(0_usize), 1..4_usize, Just(480)], 17),
        spans in prop::collection::vec((0..14_usize, 0..15_usize), 1..5),
    ) {
        let days: Vec<NaiveDate> = day("2026-11-01").iter_days().take(17).collect();
        let rows: Vec<(NaiveDate, usize)> = days.iter().copied().zip(counts).collect();
        let known = Arc::new(AtomicBool::new(false));
        let vendor = Vendor { includes_to_date, cap: 500 };
        for (first, length) in spans {
            let range = DayRange { first: days[first], last: days[(first + length).min(15)] };
            let there: usize =
                rows.iter().filter(|(day, _)| range.first <= *day && *day <= range.last).map(|(_, count)| count).sum();
            match ask(|_| rows.clone(), vendor, range, &known) {
                Ok((_, counted, _)) if counted < 500 => {
                    prop_assert_eq!(usize::try_from(counted).unwrap(), there);
                }
                Ok(_) => prop_assert!(there >= 480),
                Err(fault) => {
                    prop_assert_eq!(fault.to_string(), EXCLUDED);
                    prop_assert!(!includes_to_date);
                }
            }
            prop_assert!(includes_to_date || !known.load(Ordering::Relaxed));
        }
    }
}
