//! What the vendor answers, in bytes.

use super::config::{Ids, Wrapper};
use super::message::Message;
use super::spelling::Spelling;
use super::truth::generator;
use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Response, StatusCode};
use futures::{StreamExt, stream};
use rand::Rng;
use serde_json::{Value, json};
use std::io;
use std::time::Duration;

/// One answer, not yet sent.
pub(super) struct Answer {
    pub(super) status: u16,
    kind: &'static str,
    retry_after: Option<Duration>,
    text: String,
    cut: Option<Cut>,
}

/// The ways a body ends in the middle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    /// `Content-Length` promises more than comes; then the connection closes.
    Short,
    /// The connection closes without the last chunk.
    Broken,
    /// HTTP is whole; the text inside is not.
    Whole,
}

/// How long a cut-off answer waits before it breaks, so that what was written has left.
const FLUSH: Duration = Duration::from_millis(20);
const JSON: &str = "application/json";
const HTML: &str = "text/html; charset=utf-8";
const CSV: &str = "text/csv; charset=utf-8";
/// More than any answer has.
const PROMISED: u64 = 1 << 40;

impl Answer {
    /// A status with its JSON.
    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self { status, kind: JSON, retry_after: None, text: body.to_string(), cut: None }
    }

    /// The rows of request `ordinal`, wrapped and spelled by it.
    pub(super) fn rows(messages: &[Message], (wrapper, ids): (Wrapper, Ids), seed: u64, ordinal: u64) -> Self {
        let spelling = Spelling::of_request(ids, seed, ordinal);
        let rows = Value::Array(messages.iter().map(|message| spelling.row(message)).collect());
        let name = match wrapper {
            Wrapper::Bare => None,
            Wrapper::Results => Some("results"),
            Wrapper::Data => Some("data"),
            Wrapper::Messages => Some("messages"),
            Wrapper::Mixed => {
                let names = [None, Some("results"), Some("data"), Some("messages")];
                names.get(generator(seed ^ 0x3A99, ordinal).random_range(0..names.len())).copied().flatten()
            }
        };
        Self::json(200, &name.map_or_else(|| rows.clone(), |name| json!({ name: rows })))
    }

    /// A page made for people.
    pub(super) fn page(status: u16, title: &str) -> Self {
        let text = format!("<!DOCTYPE html>\n<html><head><title>{title}</title></head><body>{title}</body></html>\n");
        Self { status, kind: HTML, retry_after: None, text, cut: None }
    }

    /// Asks the caller to come again `after`.
    pub(super) fn come_again(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// Ends in the middle, where and how by seed and request. What is left is never whole JSON.
    pub(super) fn cut_off(mut self, seed: u64, ordinal: u64) -> Self {
        let mut random = generator(seed ^ 0x0C07, ordinal);
        self.cut = Some(match random.random_range(0..3u8) {
            0 => Cut::Short,
            1 => Cut::Broken,
            _ => Cut::Whole,
        });
        let kept = self.text.floor_char_boundary(random.random_range(1..self.text.len().max(2)));
        self.text.truncate(kept);
        self
    }

    /// As HTTP has it.
    pub(super) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(match self.cut {
            None | Some(Cut::Whole) => Body::from(self.text),
            Some(Cut::Short | Cut::Broken) => {
                let broken = stream::once(async {
                    tokio::time::sleep(FLUSH).await;
                    Err(io::Error::new(io::ErrorKind::ConnectionReset, "cut off by seed"))
                });
                Body::from_stream(stream::iter([Ok(Bytes::from(self.text))]).chain(broken))
            }
        });
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or_default();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.kind));
        if let Some(after) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(after.as_secs()));
        }
        if self.status == 401 {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("JWT realm=\"api\""));
        }
        if self.cut == Some(Cut::Short) {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(PROMISED));
        }
        response
    }
}

/// A file by hand.
pub(super) fn csv(file: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(file));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(CSV));
    response
}

/// To the same place with a slash.
pub(super) fn moved(to: &str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::MOVED_PERMANENTLY;
    if let Ok(to) = HeaderValue::from_str(to) {
        response.headers_mut().insert(LOCATION, to);
    }
    response
}
