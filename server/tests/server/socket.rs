//! The server on a real socket.

use crate::test_service::TestService;
use server::Limits;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

type Serving = JoinHandle<std::io::Result<()>>;

async fn serve(service: &TestService, stop: &CancellationToken) -> (SocketAddr, Serving) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let serving = TaskTracker::new().spawn(Arc::clone(&service.server).serve(listener, stop.clone()));
    (address, serving)
}

/// The status line and all that follows.
async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("a request sent");
    let mut response = String::new();
    stream.read_to_string(&mut response).await.expect("a response in UTF-8");
    response
}

#[tokio::test]
async fn limits_clients_by_the_address_of_their_socket() {
    let limits = Limits { request_burst_per_client: NonZeroU32::MIN, ..Limits::default() };
    let service = TestService::limited(limits).await;
    let stop = CancellationToken::new();
    let (address, serving) = serve(&service, &stop).await;
    assert!(get(address, "/readyz").await.starts_with("HTTP/1.1 200 OK\r\n"));
    let response = get(address, "/readyz").await;
    assert!(response.starts_with("HTTP/1.1 429 Too Many Requests\r\n"), "{response}");
    // A request without a peer address has a limit of its own, so the router saw the address of the socket.
    assert_eq!(service.get("/readyz").await.status, 200);
    stop.cancel();
    serving.await.expect("no panic").expect("no error");
}

#[tokio::test]
async fn shutdown_finishes_open_requests() {
    let service = TestService::open().await;
    service.queue.hang();
    let stop = CancellationToken::new();
    let (address, serving) = serve(&service, &stop).await;
    let (response, ()) = tokio::join!(get(address, "/readyz?verbose"), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        stop.cancel();
        let mut serving = std::pin::pin!(serving);
        let early = tokio::time::timeout(Duration::from_secs(2), &mut serving).await;
        assert!(early.is_err(), "a request is open");
        let ended = tokio::time::timeout(Duration::from_secs(5), serving).await;
        assert!(ended.is_ok_and(|result| result.is_ok_and(|served| served.is_ok())), "the request has ended");
    });
    assert!(response.starts_with("HTTP/1.1 503 "), "the open request got its answer: {response}");
    assert!(TcpStream::connect(address).await.is_err(), "the port is closed");
}
