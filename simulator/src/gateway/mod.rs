//! The gateway that all simulated vendors share: it counts requests in flight, checks limits, draws faults, keeps the
//! request log, sends answers and serves the control routes. A vendor implements `VendorRequest`.

mod answer;
mod body;
mod control;
mod deletions;
mod faults;
mod limits;
mod log;
mod request;
mod rule;
mod switches;

pub(crate) use answer::Answer;
pub(crate) use body::{CHUNK, Chunk, Cut, RowStream};
pub(crate) use control::{ControlQuery, QueryError, control_routes};
pub(crate) use deletions::Deletions;
pub use deletions::RowNumber;
pub(crate) use faults::Fault;
pub use faults::Faults;
pub use limits::Limits;
pub use log::{Breach, RequestRecord};
pub use request::RequestFacts;
pub(crate) use request::{Arrival, Chance, ErrorAnswer, Reply, VendorRequest, Violation};
pub use rule::Rule;
pub(crate) use switches::Switches;

use crate::calendar::AsOf;
use axum::body::Body;
use axum::http::Response;
use chrono::{DateTime, Utc};
use domain::clock::Clock;
use faults::roll;
use limits::Throttle;
use log::{RequestLog, Slot};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;

/// The entrance of one simulated vendor.
pub struct Gateway {
    clock: Arc<dyn Clock>,
    seed: u64,
    started: DateTime<Utc>,
    log: Arc<RequestLog>,
    frozen_at: Mutex<Option<DateTime<Utc>>>,
    deletions: Arc<Deletions>,
    tasks: TaskTracker,
}

impl Gateway {
    pub(crate) fn new(seed: u64, clock: Arc<dyn Clock>) -> Self {
        let started = clock.now();
        Self {
            clock,
            seed,
            started,
            log: Arc::default(),
            frozen_at: Mutex::default(),
            deletions: Arc::default(),
            tasks: TaskTracker::new(),
        }
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// When the simulator started.
    pub(crate) fn started(&self) -> DateTime<Utc> {
        self.started
    }

    pub(crate) fn breaches(&self) -> Vec<Breach> {
        self.log.breaches()
    }

    pub(crate) fn requests(&self) -> Vec<RequestRecord> {
        self.log.requests()
    }

    pub(crate) fn most_in_flight(&self) -> u32 {
        self.log.most_in_flight()
    }

    /// Stops the dataset at this instant. A second call changes nothing.
    pub(crate) fn freeze(&self) {
        self.frozen_at().get_or_insert_with(|| self.clock.now());
    }

    /// When the dataset was stopped.
    pub(crate) fn frozen(&self) -> Option<DateTime<Utc>> {
        *self.frozen_at()
    }

    /// The instant as of which the dataset is read at `now`: `now`, or the freeze.
    pub(crate) fn as_of(&self, now: DateTime<Utc>) -> AsOf {
        let frozen = self.frozen();
        AsOf { at: frozen.map_or(now, |frozen| now.min(frozen)), frozen: frozen.is_some() }
    }

    /// The rows that users have deleted, for the vendor's dataset.
    pub(crate) fn deletions(&self) -> &Arc<Deletions> {
        &self.deletions
    }

    /// Records breaches that belong to no request, under the number of a webhook delivery.
    pub(crate) fn breach(&self, ordinal: u64, violation: &Violation) {
        self.log.breach((ordinal, self.now()), [violation]);
    }

    /// Runs `work` until its end, whether or not the caller waits.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(work);
    }

    /// Waits until no request is in flight and no work is running.
    pub(crate) async fn idle(&self) {
        self.tasks.close();
        self.tasks.wait().await;
        self.tasks.reopen();
    }

    /// Handles a request from its arrival to its answer.
    pub(crate) async fn handle(&self, request: impl VendorRequest) -> Response<Body> {
        let facts = request.facts();
        let (arrival, slot) = self.log.arrive(&self.clock, self.tasks.token(), facts.clone(), request.limits());
        let reply = match &arrival.throttle {
            Some(throttle) => self.throttled(&request, &arrival, throttle),
            None => self.judged(&request, &arrival, facts.key),
        };
        slot.answer(reply.answer.status(), reply.outcome, (reply.matched, reply.rows));
        if request.stops_on_hang_up() {
            drop(request);
            tokio::time::sleep(reply.latency).await;
            return reply.answer.into_response(slot);
        }
        drop(request);
        self.send(reply, slot).await
    }

