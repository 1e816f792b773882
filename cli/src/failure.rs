//! A command's failure: an exit code for scripts, and a text for operators.

use crate::settings::SettingsError;
use std::fmt;
use storage::DbErr;

/// A command's failure.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub code: Code,
    /// What has happened, and what to do. Empty if the command has printed it already.
    pub message: String,
}

/// The exit codes. Scripts rely on their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Code {
    /// An error that has no code of its own.
    Unexpected = 1,
    /// The command line cannot be used.
    Usage = 2,
    /// The settings cannot be used.
    Settings = 3,
    /// The database or the queue cannot be reached.
    Down = 4,
    /// The vendor refused the credential.
    Refused = 5,
    /// A limit was reached.
    Limit = 6,
    /// A part of the work was done.
    Partly = 7,
    /// A check failed.
    Check = 8,
}

impl Failure {
    /// A failure with this code.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// A failure whose text the command has printed already.
    #[must_use]
    pub fn printed(code: Code) -> Self {
        Self::new(code, "")
    }

    /// Settings that cannot be used.
    pub fn settings(message: impl Into<String>) -> Self {
        Self::new(Code::Settings, message)
    }

    /// A command line that cannot be used.
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

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        Self::settings(error.to_string())
    }
}

impl From<DbErr> for Failure {
    fn from(error: DbErr) -> Self {
        Self::new(Code::Down, format!("the database refused a statement: {error}; look at database.url"))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(Code::Unexpected, error.to_string())
    }
}
