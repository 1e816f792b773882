//! HTTP answers: a short text, or a stream of rows that is never whole in memory.

use super::body::{Cut, RowStream, streamed, text_body};
use super::log::Slot;
use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use serde_json::Value;
use std::time::Duration;

/// One answer, not yet sent.
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: AnswerBody,
    cut: Option<Cut>,
}

enum AnswerBody {
    Text(String),
    Rows(Box<dyn RowStream>),
}

const JSON: &str = "application/json";
const HTML: &str = "text/html; charset=utf-8";
/// More bytes than any answer has.
const PROMISED: u64 = 1 << 40;

impl Answer {
    /// A text of some type.
    pub(crate) fn text(status: u16, content_type: &'static str, text: impl Into<String>) -> Self {
        Self::of(status, content_type, AnswerBody::Text(text.into()))
    }

    /// JSON.
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::text(status, JSON, body.to_string())
    }

    /// A web page for people.
    pub(crate) fn page(status: u16, title: &str) -> Self {
        let text = format!("<!DOCTYPE html>\n<html><head><title>{title}</title></head><body>{title}</body></html>\n");
        Self::text(status, HTML, text)
    }

    /// HTTP 200 with a stream of rows.
    pub(crate) fn rows(content_type: &'static str, rows: impl RowStream + 'static) -> Self {
        Self::of(200, content_type, AnswerBody::Rows(Box::new(rows)))
    }

    /// Adds a header; a value that HTTP does not permit is left out.
    pub(crate) fn header(mut self, name: HeaderName, value: &str) -> Self {
        self.headers.extend(HeaderValue::from_str(value).ok().map(|value| (name, value)));
        self
    }

    /// Adds `Retry-After`, in whole seconds.
    pub(crate) fn retry_after(self, wait: Duration) -> Self {
        self.header(RETRY_AFTER, &wait.as_secs().to_string())
    }

    /// Lets the body end too early, in the way `cut` and after `share` (0 to 1) of it. A cut text lacks
    /// at least its last byte.
    pub(crate) fn cut(mut self, cut: Cut, share: f64) -> Self {
        match &mut self.body {
            AnswerBody::Text(text) => {
                let length = crate::random::share_of(text.len(), share).clamp(1, text.len().saturating_sub(1).max(1));
                text.truncate(text.floor_char_boundary(length));
            }
            AnswerBody::Rows(rows) => rows.cut_after(share),
        }
        self.cut = Some(cut);
        self
    }

    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    /// As an HTTP response. The slot ends just before the last byte is sent, so that a caller who sends the next
    /// request after it never has two in flight.
    pub(super) fn into_response(self, slot: Slot) -> Response<Body> {
        let body = match self.body {
            AnswerBody::Text(text) => {
                slot.add(0, text.len());
                drop(slot);
                text_body(text, self.cut)
            }
            AnswerBody::Rows(rows) => streamed(rows, self.cut, slot),
        };
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or_default();
        response.headers_mut().extend(self.headers);
        if self.cut == Some(Cut::Short) {
            response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(PROMISED));
        }
        response
    }

    fn of(status: u16, content_type: &'static str, body: AnswerBody) -> Self {
        let headers = vec![(CONTENT_TYPE, HeaderValue::from_static(content_type))];
        Self { status, headers, body, cut: None }
    }
}
