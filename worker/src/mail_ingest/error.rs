//! The errors of the mail ingest.

use crate::mail::MailError;
use storage::DbErr;
use storage::ledger::CommitError;

/// Why the mailbox was not read to its end.
#[derive(Debug, thiserror::Error)]
pub enum MailIngestError {
    /// The mailbox returned an error.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// The database returned an error.
    #[error("the mail ingest cannot read or write the database: {0}")]
    Database(#[from] DbErr),
    /// The rows were not committed: a database error, or a change of the ledger meanwhile.
    #[error(transparent)]
    Commit(#[from] CommitError),
}
