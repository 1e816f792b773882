//! One slice, asked for until its last summary: ask → send → read.

use crate::http::Http;
use crate::lease_guard::LeaseGuard;
use domain::clock::Clock;
use domain::fault::Fault;
use domain::job::Slice;
use domain::source::{Cursor, Reader, ResponseSummary, Source};
use entities::rows::RowBatch;
use std::time::Duration;
use storage::lanes::claim::Claim;
use tokio::sync::mpsc::Sender;
use tracing::{Instrument, info_span};

/// What one exchange is made with.
pub struct Exchange<'a> {
    /// Whom to ask.
    pub source: &'a dyn Source<RowBatch>,
    /// The way out.
    pub http: &'a Http,
    /// For measuring.
    pub clock: &'a dyn Clock,
    /// The turn on the lane.
    pub lease: &'a LeaseGuard<'a>,
    /// Where rows go as they come.
    pub rows: Sender<RowBatch>,
}

/// What came of it.
pub struct ExchangeResult {
    /// All steps together, or why nothing came back.
    pub summary: Result<ResponseSummary, Fault>,
    /// From the first question to the last byte.
    pub elapsed: Duration,
    /// How many requests were sent.
    pub requests: u64,
    /// Whether the vendor is known to have ended its work.
    pub idle: bool,
}

impl Exchange<'_> {
    /// Asks until the answer names no further cursor. `None` where the turn was over before anything was sent. When it
    /// returns no more rows come.
    ///
    /// # Errors
    /// None: whoever stores the rows at the same time may have some.
    pub async fn run<E>(self, claimed: &Claim) -> Result<Option<ExchangeResult>, E> {
        Ok(self.send_all(claimed).await)
    }

    async fn send_all(&self, claimed: &Claim) -> Option<ExchangeResult> {
        let mut started = None;
        let mut result = ExchangeResult {
            summary: Ok(ResponseSummary::default()),
            elapsed: Duration::ZERO,
            requests: 0,
            idle: true,
        };
        let mut cursor = None;
        loop {
            if !self.lease.comes().await || !self.lease.is_long_enough(self.source.rules().timeout).await {
                return None;
            }
            let started = *started.get_or_insert_with(|| self.clock.elapsed());
            result.requests += 1;
            let answer = self.summary(claimed, cursor.as_ref()).await;
            result.elapsed = self.clock.elapsed().saturating_sub(started);
            match answer {
                Ok(summary) => {
                    cursor.clone_from(&summary.cursor);
                    result.summary = result.summary.map(|all| join(all, summary));
                }
                Err((fault, idle)) => {
                    result.summary = Err(fault);
                    result.idle = idle;
                    // The rows that came before are good, but without the rest they prove nothing.
                    return Some(result);
                }
            }
            if cursor.is_none() {
                return Some(result);
            }
        }
    }

    async fn summary(&self, claimed: &Claim, cursor: Option<&Cursor>) -> Result<ResponseSummary, (Fault, bool)> {
        let (stream, slice): (&str, &Slice) = (&claimed.stream.stream, &claimed.job.slice);
        let known = |fault| (fault, true);
        let request = info_span!("ask").in_scope(|| self.source.ask(stream, slice, cursor)).map_err(known)?;
        let mut reader = self.source.reader(stream, slice, cursor).map_err(known)?;
        let sending = self.http.send(&request, self.source.rules().timeout, claimed.now);
        let mut reply = sending.instrument(info_span!("send")).await?;
        let reading = async {
            while let Some(chunk) = reply.chunk().await? {
                if let Err(fault) = reader.feed(reply.head, chunk.as_ref()) {
                    // What is left is result out, not read: then the vendor is known to have ended its work.
                    while reply.chunk().await?.is_some() {}
                    return Err((fault, true));
                }
                self.hand_over(reader.as_mut()).await;
            }
            let summary = reader.finish(reply.head).map_err(|fault| {
                // A gateway that gave up waiting says nothing of the vendor behind it.
                let is_over = !matches!(fault, Fault::TimedOut(_));
                (fault, is_over)
            })?;
            self.hand_over(reader.as_mut()).await;
            Ok(summary)
        };
        reading.instrument(info_span!("read")).await
    }

    /// Passes on what has been read; waits while storing is slower than reading, so that memory stays bounded. Where
    /// nobody takes rows any more, storing has failed, which is told elsewhere.
    async fn hand_over(&self, reader: &mut dyn Reader<RowBatch>) {
        while let Some(batch) = reader.take() {
            let _ = self.rows.send(batch).await;
        }
    }
}

fn join(mut all: ResponseSummary, summary: ResponseSummary) -> ResponseSummary {
    all.rows += summary.rows;
    all.rejects.extend(summary.rejects);
    all.items.extend(summary.items);
    all.awaited |= summary.awaited;
    all.item_status = summary.item_status.or(all.item_status);
    all
}
