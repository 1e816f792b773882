//! Talk goes to stderr, data to stdout.

use crate::failure::Failure;
use std::io::{IsTerminal, Write};

/// A line of talk.
pub fn say(line: &str) {
    // Nobody listening is no reason to stop working.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// A line of data.
///
/// # Errors
/// A reader that went away.
pub fn print(line: &str) -> Result<(), Failure> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}

/// Whether a person is watching the talk.
pub fn is_watched() -> bool {
    std::io::stderr().is_terminal()
}
