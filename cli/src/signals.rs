//! SIGTERM and Ctrl-C: the first one drains, the second one ends the process at once.

use crate::console::say;
use crate::failure::Failure;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Cancels `stop` at the first signal; ends the process at the second.
///
/// # Errors
/// An operating system that refuses a signal handler.
pub fn listen(tasks: &TaskTracker, stop: CancellationToken) -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tasks.spawn(async move {
        for is_second in [false, true] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if is_second {
                say("convosync: stops at once; it asks again for what was in flight when it starts next");
                std::process::exit(1);
            }
            say("convosync: finishes the requests in flight; a second signal stops it at once");
            stop.cancel();
        }
    });
    Ok(())
}
