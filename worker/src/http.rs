//! The only place that sends requests to vendors.

use crate::public_address::{PrivateHost, PublicResolver, is_public};
use async_recursion::async_recursion as boxed;
use chrono::{DateTime, Utc};
use domain::fault::Fault;
use domain::source::{Method, Request, ResponseHead};
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use secrecy::ExposeSecret;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// An HTTP client for vendors; cheap to clone.
#[derive(Clone)]
pub struct Http {
    client: reqwest::Client,
    /// For hosts that a vendor's answer names. Most accounts need none.
    public_client: Arc<OnceLock<reqwest::Client>>,
}

/// A response whose body has not been read yet.
pub struct Response {
    /// The status and the relevant headers.
    pub head: ResponseHead,
    body: reqwest::Response,
    bytes: u64,
}

/// The largest body that is read. It bounds a body without an end; memory is bounded by streaming.
const LARGEST: u64 = 16 << 30;
/// The most bytes of an answer that are received only to see its end.
const MOST_SKIPPED: u64 = 64 << 20;

impl Http {
    /// A client that never follows redirects and never retries.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn new() -> Result<Self, reqwest::Error> {
        // An error means that the process has a provider already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(Self { client: builder().build()?, public_client: Arc::default() })
    }

    /// Sends a request once. `timeout` covers everything up to the body's last byte; `now` turns a `Retry-After` date
    /// into a duration.
    ///
    /// # Errors
    /// A fault, and whether the vendor is known to be idle, because the request cannot have reached it.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that sends")]
    #[boxed]
    pub async fn send(
        &self,
        request: &Request,
        timeout: Duration,
        now: DateTime<Utc>,
    ) -> Result<Response, (Fault, bool)> {
        let headers = headers(request).map_err(|fault| (fault, true))?;
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
        };
        let client = self.client_for(request).map_err(|fault| (fault, true))?;
        let mut sending = client.request(method, &request.url).headers(headers).timeout(timeout);
        if let Some(body) = &request.body {
            sending = sending.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        let sent = sending.send().await;
        let body = sent.map_err(|error| (fault_of(&error), error.is_connect() || error.is_builder()))?;
        let retry_after = body.headers().get(RETRY_AFTER).and_then(|value| retry_after(value.to_str().ok()?, now));
        let date = body.headers().get(DATE).and_then(|value| http_date(value.to_str().ok()?));
        Ok(Response { head: ResponseHead { status: body.status().as_u16(), retry_after, date }, body, bytes: 0 })
    }

    /// The client for a request. One to a host that a vendor's answer names connects to public addresses only.
    fn client_for(&self, request: &Request) -> Result<&reqwest::Client, Fault> {
        if !request.is_public_only {
            return Ok(&self.client);
        }
        // The client connects to an address in the URL without resolving it.
        let url: reqwest::Url =
            request.url.parse().map_err(|_| Fault::Refused("the vendor's answer names no address".to_owned()))?;
        let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        if host.parse::<IpAddr>().is_ok_and(|address| !is_public(address)) {
            return Err(Fault::Refused(PrivateHost.to_string()));
        }
        if let Some(client) = self.public_client.get() {
            return Ok(client);
        }
        let client = builder()
            .dns_resolver(PublicResolver)
            .build()
            .map_err(|error| Fault::Unreachable(format!("cannot set up TLS: {error}")))?;
        Ok(self.public_client.get_or_init(|| client))
    }
}

/// The settings of all clients.
fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(concat!("convosync/", env!("CARGO_PKG_VERSION")))
        // A credential must not follow a redirect to another host.
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .http1_only()
        .connect_timeout(Duration::from_secs(10))
}

impl Response {
    /// The next chunk of the body; `None` at its end.
    ///
    /// # Errors
    /// A fault, and whether the vendor is known to be idle.
    pub async fn chunk(&mut self) -> Result<Option<impl AsRef<[u8]> + use<>>, (Fault, bool)> {
        // A vendor that breaks off after the head has finished; one that is only slow has not.
        let chunk = self.body.chunk().await.map_err(|error| (fault_of(&error), !error.is_timeout()))?;
        self.bytes += chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        if self.bytes > LARGEST {
            return Err((Fault::TooLarge(format!("the answer has more than {} GiB", LARGEST >> 30)), false));
        }
        Ok(chunk)
    }

