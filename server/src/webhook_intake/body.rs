//! Reads the bodies of webhooks: each within a size and a time, and all of them together within a bound of memory.

use crate::connections::Connection;
use crate::problem::Problem;
use axum::body::BodyDataStream;
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use futures::StreamExt as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

/// The largest body that is read; a larger one is answered with 413. Vendors send some KiB.
const MAX_BODY_BYTES: usize = 256 << 10;
/// The most bytes of unproven bodies in memory at once.
const BUDGET_BYTES: usize = 16 << 20;
/// The time in which a body must arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// The wait that a vendor is asked for when the memory is in use.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// The memory that bodies may take.
pub(super) struct BodyBudget {
    /// One permit for each byte.
    bytes: Semaphore,
}

impl Default for BodyBudget {
    fn default() -> Self {
        Self { bytes: Semaphore::new(BUDGET_BYTES) }
    }
}

/// A whole body, and its share of the memory.
pub(super) struct WholeBody<'a> {
    bytes: Vec<u8>,
    share: Option<SemaphorePermit<'a>>,
}

impl WholeBody<'_> {
    /// The bytes as they arrived.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Refuses a body that declares to be too large, before any of it is read.
///
/// # Errors
/// 413.
pub(super) fn check_declared_length(headers: &HeaderMap) -> Result<(), Problem> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let is_too_large = length.is_some_and(|length| length > MAX_BODY_BYTES as u64);
    if is_too_large { Err(Problem::too_large(MAX_BODY_BYTES)) } else { Ok(()) }
}

impl BodyBudget {
    /// Reads the request's body.
    ///
    /// # Errors
    /// 413 where the body is too large, 408 where it is too slow, 400 where it breaks off, 503 where other bodies take all the
    /// memory.
    pub(super) async fn read(&self, request: Request) -> Result<WholeBody<'_>, Problem> {
        // While the client sends, its connection may make room for another one.
        let _sending = request.extensions().get::<Arc<Connection>>().map(Connection::reading_body);
        let reading = self.collect(request.into_body().into_data_stream());
        tokio::time::timeout(BODY_TIMEOUT, reading).await.unwrap_or_else(|_| Err(Problem::body_timeout(BODY_TIMEOUT)))
    }

    async fn collect(&self, mut chunks: BodyDataStream) -> Result<WholeBody<'_>, Problem> {
        let mut body = WholeBody { bytes: Vec::new(), share: None };
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|_| Problem::bad_request("the body broke off"))?;
            if body.bytes.len() + chunk.len() > MAX_BODY_BYTES {
                return Err(Problem::too_large(MAX_BODY_BYTES));
            }
            self.take(&mut body, chunk.len())?;
            body.bytes.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// Takes the memory for `length` bytes more.
    fn take<'a>(&'a self, body: &mut WholeBody<'a>, length: usize) -> Result<(), Problem> {
        let permit = u32::try_from(length).ok().and_then(|length| self.bytes.try_acquire_many(length).ok());
        let Some(permit) = permit else {
            let problem = Problem::unavailable("too many webhooks arrive at once; send this one again");
            return Err(problem.with_retry_after(RETRY_AFTER));
        };
        match &mut body.share {
            Some(share) => share.merge(permit),
            None => body.share = Some(permit),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{BUDGET_BYTES, BodyBudget, MAX_BODY_BYTES};
    use axum::body::Body;
    use axum::extract::Request;

    #[tokio::test]
    async fn all_bodies_together_take_a_bounded_memory() {
        let budget = BodyBudget::default();
        let full = || budget.read(Request::new(Body::from(vec![0; MAX_BODY_BYTES])));
        let mut bodies = Vec::new();
        for _ in 0..BUDGET_BYTES / MAX_BODY_BYTES {
            bodies.push(full().await.expect("memory for a body"));
        }
        assert!(budget.read(Request::new(Body::from("x"))).await.is_err(), "the memory is in use");
        bodies.pop();
        assert_eq!(full().await.expect("the memory of the body that is gone").bytes().len(), MAX_BODY_BYTES);
    }
}
