//! An exchange: all requests of one job, from the first to the last page.

use crate::http::Http;
use crate::lease_guard::LeaseGuard;
use crate::rate_limit::RateLimit;
use chrono::{DateTime, TimeDelta, Utc};
use domain::clock::Clock;
use domain::clock_skew::VendorClock;
use domain::exchange_budget::{ExchangeBudget, ExchangeUsage};
use domain::fault::Fault;
use domain::slice::Slice;
use domain::source::{Cursor, Reader, ResponseSummary, Source};
use domain::watchdog::Progress;
use entities::rows::RowBatch;
use std::collections::BTreeSet;
use std::time::Duration;
use storage::lanes::claim::Claim;
use tokio::sync::mpsc::Sender;
use tracing::{Instrument, info_span};
use xxhash_rust::xxh3::xxh3_128;

/// The inputs of one exchange.
pub struct Exchange<'a> {
    /// The account's source.
    pub source: &'a dyn Source<RowBatch>,
    /// The HTTP client.
    pub http: &'a Http,
    /// The clock that measures the exchange.
    pub clock: &'a dyn Clock,
    /// The instant of the claim by `clock`.
    pub claimed_at: Duration,
    /// The lease on the lane's slot.
    pub lease: &'a LeaseGuard<'a>,
    /// Smooths this process' own requests on the lane; `None` if the lane has no rate.
    pub rate: Option<&'a RateLimit>,
    /// Receives the rows as they are parsed.
    pub rows: Sender<RowBatch>,
    /// Receives a note of each page and of each batch of rows.
    pub progress: &'a dyn Progress,
}

/// The result of one exchange.
pub struct ExchangeResult {
    /// The summaries of all responses together, or the fault that ended the exchange.
    pub summary: Result<ResponseSummary, Fault>,
    /// The time from the first request to the last byte.
    pub elapsed: Duration,
    /// The number of requests sent.
    pub requests: u64,
    /// Whether the vendor is known to have finished.
    pub idle: bool,
    /// The vendor's clock, if the responses state it.
    pub vendor_clock: Option<VendorClock>,
}

/// What one response tells beside its rows.
#[derive(Default)]
struct ResponseFacts {
    /// The vendor's time, and how long after the claim the response began.
    date: Option<(DateTime<Utc>, Duration)>,
    /// The bytes of the body, after decompression.
    bytes: u64,
}

