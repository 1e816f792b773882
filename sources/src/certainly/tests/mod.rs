//! Bodies, files, days and settings against the rules in the vendor's README.

mod answers;
mod cells;
mod names;
mod questions;
mod refusals;
mod sheets;
mod spelled;
mod to_dates;
mod tokens;
mod twins;

use super::answer::Answer;
use super::days::Span;
use super::fields::FIELDS;
use super::message::Message;
use super::request::Question;
use super::sheet::Sheet;
use super::shelf::Shelf;
use chrono::{DateTime, NaiveDate, Utc};
use domain::fault::Fault;
use domain::source::{Head, Reader, Step};
use domain::window::Window;
use entities::rows::Cell;
use entities::upsert::Batch;
use std::collections::BTreeMap;
use std::time::Duration;

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../fixtures/", $name)).as_slice()
    };
}
pub(super) use fixture;

const BOT: &str = "6f0c1f7e-5a1e-4f0e-9d39-1f6f8f0f2b11";

fn head(status: u16) -> Head {
    Head { status, retry_after: None }
}

fn told(status: u16, seconds: u64) -> Head {
    Head { status, retry_after: Some(Duration::from_secs(seconds)) }
}

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn window(from: &str, to: &str) -> Window {
    Window::new(utc(from), utc(to)).unwrap()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn shelf() -> Shelf {
    Shelf::new("certainly_dk", BOT)
}

/// Reads what comes in `chunks`, taking rows as they come; what it comes to, and all rows as they are packed.
fn read<'a>(
    mut reader: impl Reader<Batch>,
    head: Head,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> Result<(Step, Vec<Batch>), Fault> {
    let mut batches = Vec::new();
    for chunk in chunks {
        reader.feed(head, chunk)?;
        batches.extend(std::iter::from_fn(|| reader.take()));
    }
    let step = reader.finish(head)?;
    batches.extend(std::iter::from_fn(|| reader.take()));
    Ok((step, batches))
}

/// The answer to a question for 2021-12-16, whose `toDate` needs no confirming.
fn answered<'a>(head: Head, chunks: impl IntoIterator<Item = &'a [u8]>) -> Result<(Step, Vec<Batch>), Fault> {
    let span = Span { first: day("2021-12-16"), last: day("2021-12-16") };
    read(Answer::new(shelf(), Question::Rows(span), 500, None), head, chunks)
}

fn filed<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Result<(Step, Vec<Batch>), Fault> {
    read(Sheet::new(shelf()), head(200), chunks)
}

/// Every byte of the rows, shown: digests, keys and all.
fn bytes(batches: &[Batch]) -> String {
    format!("{batches:?}")
}

fn count(batches: &[Batch]) -> usize {
    batches.iter().map(Batch::len).sum()
}

/// A message of an answer, by its columns; what holds nothing is left out.
fn columns(row: &str) -> BTreeMap<&'static str, Cell<'static>> {
    let message = Message::read(serde_json::from_str(row).unwrap(), BOT).unwrap();
    let named = FIELDS.iter().map(|field| field.column).zip(message.cells).filter(|(_, cell)| *cell != Cell::Null);
    named.chain([("extra", Cell::Json(message.extra.into()))]).collect()
}

fn text(text: &str) -> Cell<'static> {
    Cell::Text(text.to_owned().into())
}

fn json(text: &str) -> Cell<'static> {
    Cell::Json(text.to_owned().into())
}
