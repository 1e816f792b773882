//! Errors of the demo and of a vendor that is simulated alone.

use crate::host::HostError;
use std::io;
use std::net::SocketAddr;
use storage::DbErr;

/// A reason why the demo, or a simulated vendor, cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// An argument that cannot be used.
    #[error("{0}")]
    Usage(String),
    /// An error of the program that runs the demo.
    #[error(transparent)]
    Host(HostError),
    /// An error of the demo's database.
    #[error("the database refused a statement: {0}")]
    Database(#[from] DbErr),
    /// An error of a file or a socket.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// An address that is taken or not allowed.
    #[error("cannot listen on {address}: {error}; write another --bind")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The operating system's reason.
        error: io::Error,
    },
    /// The service stopped before the demo's end.
    #[error("the service stopped before the demo's end; its error stands above")]
    ServiceStopped,
    /// The last polls took too long.
    #[error("the vendors did not answer the last polls in time; run the demo again with --seed and report the seed")]
    NotCaughtUp,
}
