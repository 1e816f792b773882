//! As little of HTTP as is needed to ask.

use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What came back.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Reply {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body, which has to be JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Asks once.
pub async fn get(to: SocketAddr, path: &str, authorization: Option<&str>) -> Reply {
    send(to, "GET", path, authorization).await
}

/// Asks once, with any method.
pub async fn send(to: SocketAddr, method: &str, path: &str, authorization: Option<&str>) -> Reply {
    let offer = authorization.map(|value| format!("Authorization: {value}\r\n")).unwrap_or_default();
    exchange(to, &format!("{method} {path}"), &offer, b"").await
}

/// Posts `body`.
pub async fn post(to: SocketAddr, path: &str, body: &[u8]) -> Reply {
    let length = format!("Content-Type: application/jwt\r\nContent-Length: {}\r\n", body.len());
    exchange(to, &format!("POST {path}"), &length, body).await
}

async fn exchange(to: SocketAddr, what: &str, headers: &str, body: &[u8]) -> Reply {
    let mut stream = TcpStream::connect(to).await.expect("somebody listens");
    let request = format!("{what} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.expect("a request that is taken");
    // Who will not hear so much hangs up; what he says is there to be read.
    let _ = stream.write_all(body).await;
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.expect("a reply in UTF-8");
    let (head, body) = reply.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no reply: {reply:?}"));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
    let headers = lines.filter_map(|line| line.split_once(": "));
    Reply {
        status: status.unwrap_or_else(|| panic!("no status: {reply:?}")),
        headers: headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect(),
        body: body.to_owned(),
    }
}
