//! A file of a vendor's rows, read twice: once to see what it is, and once to store it.

use chrono::{DateTime, Utc};
use domain::fault::Fault;
use domain::source::{Head, ResponseSummary, Source, Stream};
use entities::rows::RowBatch;
use std::io::Read;
use storage::accounts::Account;
use storage::database::Database;
use storage::deliveries::{Answers, Delivery, Received, Receiving};
use storage::ledger::CommitError;
use storage::ledger::StreamId;

/// What a file holds.
#[derive(Clone, Debug)]
pub struct Survey {
    /// What was read besides the rows.
    pub summary: ResponseSummary,
    /// The first and the last instant of its rows.
    pub span: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

/// Why a file's rows were not stored.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It is no such file, or was cut off.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// It cannot be read from where it is.
    #[error("the file cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// It could not be stored.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

/// A file is read as the body of a good answer.
const HEAD: Head = Head { status: 200, retry_after: None };
/// How much of it is read at once.
const PIECE: usize = 64 << 10;

/// Reads all of it, and stores nothing.
///
/// # Errors
/// Where it is no file of `stream`'s rows.
pub fn survey(source: &dyn Source<RowBatch>, stream: &str, mut body: impl Read) -> Result<Survey, FileError> {
    let mut reader = source.file_reader(stream)?;
    let mut span: Option<(DateTime<Utc>, DateTime<Utc>)> = None;
    let mut look = |rows: &RowBatch| {
        for at in rows.instants() {
            span = Some(span.map_or((at, at), |(first, last)| (first.min(at), last.max(at))));
        }
    };
    let mut piece = vec![0; PIECE];
    loop {
        let count = body.read(&mut piece)?;
        if count == 0 {
            break;
        }
        reader.feed(HEAD, piece.get(..count).unwrap_or_default())?;
        while let Some(rows) = reader.take() {
            look(&rows);
        }
    }
    let summary = reader.finish(HEAD)?;
    while let Some(rows) = reader.take() {
        look(&rows);
    }
    Ok(Survey { summary, span })
}

/// Reads all of it, and stores its rows as the answer to `answers`.
///
/// # Errors
/// [`FileError`]; then nothing was stored.
pub async fn receive(
    db: &Database,
    account: &Account,
    (stream, id): (&Stream, &StreamId),
    (delivery, answers): (&Delivery, Answers),
    mut body: impl Read,
) -> Result<Received, FileError> {
    let mut reader = account.source.file_reader(&stream.name)?;
    let mut receiving = Receiving::open(db, account, stream, id).await.map_err(CommitError::from)?;
    let mut piece = vec![0; PIECE];
    loop {
        let count = body.read(&mut piece)?;
        if count == 0 {
            break;
        }
        reader.feed(HEAD, piece.get(..count).unwrap_or_default())?;
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