    fn throttled(&self, request: &impl VendorRequest, arrival: &Arrival, throttle: &Throttle) -> Reply {
        let wait = throttle.wait();
        let answer = request.error(arrival, ErrorAnswer::Throttled(wait)).retry_after(wait);
        // Without a breach the request crossed the 429 that closed the key.
        let Some((rule, detail)) = throttle.breach() else { return Reply::new(answer, Duration::ZERO, "crossed") };
        self.refused(arrival, vec![Violation::new(rule, detail, answer)])
            .unwrap_or_else(|| Reply::new(Answer::page(429, ""), Duration::ZERO, rule.name()))
    }

    fn judged(&self, request: &impl VendorRequest, arrival: &Arrival, key: Option<usize>) -> Reply {
        let violations = request.violations(arrival);
        // A request that breaks a rule meets no fault besides.
        let clean = violations.is_empty();
        if let Some(reply) = self.refused(arrival, violations) {
            return reply;
        }
        let Some(faults) = request.faults().filter(|_| clean) else {
            return request.answer(arrival, Chance { fault: None, roll: None });
        };
        let mut roll = roll(self.seed, arrival.ordinal);
        match faults.draw(&mut roll) {
            None => request.answer(arrival, Chance { fault: None, roll: Some(roll) }),
            Some(fault) => self.faulty(request, arrival, (key, fault, faults)),
        }
    }

    /// Records the violations, and gives the answer to the first that has one.
    fn refused(&self, arrival: &Arrival, violations: Vec<Violation>) -> Option<Reply> {
        self.log.breach((arrival.ordinal, arrival.at), &violations);
        let first = violations.into_iter().find_map(|it| Some((it.rule, it.answer?)));
        first.map(|(rule, answer)| Reply::new(answer, Duration::ZERO, rule.name()))
    }

    fn faulty(
        &self,
        request: &impl VendorRequest,
        arrival: &Arrival,
        (key, fault, faults): (Option<usize>, Fault, &Faults),
    ) -> Reply {
        let latency = request.latency();
        let error = |answer: Answer| Reply::new(answer, latency, fault.name());
        let answer = || request.answer(arrival, Chance { fault: Some(fault), roll: None });
        match fault {
            Fault::Throttle => {
                let now = self.clock.elapsed();
                let real = faults.real_wait.unwrap_or(faults.retry_after);
                let real = self.log.close_key(key.unwrap_or_default(), now, latency, real);
                let stated = if faults.real_wait.is_some() { faults.retry_after } else { real };
                error(request.error(arrival, ErrorAnswer::Throttled(stated)).retry_after(stated))
            }
            Fault::Server => error(request.error(arrival, ErrorAnswer::Internal)),
            Fault::Html => error(request.error(arrival, ErrorAnswer::WebPage)),
            Fault::Gateway => {
                let lost = answer();
                Reply::new(Answer::page(504, "504 Gateway Time-out"), lost.latency, fault.name())
            }
            Fault::Cut => {
                let whole = answer();
                let (cut, share) = Cut::draw(self.seed, arrival.ordinal);
                Reply { answer: whole.answer.cut(cut, share), outcome: fault.name(), rows: 0, ..whole }
            }
            Fault::Slow => {
                let prompt = answer();
                let latency = prompt.latency.saturating_add(faults.slow_for);
                Reply { latency, outcome: fault.name(), ..prompt }
            }
        }
    }

    /// Sends the answer from a task: the handler's future is dropped when the caller hangs up, but the vendor works on
    /// and the key stays busy until it has finished.
    async fn send(&self, reply: Reply, slot: Slot) -> Response<Body> {
        let Reply { answer, latency, read_within, .. } = reply;
        let (sender, receiver) = oneshot::channel();
        self.tasks.spawn(async move {
            tokio::time::sleep(latency).await;
            // Where the caller has hung up, answer and slot are dropped here.
            let _ = sender.send((answer, slot));
        });
        let Ok((answer, slot)) = receiver.await else { return Response::new(Body::empty()) };
        if let Some(left) = read_within {
            self.tasks.spawn(slot.give_up_after(left));
        }
        answer.into_response(slot)
    }

    fn frozen_at(&self) -> MutexGuard<'_, Option<DateTime<Utc>>> {
        self.frozen_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Gateway").field("seed", &self.seed).finish_non_exhaustive()
    }
}
