//! The only place that sends to vendors.

use chrono::{DateTime, Utc};
use domain::fault::Fault;
use domain::source::{Head, Method, Request};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use secrecy::ExposeSecret;
use std::time::Duration;

/// Sends requests; cheap to clone.
#[derive(Clone)]
pub struct Http {
    client: reqwest::Client,
}

/// A reply whose body has not been read yet.
pub struct Reply {
    /// Its first lines.
    pub head: Head,
    body: reqwest::Response,
    bytes: u64,
}

/// The largest body that is read. Rows go on as they come, so memory is no reason; a body without an end is one.
const LARGEST: u64 = 16 << 30;

impl Http {
    /// Ready to send.
    ///
    /// # Errors
    /// Where TLS cannot be set up.
    pub fn new() -> Result<Self, reqwest::Error> {
        // Somebody else in the process may have chosen a provider already; either will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .user_agent(concat!("convosync/", env!("CARGO_PKG_VERSION")))
            // A credential must not follow a redirect to another host.
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .http1_only()
            .connect_timeout(Duration::from_secs(10))
            .build()?;
        Ok(Self { client })
    }

    /// Sends once, with `timeout` for everything up to the body's last byte. `now` dates a `Retry-After`.
    ///
    /// # Errors
    /// A fault, and whether the vendor is known to be idle: it is where the request cannot have reached it.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that sends")]
    pub async fn send(&self, request: &Request, timeout: Duration, now: DateTime<Utc>) -> Result<Reply, (Fault, bool)> {
        let headers = headers(request).map_err(|fault| (fault, true))?;
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
        };
        let mut sending = self.client.request(method, &request.url).headers(headers).timeout(timeout);
        if let Some(body) = &request.body {
            sending = sending.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        let sent = sending.send().await;
        let body = sent.map_err(|error| (fault_of(&error), error.is_connect() || error.is_builder()))?;
        let retry_after = body.headers().get(RETRY_AFTER).and_then(|value| retry_after(value.to_str().ok()?, now));
        Ok(Reply { head: Head { status: body.status().as_u16(), retry_after }, body, bytes: 0 })
    }
}

impl Reply {
    /// The next piece of the body; `None` at its end.
    ///
    /// # Errors
    /// A fault, and whether the vendor is known to be idle.
    pub async fn chunk(&mut self) -> Result<Option<impl AsRef<[u8]> + use<>>, (Fault, bool)> {
        // A vendor that has sent a head and then breaks off has ended its work; one that is merely slow has not.
        let chunk = self.body.chunk().await.map_err(|error| (fault_of(&error), !error.is_timeout()))?;
        self.bytes += chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        if self.bytes > LARGEST {
            return Err((Fault::Malformed(format!("an answer of more than {} GiB", LARGEST >> 30)), false));
        }
        Ok(chunk)
    }
}

fn headers(request: &Request) -> Result<HeaderMap, Fault> {
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        let refuse = |part: &str| Fault::Refused(format!("the header {name} has a {part} that HTTP cannot carry"));
        let key = HeaderName::try_from(name.as_str()).map_err(|_| refuse("name"))?;
        let mut value = HeaderValue::from_str(value.expose_secret()).map_err(|_| refuse("value"))?;
        value.set_sensitive(true);
        headers.insert(key, value);
    }
    Ok(headers)
}

/// In words that hold no address and no header: what the library says, without the URL, down to the first cause.
fn fault_of(error: &reqwest::Error) -> Fault {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    if error.is_timeout() {
        Fault::TimedOut("no whole answer within the time-out".to_owned())
    } else if error.is_connect() {
        Fault::Unreachable(format!("cannot connect: {cause}"))
    } else if error.is_body() || error.is_decode() {
        Fault::Unreachable("the answer was cut off".to_owned())
    } else {
        Fault::Unreachable(format!("the connection broke: {cause}"))
    }
}

/// `Retry-After` in seconds, or as a date.
fn retry_after(value: &str, now: DateTime<Utc>) -> Option<Duration> {
    let seconds = value.trim().parse::<u64>().ok().map(Duration::from_secs);
    seconds.or_else(|| (DateTime::parse_from_rfc2822(value.trim()).ok()?.with_timezone(&Utc) - now).to_std().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_in_seconds_and_as_a_date() {
        let now = DateTime::parse_from_rfc3339("2026-11-21T10:00:00Z").unwrap().with_timezone(&Utc);
        assert_eq!(retry_after("90", now), Some(Duration::from_secs(90)));
        assert_eq!(retry_after("Sat, 21 Nov 2026 10:01:30 GMT", now), Some(Duration::from_secs(90)));
        assert_eq!(retry_after("Sat, 21 Nov 2026 09:00:00 GMT", now), None);
        assert_eq!(retry_after("soon", now), None);
    }
}
