//! Bodies, webhooks, files and settings against the rules in the vendor's README.

mod files;
mod hooks;
mod lists;
mod questions;
mod refusals;
mod results;

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

const KEY: &str = "eyJhbGciOiJIUzI1NiJ9.key-s3cret.x";
const SECRET: &str = "hook-s3cret of ours";
const ID: &str = "IDP41c0aa01";

fn settings(more: &Value) -> Map<String, Value> {
    let mut settings = json!({"source": "truora", "token": KEY, "webhook_secret": SECRET});
    settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    settings.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    settings.as_object().unwrap().clone()
}

fn opened(more: &Value) -> Opened {
    open("truora_co", &settings(more)).unwrap()
}

fn problems(more: &Value) -> Vec<String> {
    open("truora_co", &settings(more)).unwrap_err().iter().map(ToString::to_string).collect()
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

fn key(id: &str) -> Slice {
    Slice::Key(id.to_owned())
}

fn lead(id: &str, at: &str, seen: Option<&str>) -> Lead {
    let of = Window::new(utc(at), utc(at) + TimeDelta::seconds(1)).unwrap();
    Lead { slice: key(id), of: Some(of), seen: seen.map(utc), has_ended: false }
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
    heard(opened(&json!({})).source.reader("processes", slice, cursor.as_ref()).unwrap(), status, [body])
}

/// Rows as they are stored, column by column; what holds nothing is left out.
fn written(rows: &Rows) -> Vec<BTreeMap<&'static str, String>> {
    let names = || rows.shape().columns.iter().map(|column| column.name);
    let plain = |(name, value): (&'static str, String)| {
        let inner = value.split_once("(Some(")?.1.strip_suffix("))")?.to_owned();
        (name != "synced_at").then_some((name, serde_json::from_str(&inner).unwrap_or(inner)))
    };
    let row = |at| names().zip(rows.values(at).map(|value| format!("{value:?}"))).filter_map(plain).collect();
    (0..rows.len()).map(row).collect()
}

/// What a row holds in these columns.
fn cells<'r>(row: &'r BTreeMap<&'static str, String>, names: &[&str]) -> Vec<&'r str> {
    names.iter().map(|name| row.get(*name).map_or("-", String::as_str)).collect()
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same(which in 0..5_usize, cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..30)) {
        let source = opened(&json!({})).source;
        let reader = || match which {
            0 => (source.reader("processes", &key(ID), None).unwrap(), fixture!("success.json")),
            1 => (source.reader("processes", &key(ID), None).unwrap(), fixture!("failure.json")),
            2 => (source.reader("processes", &day(), None).unwrap(), fixture!("page.json")),
            3 => (source.reader("processes", &key(ID), None).unwrap(), fixture!("pending.json")),
            _ => (source.file_reader("processes").unwrap(), fixture!("history_es.csv")),
        };
        let (reader_of_all, body) = reader();
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len())).chain([0, body.len()]).collect();
        places.sort_unstable();
        let chunks = places.windows(2).map(|pair| &body[pair[0]..pair[1]]);
        let (step, rows) = heard(reader().0, 200, chunks).unwrap();
        let (other, others) = heard(reader_of_all, 200, [body]).unwrap();
        prop_assert_eq!((step, format!("{rows:?}")), (other, format!("{others:?}")));
    }
}
