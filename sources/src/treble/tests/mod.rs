//! Bodies, webhooks, files and settings against the rules in the vendor's README.

mod files;
mod hooks;
mod lists;
mod messages;
mod questions;
mod refusals;
mod sessions;

use crate::{Opened, open};
use chrono::{DateTime, TimeDelta, Utc};
use domain::fault::Fault;
use domain::lead::Lead;
use domain::source::{Cursor, Head, Reader, Step};
use domain::want::Slice;
use domain::window::Window;
use entities::rows::Rows;
use entities::upsert::Batch;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../fixtures/", $name)).as_slice()
    };
}
use fixture;

const KEY: &str = "key-s3cret-of-ours";
const SECRET: &str = "hook-s3cret-of-ours";
const SESSION: &str = "session/900001/1786197600000000";

/// A row's columns that hold something, as they are stored.
type Written = BTreeMap<&'static str, String>;

fn settings(more: &Value) -> Map<String, Value> {
    let mut settings = json!({"source": "treble", "token": KEY, "webhook_secret": SECRET});
    settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    settings.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    settings.as_object().unwrap().clone()
}

fn opened(more: &Value) -> Opened {
    open("treble_mx", &settings(more)).unwrap()
}

fn problems(more: &Value) -> Vec<String> {
    open("treble_mx", &settings(more)).unwrap_err().iter().map(ToString::to_string).collect()
}

fn head(status: u16) -> Head {
    Head { status, retry_after: Some(Duration::from_secs(7)) }
}

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn window(from: &str, to: &str) -> Window {
    Window::new(utc(from), utc(to)).unwrap()
}

fn day() -> Slice {
    Slice::Window(window("2026-08-08T00:00:00Z", "2026-08-09T00:00:00Z"))
}

/// The sessions of a poll of that day.
fn poll() -> Slice {
    Slice::Part("41007".to_owned(), day().window().unwrap())
}

fn key(text: &str) -> Slice {
    Slice::Key(text.to_owned())
}

/// What comes in `chunks`, read by a reader that takes rows as they come.
fn heard<'a>(
    mut reader: Box<dyn Reader<Batch>>,
    status: u16,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> Result<(Step, Vec<Batch>), Fault> {
    let mut batches = Vec::new();
    for chunk in chunks {
        reader.feed(head(status), chunk)?;
        batches.extend(std::iter::from_fn(|| reader.take()));
    }
    let step = reader.finish(head(status));
    let rest: Vec<Batch> = std::iter::from_fn(|| reader.take()).collect();
    assert!(step.is_ok() || rest.is_empty(), "rows of an answer that does not count");
    batches.extend(rest);
    step.map(|step| (step, batches))
}

/// The answer to a question about `slice`.
fn answered(slice: &Slice, cursor: Option<&str>, status: u16, body: &[u8]) -> Result<(Step, Vec<Batch>), Fault> {
    let cursor = cursor.map(|cursor| Cursor(cursor.to_owned()));
    heard(opened(&json!({})).source.reader("sessions", slice, cursor.as_ref()).unwrap(), status, [body])
}

/// A good answer: its step, and its rows, all of one table.
fn told(slice: &Slice, body: &[u8]) -> (Step, Vec<Written>) {
    let (step, batches) = answered(slice, None, 200, body).unwrap();
    (step, written(&batches))
}

/// Rows as they are stored, column by column; what holds nothing is left out.
fn written(batches: &[Rows]) -> Vec<Written> {
    let row = |rows: &Rows, at: usize| {
        let names = rows.shape().columns.iter().map(|column| column.name);
        let plain = |(name, value): (&'static str, String)| {
            let inner = value.split_once("(Some(")?.1.strip_suffix("))")?.to_owned();
            (name != "synced_at").then_some((name, serde_json::from_str(&inner).unwrap_or(inner)))
        };
        names.zip(rows.values(at).map(|value| format!("{value:?}"))).filter_map(plain).collect()
    };
    batches.iter().flat_map(|rows| (0..rows.len()).map(move |at| row(rows, at))).collect()
}

/// What a row holds in these columns.
fn cells<'r>(row: &'r Written, names: &[&str]) -> Vec<&'r str> {
    names.iter().map(|name| row.get(*name).map_or("-", String::as_str)).collect()
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same(which in 0..4_usize, cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..30)) {
        let source = opened(&json!({})).source;
        let asked = |slice: &Slice| source.reader("sessions", slice, None).unwrap();
        let reader = || match which {
            0 => (asked(&day()), fixture!("polls.json")),
            1 => (asked(&poll()), fixture!("page.json")),
            2 => (asked(&key(SESSION)), fixture!("history.json")),
            _ => (source.file_reader("sessions").unwrap(), fixture!("report.csv")),
        };
        let (reader_of_all, body) = reader();
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len())).chain([0, body.len()]).collect();
        places.sort_unstable();
        let chunks = places.windows(2).map(|pair| &body[pair[0]..pair[1]]);
        let (step, rows) = heard(reader().0, 200, chunks).unwrap();
        let (other, others) = heard(reader_of_all, 200, [body]).unwrap();
        prop_assert_eq!((step, written(&rows)), (other, written(&others)));
    }
}

#[test]
fn every_cut_is_a_fault_and_never_a_shorter_success() {
    for (slice, body) in
        [(day(), fixture!("polls.json")), (poll(), fixture!("page.json")), (key(SESSION), fixture!("history.json"))]
    {
        let body = body.trim_ascii();
        for length in 0..body.len() {
            let fault = answered(&slice, None, 200, &body[..length]).expect_err("a cut-off answer passed");
            assert_eq!(fault.kind(), "malformed", "after {length} bytes: {fault}");
        }
    }
}
