//! Responses, webhooks, files and settings against the rules in the vendor's README.

mod files;
mod histories;
mod merges;
mod poll_lists;
mod queries;
mod refusals;
mod sessions;
mod webhooks;

use crate::test_support::{Boxed, StoredRow, cells, cut, head, read, stored_rows, utc, window};
use crate::{ConfiguredAccount, open};
use chrono::TimeDelta;
use domain::fault::Fault;
use domain::item::Item;
use domain::slice::Slice;
use domain::source::{Cursor, ResponseSummary};
use domain::window::Window;
use entities::rows::RowBatch;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../fixtures/", $name)).as_slice()
    };
}
use fixture;

const KEY: &str = "key-s3cret-of-ours";
const SECRET: &str = "hook-s3cret-of-ours";
const SESSION: &str = "session/900001/1786197600000000";

fn settings(more: &Value) -> Map<String, Value> {
    let mut settings = json!({"source": "treble", "token": KEY, "webhook_secret": SECRET});
    settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    settings.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    settings.as_object().unwrap().clone()
}

fn opened(more: &Value) -> ConfiguredAccount {
    open("treble_mx", &settings(more)).unwrap()
}

fn problems(more: &Value) -> Vec<String> {
    open("treble_mx", &settings(more)).unwrap_err().iter().map(ToString::to_string).collect()
}

fn day() -> Slice {
    Slice::Window(window("2026-08-08T00:00:00Z", "2026-08-09T00:00:00Z"))
}

/// The sessions of a poll on that day.
fn poll() -> Slice {
    Slice::Partition("41007".to_owned(), day().window().unwrap())
}

fn key(text: &str) -> Slice {
    Slice::Item(text.to_owned())
}

/// The response to the query for `slice`.
fn response(
    slice: &Slice,
    cursor: Option<&str>,
    status: u16,
    body: &[u8],
) -> Result<(ResponseSummary, Vec<RowBatch>), Fault> {
    let cursor = cursor.map(|cursor| Cursor(cursor.to_owned()));
    let reader = opened(&json!({})).source.reader("sessions", slice, cursor.as_ref()).unwrap();
    read(Boxed(reader), head(status), [body])
}

/// The step and the rows of a successful response.
fn success(slice: &Slice, body: &[u8]) -> (ResponseSummary, Vec<StoredRow>) {
    let (step, batches) = response(slice, None, 200, body).unwrap();
    (step, stored(&batches))
}

/// The rows of several batches.
fn stored(batches: &[RowBatch]) -> Vec<StoredRow> {
    batches.iter().flat_map(stored_rows).collect()
}

proptest! {
    #[test]
    fn chunking_does_not_matter(which in 0..4_usize, cuts in prop::collection::vec(any::<usize>(), 0..30)) {
        let source = opened(&json!({})).source;
        let asked = |slice: &Slice| source.reader("sessions", slice, None).unwrap();
        let reader = || match which {
            0 => (asked(&day()), fixture!("polls.json")),
            1 => (asked(&poll()), fixture!("page.json")),
            2 => (asked(&key(SESSION)), fixture!("history.json")),
            _ => (source.file_reader("sessions").unwrap(), fixture!("report.csv")),
        };
        let (reader_of_all, body) = reader();
        let (step, rows) = read(Boxed(reader().0), head(200), cut(body, &cuts)).unwrap();
        let (whole_step, whole_rows) = read(Boxed(reader_of_all), head(200), [body]).unwrap();
        prop_assert_eq!((step, stored(&rows)), (whole_step, stored(&whole_rows)));
    }
}

#[test]
fn rejects_every_response_that_was_cut_off() {
    for (slice, body) in
        [(day(), fixture!("polls.json")), (poll(), fixture!("page.json")), (key(SESSION), fixture!("history.json"))]
    {
        let body = body.trim_ascii();
        for length in 0..body.len() {
            let fault = response(&slice, None, 200, &body[..length])
                .expect_err("the parser accepted a response that was cut off");
            assert_eq!(fault.kind(), "malformed", "after {length} bytes: {fault}");
        }
    }
}
