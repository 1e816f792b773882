//! What the vendor answers, in bytes.

use super::config::Code;
use super::record::Slot;
use super::sheet::Sheet;
use super::truth::generator;
use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, Response, StatusCode};
use futures::{StreamExt, stream};
use rand::Rng;
use serde_json::{Value, json};
use std::io;
use std::time::Duration;

/// One answer, not yet sent.
pub(super) enum Answer {
    /// Small and whole.
    Note { status: u16, kind: &'static str, retry_after: Option<Duration>, text: String },
    /// Rows, and how the body is cut off if it is.
    Rows(Box<Sheet>, Option<Cut>),
}

/// The ways a body ends in the middle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// `Content-Length` promises more than comes; then the connection closes.
    Short,
    /// The connection closes without the last chunk.
    Broken,
    /// HTTP is whole; the text inside is not.
    Whole,
}

/// How long a cut-off answer waits before it breaks, so that what was written has left.
const FLUSH: Duration = Duration::from_millis(20);
const JSON: &str = "application/json; charset=utf-8";
const HTML: &str = "text/html; charset=UTF-8";
/// More than any answer has.
const PROMISED: u64 = 1 << 40;

impl Answer {
    /// The envelope of an error.
    pub(super) fn error(status: u16, code: &Value, error: &str, message: &str) -> Self {
        let envelope = json!({"code": code, "error": error, "msg": message, "data": null});
        Self::Note { status, kind: JSON, retry_after: None, text: envelope.to_string() }
    }

    /// An empty window answered as a success; `data` is null or an empty list.
    pub(super) fn nothing(code: &Value, data: &Value) -> Self {
        let envelope = json!({"code": code, "error": null, "msg": "0 records were found", "data": data});
        Self::Note { status: 200, kind: JSON, retry_after: None, text: envelope.to_string() }
    }

    /// A page made for people.
    pub(super) fn page(status: u16, title: &str) -> Self {
        let text = format!("<!DOCTYPE html>\n<html><head><title>{title}</title></head><body>{title}</body></html>\n");
        Self::Note { status, kind: HTML, retry_after: None, text }
    }

    /// Asks the caller to come again `after`.
    pub(super) fn come_again(mut self, after: Duration) -> Self {
        if let Self::Note { retry_after, .. } = &mut self {
            *retry_after = Some(after);
        }
        self
    }

    /// Sends it; `slot` ends when the last of it is made.
    pub(super) fn into_response(self, slot: Slot) -> Response<Body> {
        match self {
            Self::Note { status, kind, retry_after, text } => {
                drop(slot);
                let mut response = Response::new(Body::from(text));
                *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
                if let Some(after) = retry_after {
                    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(after.as_secs()));
                }
                response
            }
            Self::Rows(mut sheet, cut) => {
                sheet.slot = Some(slot);
                rows(*sheet, cut)
            }
        }
    }
}

/// `code` as the configuration wants it written.
pub(super) fn written(code: u16, style: Code, seed: u64, ordinal: u64) -> Value {
    let as_text = match style {
        Code::Number => false,
        Code::Text => true,
        Code::Mixed => generator(seed ^ 0xC0DE, ordinal).random(),
    };
    if as_text { json!(code.to_string()) } else { json!(code) }
}

impl Cut {
    /// One of the ways, by seed and request, and the share of rows that come first.
    pub(super) fn draw(seed: u64, ordinal: u64) -> (Self, f64) {
        let mut random = generator(seed ^ 0x0C07, ordinal);
        let cut = match random.random_range(0..3u8) {
            0 => Self::Short,
            1 => Self::Broken,
            _ => Self::Whole,
        };
        (cut, random.random())
    }
}

/// A body of JSON chunks.
pub(super) fn rows(sheet: Sheet, cut: Option<Cut>) -> Response<Body> {
    let chunks = stream::iter(sheet);
    let body = if matches!(cut, Some(Cut::Short | Cut::Broken)) {
        let broken = stream::once(async {
            tokio::time::sleep(FLUSH).await;
            Err(io::Error::new(io::ErrorKind::ConnectionReset, "cut off by seed"))
        });
        Body::from_stream(chunks.chain(broken))
    } else {
        Body::from_stream(chunks)
    };
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    if cut == Some(Cut::Short) {
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(PROMISED));
    }
    response
}
