//! The connections of clients: at most so many at once, and none that waits for ever.
//!
//! A client that is slow to send its request costs the others nothing: where all connections are in use, the one that has
//! waited longest for its client makes room for the next.

mod answer_body;
mod connection;
mod phase;
mod socket;
#[cfg(test)]
mod tests;

pub(crate) use connection::Connection;

use answer_body::AnswerBody;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, Response};
use connection::Turns;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use socket::Socket;
use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;
use tracing::{debug, warn};

/// The time that open requests get to finish after the stop signal.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// The pause after a failed accept. The usual reason is a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The buffer of one connection, and so about the longest head of a request. A longer head is answered with 431.
const BUFFER_BYTES: usize = 32 << 10;

/// The open connections of a server.
pub(crate) struct Connections {
    /// How many may be open at once; fewer once the process has run out of file descriptors.
    most: AtomicUsize,
    open: Mutex<HashMap<u64, Arc<Connection>>>,
    turns: Arc<Turns>,
}

impl Connections {
    /// Room for `most` connections.
    pub(crate) fn new(most: NonZeroUsize) -> Arc<Self> {
        Arc::new(Self { most: AtomicUsize::new(most.get()), open: Mutex::default(), turns: Arc::default() })
    }

    /// Serves requests until `stop`, then lets open requests finish, for ten seconds at most.
    pub(crate) async fn serve(self: Arc<Self>, listener: TcpListener, router: Router, stop: CancellationToken) {
        let serving = TaskTracker::new();
        let cut_off = CancellationToken::new();
        // Whatever ends this future ends the connections, too.
        let _ended = cut_off.clone().drop_guard();
        stop.run_until_cancelled(self.accept(&listener, &router, &serving, &stop, &cut_off)).await;
        drop(listener);
        serving.close();
        if tokio::time::timeout(DRAIN_TIMEOUT, serving.wait()).await.is_err() {
            warn!(seconds = DRAIN_TIMEOUT.as_secs(), "the server stops although requests are still open");
        }
    }

    async fn accept(
        self: &Arc<Self>,
        listener: &TcpListener,
        router: &Router,
        serving: &TaskTracker,
        stop: &CancellationToken,
        cut_off: &CancellationToken,
    ) {
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    self.make_room().await;
                    let (open, router) = (self.add(), router.clone());
                    let (stop, cut_off) = (stop.clone(), cut_off.clone());
                    serving.spawn(async move {
                        let serve = open.serve(stream, peer, router, stop);
                        cut_off.run_until_cancelled(serve).await;
                    });
                }
                Err(error) if is_clients(&error) => debug!(%error, "a client closed its connection at once"),
                Err(error) => {
                    let most = self.shrink();
                    warn!(%error, most, "the server cannot accept a connection, and keeps fewer open from now on; raise the \
                                         limit of open files of this process, or lower server.max_connections");
                    // A closed connection gives its file descriptor back.
                    self.displace();
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Leaves a quarter of the descriptors in use to the database and the vendors. Returns how many connections may be open.
    fn shrink(&self) -> usize {
        let most = (self.open().len() * 3 / 4).max(1);
        self.most.store(most, Ordering::Relaxed);
        most
    }

    /// Waits until one more connection may be open.
    async fn make_room(&self) {
        loop {
            let room = self.turns.room.notified();
            if self.open().len() < self.most.load(Ordering::Relaxed) {
                return;
            }
            self.displace();
            room.await;
        }
    }

    /// Asks the connection that has waited longest for its client to close, unless one is about to.
    fn displace(&self) {
        let open = self.open();
        if open.values().any(|connection| connection.is_displaced()) {
            return;
        }
        let waiting = open.values().filter(|connection| connection.phase().waits_for_client());
        if let Some(longest) = waiting.min_by_key(|connection| connection.turn()) {
            longest.displace();
        }
    }

    fn add(self: &Arc<Self>) -> Open {
        let connection = Arc::new(Connection::new(&self.turns));
        let id = connection.turn();
        self.open().insert(id, Arc::clone(&connection));
        Open { id, connection, all: Arc::clone(self) }
    }

    fn open(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Arc<Connection>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An open connection. It leaves the list when it is dropped.
struct Open {
    id: u64,
    connection: Arc<Connection>,
    all: Arc<Connections>,
}

impl Open {
    /// Serves the requests of one connection until it ends.
    async fn serve(self, stream: TcpStream, peer: SocketAddr, router: Router, stop: CancellationToken) {
        let connection = &self.connection;
        let io = TokioIo::new(Socket { stream, connection: Arc::clone(connection) });
        let service = service_fn(|request| answer(Arc::clone(connection), router.clone(), peer, request));
        let mut http = http1::Builder::new();
        let mut serving = pin!(http.max_buf_size(BUFFER_BYTES).serve_connection(io, service));
        let mut is_draining = false;
        loop {
            tokio::select! {
                // A request that has arrived meanwhile comes first.
                biased;
                result = serving.as_mut() => {
                    if let Err(error) = result {
                        debug!(%error, "a connection of a client broke off");
                    }
                    return;
                }
                phase = connection.overdue(is_draining) => return closed(phase.label()),
                () = connection.displaced() => {
                    if connection.phase().waits_for_client() {
                        return closed("displaced");
                    }
                    connection.refuse_to_make_room();
                }
                () = stop.cancelled(), if !is_draining => {
                    is_draining = true;
                    serving.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.all.open().remove(&self.id);
        self.all.turns.room.notify_one();
    }
}

/// Answers one request.
async fn answer(
    connection: Arc<Connection>,
    router: Router,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Result<Response<AnswerBody>, Infallible> {
    connection.answering();
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
    request.extensions_mut().insert(Arc::clone(&connection));
    let response = router.oneshot(request).await?;
    Ok(response.map(|body| AnswerBody { body, connection }))
}

/// Counts a connection that the server closed.
fn closed(reason: &'static str) {
    metrics::counter!("convosync_http_connections_closed_total", "reason" => reason).increment(1);
    debug!(reason, "the server closed a connection");
}

/// Whether the client caused the error, and the next accept may succeed.
fn is_clients(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
