//! Responses, webhooks, files and settings against the rules in the vendor's README.

mod files;
mod process_lists;
mod queries;
mod refusals;
mod results;
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

const KEY: &str = "eyJhbGciOiJIUzI1NiJ9.key-s3cret.x";
const SECRET: &str = "hook-s3cret of ours";
const ID: &str = "IDP41c0aa01";

fn settings(more: &Value) -> Map<String, Value> {
    let mut settings = json!({"source": "truora", "token": KEY, "webhook_secret": SECRET});
    settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    settings.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    settings.as_object().unwrap().clone()
}

fn opened(more: &Value) -> ConfiguredAccount {
    open("truora_co", &settings(more)).unwrap()
}

fn problems(more: &Value) -> Vec<String> {
    open("truora_co", &settings(more)).unwrap_err().iter().map(ToString::to_string).collect()
}

fn day() -> Slice {
    Slice::Window(window("2026-08-08T00:00:00Z", "2026-08-09T00:00:00Z"))
}

fn key(id: &str) -> Slice {
    Slice::Item(id.to_owned())
}

fn item(id: &str, at: &str, seen: Option<&str>) -> Item {
    let of = Window::new(utc(at), utc(at) + TimeDelta::seconds(1)).unwrap();
    Item { slice: key(id), scope: Some(of), seen_version: seen.map(utc), has_ended: false }
}

/// The response to the query for `slice`.
fn response(
    slice: &Slice,
    cursor: Option<&str>,
    status: u16,
    body: &[u8],
) -> Result<(ResponseSummary, Vec<RowBatch>), Fault> {
    let cursor = cursor.map(|cursor| Cursor(cursor.to_owned()));
    let reader = opened(&json!({})).source.reader("processes", slice, cursor.as_ref()).unwrap();
    read(Boxed(reader), head(status), [body])
}

proptest! {
    #[test]
    fn chunking_does_not_matter(which in 0..5_usize, cuts in prop::collection::vec(any::<usize>(), 0..30)) {
        let source = opened(&json!({})).source;
        let reader = || match which {
            0 => (source.reader("processes", &key(ID), None).unwrap(), fixture!("success.json")),
            1 => (source.reader("processes", &key(ID), None).unwrap(), fixture!("failure.json")),
            2 => (source.reader("processes", &day(), None).unwrap(), fixture!("page.json")),
            3 => (source.reader("processes", &key(ID), None).unwrap(), fixture!("pending.json")),
            _ => (source.file_reader("processes").unwrap(), fixture!("history_es.csv")),
        };
        let (reader_of_all, body) = reader();
        let (step, rows) = read(Boxed(reader().0), head(200), cut(body, &cuts)).unwrap();
        let (whole_step, whole_rows) = read(Boxed(reader_of_all), head(200), [body]).unwrap();
        prop_assert_eq!((step, format!("{rows:?}")), (whole_step, format!("{whole_rows:?}")));
    }
}
