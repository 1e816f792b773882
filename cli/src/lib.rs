//! The command `convosync`: settings, wiring and commands. The only crate that wires the others together.
//!
//! - [`settings`]: defaults, file and environment, merged and checked.
//! - [`service`]: the database, the queue, and the roles of a process.
//! - `arguments`: the command line; `commands`: one file for each command.
//! - [`failure`]: exit codes and the texts that go with them.
//! - `console`, `output`, `logging`, `signals`: the terminal, and the operating system's signals.
//! - [`clock`]: the only place that reads the clock.
//!
//! The feature `demo` adds the commands `demo` and `simulate`, and with them the simulated vendors.

mod arguments;
pub mod clock;
mod commands;
mod console;
pub mod failure;
mod logging;
mod output;
pub mod service;
pub mod settings;
mod signals;

use arguments::Arguments;
use clap::Parser;
use failure::Failure;
use std::process::ExitCode;

/// Runs the command line. The exit code is one of [`failure::Code`], or 0.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return exit_code(Err(error.into())),
    };
    let result = runtime.block_on(commands::run(arguments));
    // The command has waited for its tasks; a task that is left must not keep the process.
    runtime.shutdown_background();
    exit_code(result)
}

fn exit_code(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.message.is_empty() {
                console::say(&format!("convosync: {failure}"));
            }
            ExitCode::from(failure.code as u8)
        }
    }
}
