//! Messages go to stderr, data to stdout.

use crate::failure::Failure;
use std::io::{ErrorKind, IsTerminal, Write};

/// Writes a line to stderr, for the operator.
pub fn say(line: &str) {
    // The command goes on when stderr is closed.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Writes a line of data to stdout. A reader that closes the pipe, such as `head`, has all that it wants: then the command
/// goes on without writing, and its exit code says how its work ended.
///
/// # Errors
/// Any other error of stdout, such as a full disk.
pub fn print(line: &str) -> Result<(), Failure> {
    match writeln!(std::io::stdout(), "{line}") {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// Whether stderr is a terminal, so that it can show progress bars.
pub fn is_terminal() -> bool {
    std::io::stderr().is_terminal()
}
