//! Bodies of answers, chunk by chunk, and the ways in which they end too early.

use super::log::Slot;
use crate::random::generator;
use axum::body::{Body, Bytes};
use futures::{Stream, StreamExt, stream};
use rand::Rng;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Rows on their way out.
pub(crate) trait RowStream: Iterator<Item = io::Result<Chunk>> + Send {
    /// Keeps only the first rows, by their `share` (0 to 1), and breaks off inside the next one.
    fn cut_after(&mut self, share: f64);
}

/// A piece of a body.
pub(crate) struct Chunk {
    pub(crate) bytes: Bytes,
    /// Rows in it that the log is to add to those of the request.
    pub(crate) rows: usize,
}

/// How a body ends too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// `Content-Length` promises more than comes; then the connection closes.
    Short,
    /// The connection closes without the last chunk.
    Broken,
    /// HTTP is complete; the text inside is not.
    Truncated,
    /// Nothing more comes, and the connection stays open until the caller hangs up.
    Stalled,
}

/// The chunks of an answer, with its request in flight until the last of them.
struct Sending {
    rows: Box<dyn RowStream>,
    next: Option<io::Result<Chunk>>,
    slot: Option<Arc<Slot>>,
}

/// The size from which on a chunk is sent.
pub(crate) const CHUNK: usize = 64 * 1024;
/// How long a body that is cut off waits before it breaks, so that the bytes before have left.
const FLUSH: Duration = Duration::from_millis(20);
const SALT: u64 = 0x0C07;

impl Cut {
    /// The way in which the answer to request `ordinal` ends, and the share of it that comes first.
    pub(super) fn draw(seed: u64, ordinal: u64) -> (Self, f64) {
        let mut random = generator(seed ^ SALT, ordinal);
        let cut = match random.random_range(0..3u8) {
            0 => Self::Short,
            1 => Self::Broken,
            _ => Self::Truncated,
        };
        (cut, random.random())
    }

    fn closes_connection(self) -> bool {
        matches!(self, Self::Short | Self::Broken)
    }
}

/// A text.
pub(super) fn text_body(text: String, cut: Option<Cut>) -> Body {
    match cut {
        Some(cut) if cut.closes_connection() => {
            Body::from_stream(stream::iter([Ok(Bytes::from(text))]).chain(connection_reset()))
        }
        _ => Body::from(text),
    }
}

/// A stream of rows. Its request is in flight until the last chunk, or until the caller hangs up where the body stalls.
pub(super) fn streamed(mut rows: Box<dyn RowStream>, cut: Option<Cut>, slot: Slot) -> Body {
    let slot = Arc::new(slot);
    let next = rows.next();
    let mut sending = Sending { rows, next, slot: Some(Arc::clone(&slot)) };
    let chunks = stream::iter(std::iter::from_fn(move || sending.step()));
    match cut {
        Some(Cut::Stalled) => Body::from_stream(chunks.chain(silence(slot))),
        Some(cut) if cut.closes_connection() => Body::from_stream(chunks.chain(connection_reset())),
        _ => Body::from_stream(chunks),
    }
}

impl Sending {
    fn step(&mut self) -> Option<io::Result<Bytes>> {
        if self.slot.as_ref().is_some_and(|slot| slot.has_ended()) {
            self.slot = None;
            self.next = None;
            return Some(Err(io::Error::new(io::ErrorKind::TimedOut, "the caller read too slowly")));
        }
        let chunk = self.next.take();
        if let (Some(Ok(chunk)), Some(slot)) = (&chunk, &self.slot) {
            slot.add(chunk.rows, chunk.bytes.len());
        }
        if matches!(chunk, Some(Ok(_))) {
            self.next = self.rows.next();
        }
        if self.next.is_none() {
            // Before the caller has the last chunk.
            self.slot = None;
        }
        chunk.map(|chunk| chunk.map(|chunk| chunk.bytes))
    }
}

/// Never ends; the request stays in flight until the caller hangs up.
fn silence(slot: Arc<Slot>) -> impl Stream<Item = io::Result<Bytes>> {
    stream::once(async move {
        let _in_flight = slot;
        std::future::pending().await
    })
}

fn connection_reset() -> impl Stream<Item = io::Result<Bytes>> {
    stream::once(async {
        tokio::time::sleep(FLUSH).await;
        Err(io::Error::new(io::ErrorKind::ConnectionReset, "the body is cut off"))
    })
}
