//! Why a commit stored nothing.

use sea_orm::DbErr;

/// Why a commit stored nothing.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The lease is lost: another worker has, or had, the lane, and the job is its own.
    #[error("the lease on the lane is lost; nothing was written")]
    Fenced,
    /// The database refused.
    #[error("the database refused the commit")]
    Database(#[from] DbErr),
}
