//! How a command ends when it does not end well.

use entities::DbErr;
use std::fmt;

/// What went wrong, for people, and the exit code for scripts.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub code: Code,
    /// What went wrong, and what to do.
    pub message: String,
}

/// Exit codes; part of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Code {
    /// Something nobody thought of.
    Unexpected = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// The settings make no sense.
    Settings = 3,
    /// The database or the queue is down.
    Down = 4,
    /// The vendor refused the credential.
    Refused = 5,
    /// A limit was reached.
    Limit = 6,
    /// Some of it was done.
    Partly = 7,
    /// A check failed.
    Check = 8,
}

impl Failure {
    /// With this code.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// Wrong usage.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Code::Usage, message)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<DbErr> for Failure {
    fn from(error: DbErr) -> Self {
        Self::new(Code::Down, format!("the database refused: {error}"))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(Code::Unexpected, error.to_string())
    }
}
