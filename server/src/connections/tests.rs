use super::Connections;
use axum::Router;
use axum::routing::get;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Answers `GET /` when the test permits it; reports each request.
fn router(permits: &Arc<Semaphore>, requests: mpsc::UnboundedSender<()>) -> Router {
    let permits = Arc::clone(permits);
    Router::new().route(
        "/",
        get(async move || {
            requests.send(()).expect("a test that listens");
            permits.acquire().await.expect("an open semaphore").forget();
            "answered"
        }),
    )
}

async fn ask(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.expect("a request sent");
    let mut response = String::new();
    stream.read_to_string(&mut response).await.expect("a response");
    response
}

/// A request that the server works on is never ended for another one: the next client waits.
#[tokio::test]
async fn open_requests_make_room_for_none() {
    let (permits, (requests, mut arrived)) = (Arc::new(Semaphore::new(0)), mpsc::unbounded_channel());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    let most = NonZeroUsize::new(2).expect("a positive number");
    let serving = Connections::new(most).serve(listener, router(&permits, requests), stop.clone());
    let serving = tasks.spawn(serving);
    let open = [tasks.spawn(ask(address)), tasks.spawn(ask(address))];
    for _ in &open {
        arrived.recv().await.expect("a request");
    }
    let third = tasks.spawn(ask(address));
    let idle = TcpStream::connect(address).await.expect("a connection");
    // One answer makes room for the third request, and only its end makes room for the connection without one.
    permits.add_permits(1);
    arrived.recv().await.expect("the third request");
    permits.add_permits(2);
    for asking in open.into_iter().chain([third]) {
        let response = asking.await.expect("no panic");
        assert!(response.starts_with("HTTP/1.1 200 OK\r\n") && response.ends_with("answered"), "{response}");
    }
    drop(idle);
    stop.cancel();
    serving.await.expect("no panic");
}

/// A process without file descriptors could reach neither its database nor a vendor.
#[tokio::test]
async fn a_lack_of_file_descriptors_leaves_room_for_fewer_connections() {
    let connections = Connections::new(NonZeroUsize::new(9).expect("a positive number"));
    let mut open: Vec<_> = (0..8).map(|_| connections.add()).collect();
    assert_eq!(connections.shrink(), 6);
    let mut room = pin!(connections.make_room());
    while open.len() >= 6 {
        assert!(futures::poll!(&mut room).is_pending(), "{} are open", open.len());
        let displaced = open.iter().position(|open| open.connection.is_displaced());
        assert_eq!(displaced, Some(0), "the one that has waited longest makes room");
        drop(open.remove(0));
    }
    room.await;
    open.clear();
    assert_eq!(connections.shrink(), 1, "one client can always ask");
}
