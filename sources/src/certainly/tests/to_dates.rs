use super::super::days::{Span, ToDate, next};
use super::super::request::{AGAIN, CONFIRM};
use super::*;
use proptest::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// How a vendor may understand `toDate`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Vendor {
    counts_in: bool,
    cap: usize,
}

/// A vendor's answer about the days in `rows`, by how many rows each of them has.
fn body(vendor: Vendor, rows: &[(NaiveDate, usize)], (from, to): (NaiveDate, NaiveDate)) -> String {
    let is_asked = |day: NaiveDate| from <= day && (day < to || vendor.counts_in && day == to);
    let days = rows.iter().filter(|(day, _)| is_asked(*day));
    let each = days.flat_map(|(day, count)| {
        (0..*count).map(move |number| format!(r#"{{"id":"{day}-{number}","timestamp":"{day}T12:00:00Z"}}"#))
    });
    format!("[{}]", each.take(vendor.cap).collect::<Vec<_>>().join(","))
}

/// Asks about `span` until there is nothing more to ask: which steps, how many rows count, and all rows that came.
fn ask(
    rows: impl Fn(usize) -> Vec<(NaiveDate, usize)>,
    vendor: Vendor,
    span: Span,
    counts_in: &Arc<AtomicBool>,
) -> Result<(Vec<String>, u64, usize), Fault> {
    let (mut steps, mut counted, mut kept) = (Vec::new(), 0, 0);
    loop {
        let (question, dates) = match steps.last().map(String::as_str) {
            None => (Question::Rows(span), span.dates(ToDate::Inclusive)),
            Some(CONFIRM) => (Question::Confirm(span.last), (span.last, next(span.last))),
            Some(AGAIN) => (Question::Again(span.last), (span.last, span.last)),
            Some(other) => panic!("{other}"),
        };
        let body = body(vendor, &rows(steps.len()), dates);
        let answer = Answer::new(shelf(), question, 500, Some(Arc::clone(counts_in)));
        let (step, batches) = read(answer, head(200), [body.as_bytes()])?;
        counted += step.rows;
        kept += count(&batches);
        match step.cursor {
            None => return Ok((steps, counted, kept)),
            Some(cursor) => steps.push(cursor.0),
        }
    }
}

fn span(first: &str, last: &str) -> Span {
    Span { first: day(first), last: day(last) }
}

const IN: Vendor = Vendor { counts_in: true, cap: 500 };
const OUT: Vendor = Vendor { counts_in: false, cap: 500 };
const LEFT_OUT: &str = "refused: the vendor leaves toDate out: write to_date = \"exclusive\"";

#[test]
fn a_row_of_the_last_day_proves_that_it_is_counted_in() {
    let known = Arc::new(AtomicBool::new(false));
    let rows = |_| vec![(day("2026-11-01"), 3), (day("2026-11-02"), 2)];
    assert_eq!(ask(rows, IN, span("2026-11-01", "2026-11-02"), &known), Ok((vec![], 5, 5)));
    assert!(known.load(Ordering::Relaxed));
    // From then on an empty last day is one.
    assert_eq!(ask(rows, IN, span("2026-11-01", "2026-11-03"), &known), Ok((vec![], 5, 5)));
}

#[test]
fn an_empty_last_day_is_looked_into() {
    let known = Arc::new(AtomicBool::new(false));
    let last = span("2026-11-01", "2026-11-03");
    let rows = |_| vec![(day("2026-11-01"), 3)];
    assert_eq!(ask(rows, IN, last, &known), Ok((vec![CONFIRM.to_owned()], 3, 3)));
    assert!(!known.load(Ordering::Relaxed), "nothing is proved by nothing");
    // A row of the day after proves it, and is kept, but does not count.
    let rows = |_| vec![(day("2026-11-01"), 3), (day("2026-11-04"), 600)];
    assert_eq!(ask(rows, IN, last, &known), Ok((vec![CONFIRM.to_owned()], 3, 503)));
    assert!(known.load(Ordering::Relaxed));
}

#[test]
fn a_last_day_that_is_left_out_is_told() {
    let known = Arc::new(AtomicBool::new(false));
    let rows = |_| vec![(day("2026-11-01"), 3), (day("2026-11-03"), 1), (day("2026-11-04"), 9)];
    for span in [span("2026-11-01", "2026-11-03"), span("2026-11-03", "2026-11-03")] {
        assert_eq!(ask(rows, OUT, span, &known).unwrap_err().to_string(), LEFT_OUT);
    }
    // Where it has no rows, nothing can be told, and nothing is lost.
    let empty = ask(rows, OUT, span("2026-11-01", "2026-11-02"), &known);
    assert_eq!(empty, Ok((vec![CONFIRM.to_owned()], 3, 3)));
    assert!(!known.load(Ordering::Relaxed));
}

#[test]
fn a_row_that_is_sent_between_two_questions_proves_nothing() {
    let known = Arc::new(AtomicBool::new(false));
    let today = day("2026-11-03");
    let rows = |step: usize| if step == 0 { vec![] } else { vec![(today, step)] };
    let steps = vec![CONFIRM.to_owned(), AGAIN.to_owned()];
    // Two more rows in the third answer; one of them had come already.
    assert_eq!(ask(rows, IN, span("2026-11-01", "2026-11-03"), &known), Ok((steps, 2, 3)));
    assert!(known.load(Ordering::Relaxed));
}

#[test]
fn a_capped_answer_is_not_looked_into() {
    let known = Arc::new(AtomicBool::new(false));
    let rows = |_| vec![(day("2026-11-01"), 700)];
    assert_eq!(ask(rows, IN, span("2026-11-01", "2026-11-03"), &known), Ok((vec![], 500, 500)));
    assert!(!known.load(Ordering::Relaxed));
}

#[test]
fn where_the_settings_say_it_nothing_is_looked_into() {
    let span = span("2026-11-01", "2026-11-03");
    let (step, _) = read(Answer::new(shelf(), Question::Rows(span), 500, None), head(200), [b"[]".as_slice()]).unwrap();
    assert_eq!(step.cursor, None);
    assert_eq!(span.dates(ToDate::Exclusive), (day("2026-11-01"), day("2026-11-04")));
}

proptest! {
    /// Whatever the vendor does, a last day with rows is either held or complained about.
    #[test]
    fn no_last_day_is_lost_in_silence(
        counts_in: bool,
        counts in prop::collection::vec(prop_oneof![Just(0_usize), 1..4_usize, Just(480)], 17),
        spans in prop::collection::vec((0..14_usize, 0..15_usize), 1..5),
    ) {
        let days: Vec<NaiveDate> = day("2026-11-01").iter_days().take(17).collect();
        let rows: Vec<(NaiveDate, usize)> = days.iter().copied().zip(counts).collect();
        let known = Arc::new(AtomicBool::new(false));
        let vendor = Vendor { counts_in, cap: 500 };
        for (first, length) in spans {
            let span = Span { first: days[first], last: days[(first + length).min(15)] };
            let there: usize =
                rows.iter().filter(|(day, _)| span.first <= *day && *day <= span.last).map(|(_, count)| count).sum();
            match ask(|_| rows.clone(), vendor, span, &known) {
                Ok((_, counted, _)) if counted < 500 => {
                    prop_assert_eq!(usize::try_from(counted).unwrap(), there);
                }
                Ok(_) => prop_assert!(there >= 480),
                Err(fault) => {
                    prop_assert_eq!(fault.to_string(), LEFT_OUT);
                    prop_assert!(!counts_in);
                }
            }
            prop_assert!(counts_in || !known.load(Ordering::Relaxed));
        }
    }
}
