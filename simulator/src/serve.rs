//! Serves a vendor on a loopback address.

use axum::Router;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long requests in flight may take after a stop.
const GRACE: Duration = Duration::from_secs(1);

/// A running server.
#[derive(Debug)]
pub struct Serving {
    /// The address that it listens on.
    pub address: SocketAddr,
    stopping: CancellationToken,
    tasks: TaskTracker,
}

/// Serves `router` on `listener` until `shutdown` is cancelled or [`Serving::stop`] is called.
///
/// # Errors
/// Where the listener's address is not loopback: a simulator has no real credentials, so other machines must not reach
/// it.
pub fn serve(listener: TcpListener, router: Router, shutdown: &CancellationToken) -> io::Result<Serving> {
    let address = listener.local_addr()?;
    if !address.ip().is_loopback() {
        let message = format!("a simulator listens on loopback only, not on {address}");
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
    }
    // A child token, so that a stop of one vendor does not stop the others.
    let stopping = shutdown.child_token();
    let tasks = TaskTracker::new();
    tasks.spawn(listen(listener, router, stopping.clone()));
    tasks.close();
    Ok(Serving { address, stopping, tasks })
}

impl Serving {
    /// The address as the start of a URL, without a slash at its end.
    #[must_use]
    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops listening, and waits a second for the requests in flight.
    pub async fn stop(self) {
        self.stopping.cancel();
        self.tasks.wait().await;
    }

    /// Waits until the shutdown token has stopped it.
    pub async fn stopped(&self) {
        self.tasks.wait().await;
    }
}

async fn listen(listener: TcpListener, router: Router, stopping: CancellationToken) {
    let served = axum::serve(listener, router).with_graceful_shutdown(stopping.clone().cancelled_owned());
    let overdue = async {
        stopping.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        ended = async { served.await } => {
            if let Err(error) = ended {
                tracing::warn!(%error, "the simulator stopped serving after an error; start it again");
            }
        }
        () = overdue => {}
    }
}
