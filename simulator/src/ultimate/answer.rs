//! What the vendor answers, in bytes.

use super::draw::generator;
use super::faults::Fault;
use super::record::Slot;
use super::sheet::Sheet;
use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, Response, StatusCode};
use chrono::NaiveDate;
use futures::{Stream, StreamExt, stream};
use rand::Rng;
use serde_json::{Map, json};
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// One answer, not yet sent.
pub(super) enum Answer {
    /// Small and whole.
    Note { status: u16, kind: &'static str, retry_after: Option<Duration>, text: String, cut: Option<Cut> },
    /// A file, its content type, and how the body is cut off if it is.
    File(Box<Sheet>, &'static str, Option<Cut>),
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
    /// Nothing more comes, and the connection stays open until the caller hangs up.
    Stalled,
}

/// How long a cut-off answer waits before it breaks, so that what was written has left.
const FLUSH: Duration = Duration::from_millis(20);
const JSON: &str = "application/json; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const XML: &str = "application/xml; charset=UTF-8";
/// More than any answer has.
const PROMISED: u64 = 1 << 40;

impl Answer {
    fn note(status: u16, kind: &'static str, text: String) -> Self {
        Self::Note { status, kind, retry_after: None, text, cut: None }
    }

    /// A few words, as a gateway says them.
    pub(super) fn text(status: u16, words: &str) -> Self {
        Self::note(status, TEXT, words.to_owned())
    }

    /// A message in JSON.
    pub(super) fn json(status: u16, message: &str) -> Self {
        Self::note(status, JSON, json!({"statusCode": status, "message": message}).to_string())
    }

    /// An error of the host of the files.
    pub(super) fn xml(status: u16, code: &str, message: &str) -> Self {
        let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
        Self::note(status, XML, format!("{head}\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"))
    }

    /// A page made for people.
    pub(super) fn page(status: u16, title: &str) -> Self {
        let text = format!("<!DOCTYPE html>\n<html><head><title>{title}</title></head><body>{title}</body></html>\n");
        Self::note(status, HTML, text)
    }

    /// The list of a day's files, under `key`.
    pub(super) fn list(key: &str, day: Option<NaiveDate>, urls: &[String]) -> Self {
        let mut list = Map::new();
        list.insert("date".to_owned(), json!(day));
        list.insert(key.to_owned(), json!(urls));
        Self::note(200, JSON, json!(list).to_string())
    }

    /// The answer where something goes wrong instead of the right one; `None` where that comes all the same.
    pub(super) fn disturbed(fault: Fault, retry_after: Duration, of_files: bool) -> Option<Self> {
        match fault {
            Fault::Throttle if of_files => Some(Self::xml(429, "SlowDown", "Reduce your rate").come_again(retry_after)),
            Fault::Throttle => Some(Self::text(429, "Too Many Requests").come_again(retry_after)),
            Fault::Server if of_files => Some(Self::xml(500, "InternalError", "We had an internal error")),
            Fault::Server => Some(Self::text(500, "Internal Server Error")),
            Fault::Html => Some(Self::page(200, "Ultimate")),
            Fault::Cut | Fault::Slow | Fault::Stall => None,
        }
    }

    /// Asks the caller to come again `after`.
    pub(super) fn come_again(mut self, after: Duration) -> Self {
        if let Self::Note { retry_after, .. } = &mut self {
            *retry_after = Some(after);
        }
        self
    }

    /// Cut off in `way`, after this share of a note; a file is told by its sheet where it breaks.
    pub(super) fn cut(mut self, way: Cut, share: f64) -> Self {
        match &mut self {
            Self::Note { text, cut, .. } => {
                // Never its last byte: a text without that is never whole.
                let length =
                    Duration::from_secs(u64::try_from(text.len()).unwrap_or_default()).mul_f64(share).as_secs();
                let length = usize::try_from(length).unwrap_or_default().clamp(1, text.len().saturating_sub(1).max(1));
                text.truncate((0..=length).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default());
                *cut = Some(way);
            }
            Self::File(_, _, cut) => *cut = Some(way),
        }
        self
    }

    pub(super) fn status(&self) -> u16 {
        match self {
            Self::Note { status, .. } => *status,
            Self::File(..) => 200,
        }
    }

    /// Sends it; `slot` ends when the last of it is made.
    pub(super) fn into_response(self, slot: Slot) -> Response<Body> {
        match self {
            Self::Note { status, kind, retry_after, text, cut } => {
                slot.sent(0, text.len());
                drop(slot);
                let mut response = match cut {
                    None => Response::new(Body::from(text)),
                    cut => sent(stream::iter([Ok(Bytes::from(text))]), cut),
                };
                *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
                if let Some(after) = retry_after {
                    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(after.as_secs()));
                }
                response
            }
            Self::File(mut sheet, kind, cut) => {
                let slot = Arc::new(slot);
                sheet.slot = Some(Arc::clone(&slot));
                let mut response = match cut {
                    Some(Cut::Stalled) => Response::new(Body::from_stream(stalled(*sheet, slot))),
                    cut => sent(stream::iter(*sheet), cut),
                };
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
                response
            }
        }
    }
}

impl Cut {
    /// One of the ways, by seed and request, and the share that comes first.
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

/// What there is of a file, and then silence; the request stays under way as long as someone listens.
fn stalled(sheet: Sheet, slot: Arc<Slot>) -> impl Stream<Item = io::Result<Bytes>> {
    let silence = stream::once(async move {
        let _under_way = slot;
        std::future::pending().await
    });
    stream::iter(sheet).chain(silence)
}

fn sent(chunks: impl Stream<Item = io::Result<Bytes>> + Send + 'static, cut: Option<Cut>) -> Response<Body> {
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
    if cut == Some(Cut::Short) {
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(PROMISED));
    }
    response
}
