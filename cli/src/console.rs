//! Messages go to stderr, data to stdout.

use crate::failure::Failure;
use std::io::{IsTerminal, Write};

/// Writes a line to stderr, for the operator.
pub fn say(line: &str) {
    // The command goes on when stderr is closed.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Writes a line of data to stdout.
///
/// # Errors
/// A closed stdout.
pub fn print(line: &str) -> Result<(), Failure> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}

/// Whether stderr is a terminal, so that it can show progress bars.
pub fn is_terminal() -> bool {
    std::io::stderr().is_terminal()
}
