//! SIGTERM and Ctrl-C: the first drains, the second ends at once.

use crate::failure::Failure;
use crate::talk::say;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Cancels `stop` at the first signal; ends the process at the second.
///
/// # Errors
/// Where signals cannot be listened to.
pub fn listen(tasks: &TaskTracker, stop: CancellationToken) -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tasks.spawn(async move {
        for told in [false, true] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if told {
                say("convosync: ending at once; what was in flight is asked for again");
                std::process::exit(1);
            }
            say("convosync: finishing what is in flight; a second signal ends at once");
            stop.cancel();
        }
    });
    Ok(())
}
