//! The server on a real socket.

use crate::test_service::{TestService, until};
use server::Limits;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
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
        until("the request to be open", || service.queue.pings() > 0).await;
        stop.cancel();
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        assert!(!serving.is_finished(), "a request is open");
        service.queue.accept();
        serving.await.expect("no panic").expect("no error");
    });
    assert!(response.starts_with("HTTP/1.1 200 "), "the open request got its answer: {response}");
}

/// A client that has sent half a request does not delay the stop by its ten seconds for the rest.
#[tokio::test]
async fn shutdown_waits_for_no_request_to_come() {
    let service = TestService::open().await;
    let stop = CancellationToken::new();
    let (address, serving) = serve(&service, &stop).await;
    let mut idle = TcpStream::connect(address).await.expect("a connection");
    let mut slow = opened_with(address, "GET /livez HTTP/1.1\r\nHost: local").await;
    assert!(get(address, "/livez").await.ends_with("ok"), "both are accepted");
    stop.cancel();
    serving.await.expect("no panic").expect("no error");
    for stream in [&mut idle, &mut slow] {
        assert_eq!(rest_of(stream).await, "");
    }
}

#[tokio::test]
async fn one_connection_serves_several_requests() {
    let service = TestService::open().await;
    let stop = CancellationToken::new();
    let (address, _serving) = serve(&service, &stop).await;
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    for _ in 0..3 {
        let request = format!("GET /livez HTTP/1.1\r\nHost: {address}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("a request sent");
        let mut response = Vec::new();
        while !response.ends_with(b"\r\n\r\nok") {
            assert_ne!(stream.read_buf(&mut response).await.expect("a response"), 0, "the connection stays open");
        }
    }
}

#[tokio::test]
async fn slow_clients_make_room_for_others() {
    let service = TestService::crowded(8).await;
    let stop = CancellationToken::new();
    let (address, _serving) = serve(&service, &stop).await;
    let mut slow = Vec::new();
    for number in 0..60 {
        slow.push(match number % 3 {
            0 => TcpStream::connect(address).await.expect("a connection"),
            1 => opened_with(address, "GET /livez HTTP/1.1\r\nHost: local").await,
            _ => {
                let head = "POST /hooks/certainly/shop_bot HTTP/1.1\r\nHost: localhost\r\nContent-Length: 90\r\n\r\nx";
                opened_with(address, head).await
            }
        });
    }
    let response = get(address, "/livez").await;
    assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
    for stream in &mut slow[..40] {
        rest_of(stream).await;
    }
    let metrics = get(address, "/metrics").await;
    assert!(metrics.contains("convosync_http_connections_closed_total{reason=\"displaced\"} "), "{metrics}");
}

/// This test takes the ten seconds that a client has.
#[tokio::test]
async fn ends_slow_heads_and_slow_bodies() {
    let service = TestService::open().await;
    let stop = CancellationToken::new();
    let (address, _serving) = serve(&service, &stop).await;
    let post = "POST /hooks/certainly/shop_bot HTTP/1.1\r\nHost: localhost\r\nContent-Length: 90\r\n\r\nsigned o";
    let mut head = opened_with(address, "GET /livez HTTP/1.1\r\nHost: local").await;
    let mut body = opened_with(address, post).await;
    let (head, body) = tokio::join!(rest_of(&mut head), rest_of(&mut body));
    assert_eq!(head, "", "half a head has no answer");
    assert!(body.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{body}");
    assert_eq!(service.webhook_events_and_jobs().await, (0, 0));
}

#[tokio::test]
async fn refuses_a_wrong_address_before_the_body_comes() {
    let service = TestService::open().await;
    let stop = CancellationToken::new();
    let (address, _serving) = serve(&service, &stop).await;
    for path in ["unknown", "unknown/a-secret-of-webhooks", "shop_bot/a-secret-of-webhookz"] {
        let head = format!("POST /hooks/certainly/{path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 90\r\n\r\n");
        let mut stream = opened_with(address, &head).await;
        let mut start = [0; 12];
        stream.read_exact(&mut start).await.expect("an answer");
        assert_eq!(&start, b"HTTP/1.1 401", "{path}");
    }
}

#[tokio::test]
async fn refuses_a_head_that_is_much_longer_than_32_kib() {
    let service = TestService::open().await;
    let stop = CancellationToken::new();
    let (address, _serving) = serve(&service, &stop).await;
    for (kib, is_answered) in [(31, true), (128, false)] {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        let large = "x".repeat(kib << 10);
        let head = format!("GET /livez HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nX-Large: {large}\r\n\r\n");
        // The server may close the connection before it has read all.
        let _ = stream.write_all(head.as_bytes()).await;
        let response = rest_of(&mut stream).await;
        assert_eq!(response.starts_with("HTTP/1.1 200 OK\r\n"), is_answered, "{kib} KiB: {response}");
    }
}

/// A connection whose client has sent `text`.
async fn opened_with(address: SocketAddr, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(text.as_bytes()).await.expect("text sent");
    stream
}

/// All that the server sends until it closes the connection.
async fn rest_of(stream: &mut TcpStream) -> String {
    let mut rest = Vec::new();
    // A server that closes a connection with unread bytes resets it.
    let _ = stream.read_to_end(&mut rest).await;
    String::from_utf8(rest).expect("text in UTF-8")
}
