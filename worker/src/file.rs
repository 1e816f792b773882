//! Files of a vendor's rows, mailed or imported: parsed once to inspect them and once to store them.

use chrono::{DateTime, NaiveDate, Utc};
use domain::fault::Fault;
use domain::source::{ResponseHead, ResponseSummary, Source, Stream};
use entities::rows::RowBatch;
use std::collections::BTreeSet;
use std::io::Read;
use storage::accounts::Account;
use storage::database::Database;
use storage::deliveries::{Delivery, DeliveryIngest, DeliveryProof, IngestResult};
use storage::ledger::CommitError;
use storage::ledger::StreamId;

/// What a file holds, as the first parsing found it.
#[derive(Clone, Debug)]
pub struct FileSummary {
    /// The number of rows, the rejects and the named items.
    pub summary: ResponseSummary,
    /// The first and the last instant of its rows; `None` without rows.
    pub span: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// The days of the account's zone that have rows.
    pub days: BTreeSet<NaiveDate>,
}

/// Why a file was not inspected or stored.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file has another format or is truncated.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The file cannot be read from the disk.
    #[error("the file cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// The rows could not be stored.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

/// A file is parsed as the body of a successful response.
const HEAD: ResponseHead = ResponseHead { status: 200, retry_after: None, date: None };
/// How many bytes are read at once.
const CHUNK: usize = 64 << 10;

/// Parses the whole file and stores nothing.
///
/// # Errors
/// [`FileError`] if the file does not hold rows of `stream`.
pub fn inspect(source: &dyn Source<RowBatch>, stream: &str, mut body: impl Read) -> Result<FileSummary, FileError> {
    let mut reader = source.file_reader(stream)?;
    let mut span: Option<(DateTime<Utc>, DateTime<Utc>)> = None;
    let (mut days, zone) = (BTreeSet::new(), source.zone());
    let mut widen = |rows: &RowBatch| {
        for at in rows.instants() {
            span = Some(span.map_or((at, at), |(first, last)| (first.min(at), last.max(at))));
            days.insert(at.with_timezone(&zone).date_naive());
        }
    };
    let mut chunk = vec![0; CHUNK];
    loop {
        let count = body.read(&mut chunk)?;
        if count == 0 {
            break;
        }
        reader.feed(HEAD, chunk.get(..count).unwrap_or_default())?;
        while let Some(rows) = reader.take() {
            widen(&rows);
        }
    }
    let summary = reader.finish(HEAD)?;
    while let Some(rows) = reader.take() {
        widen(&rows);
    }
    Ok(FileSummary { summary, span, days })
}

/// Parses the whole file and stores its rows as the answer to `answers`.
///
/// # Errors
/// [`FileError`]; then no row of the file is stored.
pub async fn ingest(
    db: &Database,
    account: &Account,
    (stream, id): (&Stream, &StreamId),
    (delivery, answers): (&Delivery, DeliveryProof),
    mut body: impl Read,
) -> Result<IngestResult, FileError> {
    let mut reader = account.source.file_reader(&stream.name)?;
    let mut receiving = DeliveryIngest::open(db, account, stream, id).await.map_err(CommitError::from)?;
    // An operator knows where his file comes from; a mail may come from anyone.
    if delivery.kind == "mail" {
        receiving = receiving.comparing_rows();
    }
    let mut chunk = vec![0; CHUNK];
    loop {
        let count = body.read(&mut chunk)?;
        if count == 0 {
            break;
        }
        reader.feed(HEAD, chunk.get(..count).unwrap_or_default())?;
        while let Some(rows) = reader.take() {
            receiving.take(&rows).await.map_err(CommitError::from)?;
        }
    }
    let summary = reader.finish(HEAD)?;
    while let Some(rows) = reader.take() {
        receiving.take(&rows).await.map_err(CommitError::from)?;
    }
    Ok(receiving.finish(delivery, answers, &summary).await?)
}
