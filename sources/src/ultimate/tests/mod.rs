//! Bodies, days and settings against the rules in the vendor's README.

mod addresses;
mod answers;
mod chunks;
mod lists;
mod memory;
mod questions;
mod refusals;
mod rows;
mod settings;
mod spellings;

use super::conversation::Place;
use super::cursor::Files;
use super::file::File;
use super::list::List;
use crate::{Opened, open};
use chrono::{DateTime, Utc};
use domain::fault::Fault;
use domain::source::{Cursor, Head, Reader, Step};
use domain::want::Slice;
use domain::window::Window;
use entities::rows::Rows;
use serde_json::{Map, Value, json};
use std::time::Duration;

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../fixtures/", $name)).as_slice()
    };
}
pub(super) use fixture;

const KEY: &str = "7b69-secret-4f6d";
const BOT: &str = "6a41cee6fbfda88b1060d653";
const OTHER: &str = "6a41cee6fbfda88b1060d654";

fn settings(more: &Value) -> Map<String, Value> {
    let mut settings = json!({"source": "ultimate", "token": KEY, "organization_id": "5f00cee6fbfda88b1060d001",
        "bot_ids": [BOT, OTHER], "base_url": "https://api.ultimate.ai"});
    settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let members = settings.as_object().unwrap().iter().filter(|(_, value)| !value.is_null());
    members.map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn opened(more: &Value) -> Opened {
    open("ultimate_eu", &settings(more)).unwrap()
}

fn problems(more: &Value) -> Vec<String> {
    open("ultimate_eu", &settings(more)).unwrap_err().iter().map(ToString::to_string).collect()
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
    Slice::Window(window("2026-09-29T00:00:00Z", "2026-09-30T00:00:00Z"))
}

fn files(count: usize, next: usize) -> Files {
    let urls = (0..count).map(|number| format!("https://storage.example.com/{number}.json?Signature=first")).collect();
    Files { urls, next, fresh: false, again: false }
}

fn place() -> Place {
    Place { account: "ultimate_eu".to_owned(), bot: BOT.to_owned() }
}

/// Where a step leads.
fn led(step: &Step) -> Option<Files> {
    Files::read(step.cursor.as_ref()).unwrap()
}

/// Everything of a file that comes in `chunks`: each row as its columns, written out.
fn heard<'a>(status: u16, chunks: impl IntoIterator<Item = &'a [u8]>) -> Result<(Step, Vec<Written>), Fault> {
    let mut reading = File::new(place(), files(1, 0));
    let mut rows = Vec::new();
    for chunk in chunks {
        reading.feed(head(status), chunk)?;
        while let Some(batch) = reading.take() {
            assert!(batch.len() <= 500, "a batch of {}", batch.len());
            rows.extend(written(&batch));
        }
    }
    let step = reading.finish(head(status))?;
    while let Some(batch) = reading.take() {
        rows.extend(written(&batch));
    }
    Ok((step, rows))
}

/// A row's columns that hold something, as they are stored.
type Written = Vec<(&'static str, String)>;

fn written(rows: &Rows) -> Vec<Written> {
    let names = || rows.shape().columns.iter().map(|column| column.name);
    let row = |at| names().zip(rows.values(at).map(|value| format!("{value:?}")));
    let plain = |(name, value): (&'static str, String)| {
        let (_, inner) = value.split_once("(Some(")?;
        let inner = inner.strip_suffix("))")?;
        let text = serde_json::from_str(inner).unwrap_or_else(|_| inner.to_owned());
        (name != "synced_at").then_some((name, text))
    };
    (0..rows.len()).map(|at| row(at).filter_map(plain).collect()).collect()
}

/// The rows of a file that is good.
fn rows(body: &str) -> Vec<Written> {
    heard(200, [body.as_bytes()]).unwrap().1
}

/// The only row of a file that has these members.
fn row(members: &str) -> Written {
    let mut rows = rows(&format!("[{{\"conversation_id\":\"1\",{members}}}]"));
    assert_eq!(rows.len(), 1, "{members}");
    rows.remove(0)
}

/// What a row holds in `column`.
fn get<'r>(row: &'r Written, column: &str) -> Option<&'r str> {
    row.iter().find(|(name, _)| *name == column).map(|(_, value)| value.as_str())
}

/// What a list leads to that comes in `chunks`.
fn listed<'a>(
    before: Option<Files>,
    status: u16,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Option<Files>, Fault> {
    let mut list = List::new(before);
    for chunk in chunks {
        list.feed(head(status), chunk)?;
        assert!(list.take().is_none());
    }
    let step = list.finish(head(status))?;
    assert_eq!(step, Step { cursor: step.cursor.clone(), ..Step::default() });
    Ok(led(&step))
}
