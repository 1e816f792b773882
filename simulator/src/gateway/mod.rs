//! What the APIs of Truora and Treble have in common: keys, a rate, a width, faults, and a record of all of it.

mod answer;
mod faults;
mod limit;
mod record;

pub(crate) use answer::Answer;
pub use faults::Faults;
pub use limit::Limits;
pub use record::{Breach, Kind, Seen};

use axum::body::Body;
use axum::http::Response;
use chrono::{DateTime, Utc};
use domain::clock::Clock;
use faults::Fault;
use limit::Over;
use record::{Record, Slot};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;

/// Where requests come in.
pub(crate) struct Gateway {
    clock: Arc<dyn Clock>,
    seed: u64,
    record: Arc<Record>,
    tasks: TaskTracker,
}

/// A request, as far as the gateway looks at it.
pub(crate) struct Call {
    /// The place of the good key that it came with, or what is said to one without.
    pub(crate) key: Result<usize, Answer>,
    /// Path and query.
    pub(crate) path: String,
}

/// How the vendor is set when a request arrives.
pub(crate) struct Terms {
    pub(crate) limits: Limits,
    pub(crate) faults: Faults,
    /// The body of each 429.
    pub(crate) throttled: Value,
    /// The body of each 500.
    pub(crate) broken: Value,
}

/// When a request came, and the how-manieth it was.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) ordinal: u64,
    pub(crate) at: DateTime<Utc>,
}

/// What a request that broke no rule is answered with.
pub(crate) struct Page {
    pub(crate) answer: Answer,
    pub(crate) rows: usize,
    pub(crate) outcome: &'static str,
}

/// A rule that was broken, and what the vendor says to it.
pub(crate) struct Refused {
    pub(crate) kind: Kind,
    pub(crate) detail: String,
    pub(crate) answer: Answer,
}

impl Gateway {
    pub(crate) fn new(seed: u64, clock: Arc<dyn Clock>) -> Self {
        Self { clock, seed, record: Arc::default(), tasks: TaskTracker::new() }
    }

    /// What was asked and broken.
    pub(crate) fn record(&self) -> &Record {
        &self.record
    }

    /// Waits until nothing is under way.
    pub(crate) async fn idle(&self) {
        self.tasks.close();
        self.tasks.wait().await;
        self.tasks.reopen();
    }

    /// Treats a request from its arrival to its answer: key, then rate and width, then what `work` makes of it, and a
    /// fault only where no rule was broken.
    pub(crate) async fn answered(
        &self,
        call: Call,
        terms: &Terms,
        work: impl FnOnce(Arrival) -> Result<Page, Refused>,
    ) -> Response<Body> {
        let good = call.key.as_ref().ok().copied();
        let (arrival, over, slot) = self.record.arrive(&self.clock, good, call.path, &terms.limits);
        let (page, time) = match (call.key, over) {
            (Err(answer), _) => {
                let refused = Refused { kind: Kind::BadKey, detail: String::from("no good key"), answer };
                (self.refuse(arrival, refused), Duration::ZERO)
            }
            (Ok(_), Some(over)) => (self.hold_back(arrival, &over, &terms.throttled), Duration::ZERO),
            (Ok(key), None) => self.admitted(arrival, key, terms, work),
        };
        slot.answered(page.answer.status, page.outcome, page.rows);
        self.send_off(page.answer, time, slot).await
    }

    fn hold_back(&self, arrival: Arrival, over: &Over, throttled: &Value) -> Page {
        let answer = Answer::json(429, throttled).come_again(over.wait());
        match over.breach() {
            Some((kind, detail)) => self.refuse(arrival, Refused { kind, detail, answer }),
            // It was on its way when the answer to another told its caller to wait.
            None => Page { answer, rows: 0, outcome: "crossed" },
        }
    }

    fn refuse(&self, arrival: Arrival, refused: Refused) -> Page {
        self.record.broken(arrival, refused.kind, refused.detail);
        Page { answer: refused.answer, rows: 0, outcome: refused.kind.name() }
    }

    fn admitted(
        &self,
        arrival: Arrival,
        key: usize,
        terms: &Terms,
        work: impl FnOnce(Arrival) -> Result<Page, Refused>,
    ) -> (Page, Duration) {
        let mut time = terms.limits.latency;
        let made = match work(arrival) {
            Ok(page) => page,
            Err(refused) => return (self.refuse(arrival, refused), time),
        };
        let Some(fault) = terms.faults.draw(self.seed, arrival.ordinal) else { return (made, time) };
        let answer = match fault {
            Fault::Throttle => {
                let wait = self.record.shut(key, self.clock.elapsed(), time, terms.faults.retry_after);
                Answer::json(429, &terms.throttled).come_again(wait)
            }
            Fault::Server => Answer::json(500, &terms.broken),
            Fault::Html => Answer::page(200, "Sign in"),
            Fault::Gateway => Answer::page(504, "504 Gateway Time-out"),
            Fault::Cut => made.answer.cut_off(self.seed, arrival.ordinal),
            Fault::Slow => {
                time = time.saturating_add(terms.faults.slow_for);
                made.answer
            }
        };
        let rows = if fault == Fault::Slow { made.rows } else { 0 };
        (Page { answer, rows, outcome: fault.name() }, time)
    }

    /// In a task of its own: who hangs up drops what waits here, but the vendor works on until it is through.
    async fn send_off(&self, answer: Answer, time: Duration, slot: Slot) -> Response<Body> {
        let (sender, receiver) = oneshot::channel();
        self.tasks.spawn(async move {
            tokio::time::sleep(time).await;
            drop(slot);
            let _ = sender.send(answer);
        });
        match receiver.await {
            Ok(answer) => answer.into_response(),
            Err(_) => Response::new(Body::empty()),
        }
    }
}

impl Page {
    /// A note without rows.
    pub(crate) fn note(status: u16, body: &Value, outcome: &'static str) -> Self {
        Self { answer: Answer::json(status, body), rows: 0, outcome }
    }
}
