//! What the vendor answers, in bytes.

use crate::draw::generator;
use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, Response, StatusCode};
use futures::{StreamExt, stream};
use rand::Rng;
use serde_json::Value;
use std::io;
use std::time::Duration;

/// One answer, not yet sent.
pub(crate) struct Answer {
    pub(crate) status: u16,
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
/// More than any answer has.
const PROMISED: u64 = 1 << 40;
/// Keeps the draws of cuts apart from others.
const SALT: u64 = 0x0C07;

impl Answer {
    /// A status with its JSON.
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self { status, kind: JSON, retry_after: None, text: body.to_string(), cut: None }
    }

    /// A page made for people.
    pub(crate) fn page(status: u16, title: &str) -> Self {
        let text = format!("<!DOCTYPE html>\n<html><head><title>{title}</title></head><body>{title}</body></html>\n");
        Self { status, kind: HTML, retry_after: None, text, cut: None }
    }

    /// Asks the caller to come again `after`, in whole seconds.
    pub(crate) fn come_again(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// Ends in the middle, where and how by seed and request. What is left is never whole JSON.
    pub(crate) fn cut_off(mut self, seed: u64, ordinal: u64) -> Self {
        let mut random = generator(seed ^ SALT, ordinal);
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
    pub(crate) fn into_response(self) -> Response<Body> {
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
        if self.cut == Some(Cut::Short) {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(PROMISED));
        }
        response
    }
}
