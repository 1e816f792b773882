//! Responses, files, days and settings against the rules in the vendor's README.

mod cells;
mod equivalence;
mod field_names;
mod queries;
mod refusals;
mod report_files;
mod responses;
mod to_dates;
mod tokens;

use super::days::DayRange;
use super::fields::FIELDS;
use super::message::Message;
use super::message_rows::MessageRows;
use super::query::Query;
use super::report_file::ReportFile;
use super::report_response::ReportResponse;
use crate::csv_reader::CsvReader;
use crate::json::body::JsonBody;
use crate::response_reader::ResponseReader;
use crate::test_support::{read, utc, window};
use chrono::NaiveDate;
use domain::fault::Fault;
use domain::source::{Reader, ResponseHead, ResponseSummary};
use entities::rows::Cell;
use entities::rows::RowBatch;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../fixtures/", $name)).as_slice()
    };
}
pub(super) use fixture;

const BOT: &str = "6f0c1f7e-5a1e-4f0e-9d39-1f6f8f0f2b11";

fn head(status: u16) -> ResponseHead {
    ResponseHead { status, retry_after: None, date: None }
}

fn head_with_wait(status: u16, seconds: u64) -> ResponseHead {
    ResponseHead { status, retry_after: Some(Duration::from_secs(seconds)), date: None }
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn message_rows() -> MessageRows {
    MessageRows::new("certainly_dk", BOT)
}

/// A reader of the response to `query`.
fn reader(
    query: Query,
    row_cap: u64,
    includes_to_date: Option<Arc<AtomicBool>>,
) -> ResponseReader<JsonBody<ReportResponse>> {
    ResponseReader::new(JsonBody::new(ReportResponse::new(message_rows(), query, row_cap, includes_to_date)))
}

/// A reader of a file.
fn file_reader() -> ResponseReader<CsvReader<ReportFile>> {
    ResponseReader::new(CsvReader::new(ReportFile::new(message_rows())))
}

/// The response to the query for 2021-12-16, with a known `toDate`.
fn response<'a>(
    head: ResponseHead,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> Result<(ResponseSummary, Vec<RowBatch>), Fault> {
    let days = DayRange { first: day("2021-12-16"), last: day("2021-12-16") };
    read(reader(Query::RowBatch(days), 500, None), head, chunks)
}

fn read_file<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Result<(ResponseSummary, Vec<RowBatch>), Fault> {
    read(file_reader(), head(200), chunks)
}

/// Every byte of the rows: values, digests and keys.
fn bytes(batches: &[RowBatch]) -> String {
    let parts: Vec<_> = batches.iter().map(|rows| (&rows.schema().table, rows.len(), rows.packed())).collect();
    format!("{parts:?}")
}

fn count(batches: &[RowBatch]) -> usize {
    batches.iter().map(RowBatch::len).sum()
}

/// The columns of a message in a response that hold a value.
fn columns(row: &str) -> BTreeMap<&'static str, Cell<'static>> {
    let message = Message::parse(serde_json::from_str(row).unwrap(), BOT).unwrap();
    let named = FIELDS.iter().map(|field| field.column).zip(message.cells).filter(|(_, cell)| *cell != Cell::Null);
    named.chain([("extra", Cell::Json(message.extra.into()))]).collect()
}

fn text(text: &str) -> Cell<'static> {
    Cell::Text(text.to_owned().into())
}

fn json(text: &str) -> Cell<'static> {
    Cell::Json(text.to_owned().into())
}
