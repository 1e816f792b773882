//! The error of a commit that stored nothing.

use sea_orm::DbErr;

/// The error of a commit; the transaction stored nothing.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The lease is lost: another worker has claimed the slot since.
    #[error("the lease on the lane is lost; nothing was written")]
    Fenced,
    /// The database failed.
    #[error("the database refused the commit")]
    Database(#[from] DbErr),
}
