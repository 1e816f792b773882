//! Helpers that the tests of several vendors share.

use chrono::{DateTime, Utc};
use domain::fault::Fault;
use domain::source::{Reader, ResponseHead, ResponseSummary};
use domain::window::Window;
use entities::rows::RowBatch;
use std::collections::BTreeMap;
use std::time::Duration;

/// The columns of a row that hold a value, as they are stored.
pub type StoredRow = BTreeMap<&'static str, String>;

/// A response's head that asks for a wait of seven seconds.
pub fn head(status: u16) -> ResponseHead {
    ResponseHead { status, retry_after: Some(Duration::from_secs(7)), date: None }
}

/// An instant in RFC 3339.
pub fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// The window between two instants in RFC 3339.
pub fn window(from: &str, to: &str) -> Window {
    Window::new(utc(from), utc(to)).unwrap()
}

/// Reads a body that comes in `chunks`, and takes the rows as they come.
pub fn read<'a>(
    mut reader: impl Reader<RowBatch>,
    head: ResponseHead,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> Result<(ResponseSummary, Vec<RowBatch>), Fault> {
    let mut batches = Vec::new();
    for chunk in chunks {
        reader.feed(head, chunk)?;
        batches.extend(std::iter::from_fn(|| reader.take()));
    }
    let step = reader.finish(head);
    let rest: Vec<RowBatch> = std::iter::from_fn(|| reader.take()).collect();
    assert!(step.is_ok() || rest.is_empty(), "the reader returned rows of a response that does not count");
    batches.extend(rest);
    assert!(batches.iter().all(|batch| batch.len() <= 500), "a batch of more than 500 rows");
    step.map(|step| (step, batches))
}

/// A reader on the heap is a reader.
pub struct Boxed(pub Box<dyn Reader<RowBatch>>);

impl Reader<RowBatch> for Boxed {
    fn feed(&mut self, head: ResponseHead, chunk: &[u8]) -> Result<(), Fault> {
        self.0.feed(head, chunk)
    }

    fn take(&mut self) -> Option<RowBatch> {
        self.0.take()
    }

    fn finish(&mut self, head: ResponseHead) -> Result<ResponseSummary, Fault> {
        self.0.finish(head)
    }
}

/// The rows of a batch, column by column, without the time of storing.
pub fn stored_rows(rows: &RowBatch) -> Vec<StoredRow> {
    let names = || rows.schema().columns.iter().map(|column| column.name);
    let cell = |(name, value): (&'static str, String)| {
        let inner = value.split_once("(Some(")?.1.strip_suffix("))")?.to_owned();
        (name != "synced_at").then_some((name, serde_json::from_str(&inner).unwrap_or(inner)))
    };
    let row = |at| names().zip(rows.values(at).map(|value| format!("{value:?}"))).filter_map(cell).collect();
    (0..rows.len()).map(row).collect()
}

/// The values of these columns; `-` where a column holds none.
pub fn cells<'r>(row: &'r StoredRow, names: &[&str]) -> Vec<&'r str> {
    names.iter().map(|name| row.get(*name).map_or("-", String::as_str)).collect()
}

/// `body` cut at `cuts`, which count modulo its length.
pub fn cut<'a>(body: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut positions: Vec<usize> = cuts.iter().map(|cut| cut % (body.len() + 1)).collect();
    positions.extend([0, body.len()]);
    positions.sort_unstable();
    positions.windows(2).map(|pair| &body[pair[0]..pair[1]]).collect()
}