impl Exchange<'_> {
    /// Sends requests until a response names no further cursor. `None` if the lease ended or the lane closed before a
    /// request; rows sent so far then do not count. The row channel closes when this returns.
    ///
    /// # Errors
    /// None. The error type is that of the task that stores the rows and runs beside this one.
    pub async fn run<E>(self, claim: &Claim) -> Result<Option<ExchangeResult>, E> {
        Ok(self.send_all(claim).await)
    }

    async fn send_all(&self, claim: &Claim) -> Option<ExchangeResult> {
        let mut started = None;
        let mut result = ExchangeResult {
            summary: Ok(ResponseSummary::default()),
            elapsed: Duration::ZERO,
            requests: 0,
            idle: true,
            vendor_clock: None,
        };
        let mut cursor = None;
        let mut cursors = BTreeSet::new();
        let mut bytes = 0;
        loop {
            self.note_progress();
            if !self.lease.wait_for_send_time(self.progress).await {
                return None;
            }
            if let Some(rate) = self.rate {
                rate.wait().await;
            }
            if !self.lease.outlasts(self.source.rules().timeout).await {
                return None;
            }
            self.note_progress();
            let started = *started.get_or_insert_with(|| self.clock.elapsed());
            result.requests += 1;
            let mut facts = ResponseFacts::default();
            let answer = self.send_one(claim, cursor.as_ref(), &mut facts).await;
            bytes += facts.bytes;
            result.vendor_clock = later_clock(result.vendor_clock, facts.date, claim.now);
            result.elapsed = self.clock.elapsed().saturating_sub(started);
            match answer {
                Ok(summary) => {
                    cursor.clone_from(&summary.cursor);
                    result.summary = result.summary.map(|total| add(total, summary));
                }
                Err((fault, idle)) => {
                    result.summary = Err(numbered(fault, result.requests));
                    result.idle = idle;
                    // The rows of earlier pages stay stored, but without the rest they cover nothing.
                    return Some(result);
                }
            }
            let Some(Cursor(next)) = &cursor else { return Some(result) };
            if !cursors.insert(xxh3_128(next.as_bytes())) {
                let fault = "the vendor named a page as the next one that it had named before";
                result.summary = Err(Fault::Malformed(fault.to_owned()));
                return Some(result);
            }
            if let Ok(summary) = &mut result.summary {
                let items = summary.items.len() as u64;
                let usage = ExchangeUsage { pages: result.requests, bytes, time: result.elapsed, items };
                if self.is_over_budget(&claim.job.slice, &usage) {
                    summary.is_over_budget = true;
                    return Some(result);
                }
            }
        }
    }

    /// Notes that the exchange moves. It does so again when a batch of rows has been taken or the page has ended: at the latest
    /// when the time limit of the request has passed.
    fn note_progress(&self) {
        let rules = self.source.rules();
        self.progress.expect_within(rules.lease + rules.timeout);
    }

    /// Whether the exchange has read as much as one exchange may, and its window can be cut instead.
    fn is_over_budget(&self, slice: &Slice, usage: &ExchangeUsage) -> bool {
        let rules = self.source.rules();
        ExchangeBudget::of(rules).is_some_and(|budget| budget.is_spent(usage))
            && slice.window().is_some_and(|window| rules.halves(window).is_some())
    }

    /// Sends one request and parses its response. On a fault, also returns whether the vendor is known to have
    /// finished. `facts` receives what the response tells beside its rows, also before a fault.
    async fn send_one(
        &self,
        claim: &Claim,
        cursor: Option<&Cursor>,
        facts: &mut ResponseFacts,
    ) -> Result<ResponseSummary, (Fault, bool)> {
        let (stream, slice): (&str, &Slice) = (&claim.stream.stream, &claim.job.slice);
        let before_sending = |fault| (fault, true);
        let request =
            info_span!("request").in_scope(|| self.source.request(stream, slice, cursor)).map_err(before_sending)?;
        let mut reader = self.source.reader(stream, slice, cursor).map_err(before_sending)?;
        let sending = self.http.send(&request, self.source.rules().timeout, claim.now);
        let mut response = sending.instrument(info_span!("send")).await?;
        facts.date = response.head.date.map(|date| (date, self.clock.elapsed().saturating_sub(self.claimed_at)));
        let reading = async {
            while let Some(chunk) = response.chunk().await? {
                facts.bytes = response.bytes();
                if let Err(fault) = reader.feed(response.head, chunk.as_ref()) {
                    let idle = response.skip().await?;
                    return Err((fault, idle));
                }
                self.forward(reader.as_mut()).await;
            }
            let summary = reader.finish(response.head).map_err(|fault| {
                // A gateway that timed out does not show whether the vendor behind it has finished.
                let idle = !matches!(fault, Fault::TimedOut(_));
                (fault, idle)
            })?;
            self.forward(reader.as_mut()).await;
            Ok(summary)
        };
        reading.instrument(info_span!("read")).await
    }

    /// Forwards the parsed rows. It waits while storing is slower than parsing, so that memory stays bounded. A closed
    /// channel means that storing failed; the storing task returns that error.
    async fn forward(&self, reader: &mut dyn Reader<RowBatch>) {
        while let Some(batch) = reader.take() {
            let _ = self.rows.send(batch).await;
            self.note_progress();
        }
    }
}

/// The fault of the job's answer with this number. The size of a page means little without the page.
fn numbered(fault: Fault, answer: u64) -> Fault {
    match fault {
        Fault::TooLarge(text) => Fault::TooLarge(format!("answer {answer} of this job: {text}")),
        fault => fault,
    }
}

/// The vendor's clock after a response with this `date`, which began that long after `claimed_at`.
fn later_clock(
    before: Option<VendorClock>,
    date: Option<(DateTime<Utc>, Duration)>,
    claimed_at: DateTime<Utc>,
) -> Option<VendorClock> {
    let Some((date, since_claim)) = date else { return before };
    let clock = VendorClock::new(date, claimed_at + TimeDelta::from_std(since_claim).unwrap_or_default());
    Some(before.map_or(clock, |before| before.and(clock)))
}

/// The summary of two consecutive responses.
fn add(mut total: ResponseSummary, summary: ResponseSummary) -> ResponseSummary {
    total.rows += summary.rows;
    total.rejects.extend(summary.rejects);
    total.items.extend(summary.items);
    total.by_mail |= summary.by_mail;
    total.item_status = summary.item_status.or(total.item_status);
    total
}
