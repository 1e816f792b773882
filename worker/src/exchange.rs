//! One slice, asked for until its last step: ask → send → read.

use crate::http::Http;
use crate::turn::Turn;
use domain::clock::Clock;
use domain::fault::Fault;
use domain::source::{Cursor, Reader, Source, Step};
use domain::want::Slice;
use entities::lanes::Claimed;
use entities::upsert::Batch;
use std::time::Duration;
use tokio::sync::mpsc::Sender;
use tracing::{Instrument, info_span};

/// What one exchange is made with.
pub struct Line<'a> {
    /// Whom to ask.
    pub source: &'a dyn Source<Batch>,
    /// The way out.
    pub http: &'a Http,
    /// For measuring.
    pub clock: &'a dyn Clock,
    /// The turn on the lane.
    pub turn: &'a Turn<'a>,
    /// Where rows go as they come.
    pub rows: Sender<Batch>,
}

/// What came of it.
pub struct Heard {
    /// All steps together, or why nothing came back.
    pub step: Result<Step, Fault>,
    /// From the first question to the last byte.
    pub elapsed: Duration,
    /// How many requests were sent.
    pub requests: u64,
    /// Whether the vendor is known to have ended its work.
    pub idle: bool,
}

impl Line<'_> {
    /// Asks until the answer names no further cursor. `None` where the turn was over before anything was sent. When it
    /// returns no more rows come.
    ///
    /// # Errors
    /// None: whoever stores the rows at the same time may have some.
    pub async fn ask<E>(self, claimed: &Claimed) -> Result<Option<Heard>, E> {
        Ok(self.exchange(claimed).await)
    }

    async fn exchange(&self, claimed: &Claimed) -> Option<Heard> {
        let mut started = None;
        let mut heard = Heard { step: Ok(Step::default()), elapsed: Duration::ZERO, requests: 0, idle: true };
        let mut cursor = None;
        loop {
            if !self.turn.comes().await || !self.turn.is_long_enough(self.source.rules().timeout).await {
                return None;
            }
            let started = *started.get_or_insert_with(|| self.clock.elapsed());
            heard.requests += 1;
            let answer = self.step(claimed, cursor.as_ref()).await;
            heard.elapsed = self.clock.elapsed().saturating_sub(started);
            match answer {
                Ok(step) => {
                    cursor.clone_from(&step.cursor);
                    heard.step = heard.step.map(|all| join(all, step));
                }
                Err((fault, idle)) => {
                    heard.step = Err(fault);
                    heard.idle = idle;
                    // The rows that came before are good, but without the rest they prove nothing.
                    return Some(heard);
                }
            }
            if cursor.is_none() {
                return Some(heard);
            }
        }
    }

    async fn step(&self, claimed: &Claimed, cursor: Option<&Cursor>) -> Result<Step, (Fault, bool)> {
        let (stream, slice): (&str, &Slice) = (&claimed.stream.stream, &claimed.want.slice);
        let known = |fault| (fault, true);
        let request = info_span!("ask").in_scope(|| self.source.ask(stream, slice, cursor)).map_err(known)?;
        let mut reader = self.source.reader(stream, slice, cursor).map_err(known)?;
        let sending = self.http.send(&request, self.source.rules().timeout, claimed.now);
        let mut reply = sending.instrument(info_span!("send")).await?;
        let reading = async {
            while let Some(chunk) = reply.chunk().await? {
                if let Err(fault) = reader.feed(reply.head, chunk.as_ref()) {
                    // What is left is heard out, not read: then the vendor is known to have ended its work.
                    while reply.chunk().await?.is_some() {}
                    return Err((fault, true));
                }
                self.hand_over(reader.as_mut()).await;
            }
            let step = reader.finish(reply.head).map_err(|fault| {
                // A gateway that gave up waiting says nothing of the vendor behind it.
                let is_over = !matches!(fault, Fault::TimedOut(_));
                (fault, is_over)
            })?;
            self.hand_over(reader.as_mut()).await;
            Ok(step)
        };
        reading.instrument(info_span!("read")).await
    }

    /// Passes on what has been read; waits while storing is slower than reading, so that memory stays bounded. Where
    /// nobody takes rows any more, storing has failed, which is told elsewhere.
    async fn hand_over(&self, reader: &mut dyn Reader<Batch>) {
        while let Some(batch) = reader.take() {
            let _ = self.rows.send(batch).await;
        }
    }
}

fn join(mut all: Step, step: Step) -> Step {
    all.rows += step.rows;
    all.rejects.extend(step.rejects);
    all.leads.extend(step.leads);
    all.awaited |= step.awaited;
    all.found = step.found.or(all.found);
    all
}
