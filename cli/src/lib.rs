//! The command `convosync`: the only place that constructs. Settings, wiring, commands.

mod arguments;
pub mod clock;
mod commands;
pub mod compare;
mod demo;
pub mod failure;
mod output;
pub mod service;
pub mod settings;
mod signals;
mod talk;

use arguments::Arguments;
use clap::Parser;
use failure::{Code, Failure};
use std::process::ExitCode;

/// Runs the command line; the exit code says how it ended.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return ended(Err(error.into())),
    };
    let result = runtime.block_on(commands::run(arguments));
    // Work that was told to end has ended; what is left must not keep the process.
    runtime.shutdown_background();
    ended(result)
}

fn ended(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.message.is_empty() {
                talk::say(&format!("convosync: {failure}"));
            }
            ExitCode::from(failure.code as u8)
        }
    }
}

/// Nothing more to say than the exit code does.
pub(crate) fn quietly(code: Code) -> Failure {
    Failure::new(code, "")
}