    /// The bytes of the body so far, after decompression.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Receives the rest of a body that is not parsed. Returns whether its end arrived, after which the vendor is known to
    /// have finished. A body with more than some MiB left is given up: it may be a small one that unpacks to any length.
    ///
    /// # Errors
    /// A fault, and whether the vendor is known to be idle.
    pub async fn skip(&mut self) -> Result<bool, (Fault, bool)> {
        let end = self.bytes.saturating_add(MOST_SKIPPED);
        while self.bytes <= end {
            if self.chunk().await?.is_none() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn headers(request: &Request) -> Result<HeaderMap, Fault> {
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        let invalid = |part: &str| Fault::Refused(format!("the header {name} has a {part} that HTTP cannot carry"));
        let key = HeaderName::try_from(name.as_str()).map_err(|_| invalid("name"))?;
        let mut value = HeaderValue::from_str(value.expose_secret()).map_err(|_| invalid("value"))?;
        value.set_sensitive(true);
        headers.insert(key, value);
    }
    Ok(headers)
}

/// The fault for an error of the HTTP library. The text holds no URL and no header, only the innermost cause.
fn fault_of(error: &reqwest::Error) -> Fault {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    if error.is_timeout() {
        Fault::TimedOut("no complete answer within the time-out".to_owned())
    } else if error.is_connect() {
        Fault::Unreachable(format!("cannot connect: {cause}"))
    } else if error.is_body() || error.is_decode() {
        Fault::Unreachable("the answer was cut off".to_owned())
    } else {
        Fault::Unreachable(format!("the connection broke: {cause}"))
    }
}

/// The wait that a `Retry-After` header states, in seconds or as a date; `None` if it cannot be parsed or is past.
fn retry_after(value: &str, now: DateTime<Utc>) -> Option<Duration> {
    let seconds = value.trim().parse::<u64>().ok().map(Duration::from_secs);
    seconds.or_else(|| (http_date(value)? - now).to_std().ok())
}

/// The instant that a date header states, to the second.
fn http_date(value: &str) -> Option<DateTime<Utc>> {
    httpdate::parse_http_date(value.trim()).ok().map(DateTime::<Utc>::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    /// The signed URLs of files come from a vendor's answer, and so would the address of a cloud's metadata service.
    #[tokio::test]
    async fn a_host_that_an_answer_names_must_be_public() {
        let (http, now) = (Http::new().unwrap(), DateTime::UNIX_EPOCH);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let send = async |url: &str| {
            let request = Request::get(url.to_owned(), Vec::new()).public_only();
            http.send(&request, Duration::from_secs(30), now).await.err().unwrap()
        };
        for host in ["127.0.0.1", "[::1]", "10.0.0.5", "169.254.169.254", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1"]
        {
            let (fault, idle) = send(&format!("https://{host}:{port}/file")).await;
            assert_eq!((fault, idle), (Fault::Refused(PrivateHost.to_string()), true), "{host}");
        }
        let (fault, idle) = send(&format!("https://localhost:{port}/file")).await;
        assert_eq!((fault.kind(), idle), ("unreachable", true));
        assert!(fault.to_string().contains(&PrivateHost.to_string()), "{fault}");
        // The address of the settings may be any. This server closes the connection, which is the first that it sees.
        let request = Request::get(format!("http://localhost:{port}/file"), Vec::new());
        let (sent, accepted) = tokio::join!(http.send(&request, Duration::from_secs(30), now), async {
            listener.accept().await.map(|(stream, _)| drop(stream))
        });
        assert!(accepted.is_ok() && sent.is_err());
    }

    #[test]
    fn retry_after_is_read_in_seconds_and_as_a_date() {
        let now = DateTime::parse_from_rfc3339("2026-11-21T10:00:00Z").unwrap().with_timezone(&Utc);
        assert_eq!(retry_after("90", now), Some(Duration::from_secs(90)));
        assert_eq!(retry_after("Sat, 21 Nov 2026 10:01:30 GMT", now), Some(Duration::from_secs(90)));
        assert_eq!(retry_after("Sat, 21 Nov 2026 09:00:00 GMT", now), None);
        assert_eq!(retry_after("soon", now), None);
        assert_eq!(retry_after("Saturday, 21-Nov-26 10:01:30 GMT", now), Some(Duration::from_secs(90)), "RFC 850 date");
    }
}
