//! Sends requests to a router without a socket.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request, header};
use std::net::{IpAddr, SocketAddr};
use tower::ServiceExt as _;

/// A response with its whole body.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// All headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: String,
}

impl Reply {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Panics unless this is an error in the format of RFC 9457; returns its detail.
    pub fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let problem = self.json();
        assert_eq!((&problem["type"], &problem["status"]), (&"about:blank".into(), &self.status.into()));
        problem["detail"].as_str().unwrap_or_else(|| panic!("no detail: {self:?}")).to_owned()
    }
}

/// A client that calls the router as axum does for a connection.
#[derive(Clone)]
pub struct Client {
    router: Router,
    address: Option<SocketAddr>,
}

impl Client {
    /// A client of unknown address.
    pub fn new(router: Router) -> Self {
        Self { router, address: None }
    }

    /// The same client at another address.
    pub fn at(&self, address: &str) -> Self {
        let ip: IpAddr = address.parse().expect("an IP address");
        Self { router: self.router.clone(), address: Some(SocketAddr::new(ip, 40_000)) }
    }

    /// Sends a GET without credentials.
    pub async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], "").await
    }

    /// Sends a GET with an `Authorization` header.
    pub async fn get_authorized(&self, path: &str, authorization: &str) -> Reply {
        self.send("GET", path, &[(header::AUTHORIZATION.as_str(), authorization)], "").await
    }

    /// Sends a GET that names a host.
    pub async fn get_at_host(&self, path: &str, host: &str) -> Reply {
        self.send("GET", path, &[(header::HOST.as_str(), host)], "").await
    }

    /// Posts a webhook.
    pub async fn post(&self, path: &str, body: &str) -> Reply {
        self.send("POST", path, &[("content-type", "application/jwt")], body).await
    }

    /// Sends one request.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(address) = self.address {
            request = request.extension(ConnectInfo(address));
        }
        let request = request.body(Body::from(body.to_owned())).expect("a valid request");
        let response = self.router.clone().oneshot(request).await.expect("a response");
        let (head, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.expect("a complete body");
        let body = String::from_utf8(body.to_vec()).expect("a body in UTF-8");
        Reply { status: head.status.as_u16(), headers: head.headers, body }
    }
}
