//! The queue of deliveries: events to come, deliveries that wait for their time, and attempts that are over.

use super::delivery::{Delivery, DeliveryAttempt, Origin, WebhookReply};
use super::event::{DeliveryPlan, Event, WebhookFaults};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, HashSet};

/// The deliveries of one vendor, whose events are `E`s.
pub(super) struct DeliveryQueue<E> {
    seed: u64,
    /// Events to come, by time and id.
    upcoming: BTreeMap<(DateTime<Utc>, String), E>,
    /// Deliveries that wait, by their time and a number that separates equal times.
    waiting: BTreeMap<(DateTime<Utc>, u64), Waiting<E>>,
    /// Numbers of deliveries that were handed out and have no reply yet.
    in_flight: HashSet<u64>,
    events: Vec<Event>,
    attempts: Vec<DeliveryAttempt>,
    entries: u64,
    deliveries: u64,
}

/// A delivery as its vendor writes it.
pub(crate) struct WebhookBody {
    pub(crate) events: Vec<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) wrong_address: bool,
}

/// An event that a webhook reports.
pub(crate) trait OutboxEvent: Clone + Send {
    fn id(&self) -> &str;
    fn at(&self) -> DateTime<Utc>;
    fn subject(&self) -> String;
    fn action(&self) -> &'static str;
}

enum Waiting<E> {
    First(E, Origin),
    Retry(Delivery),
}

impl<E: OutboxEvent> DeliveryQueue<E> {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            upcoming: BTreeMap::new(),
            waiting: BTreeMap::new(),
            in_flight: HashSet::new(),
            events: Vec::new(),
            attempts: Vec::new(),
            entries: 0,
            deliveries: 0,
        }
    }

    /// Adds an event that will happen or has just happened.
    pub(super) fn expect(&mut self, event: E) {
        self.upcoming.insert((event.at(), event.id().to_owned()), event);
    }

    /// Queues the deliveries of all events up to `now`.
    pub(super) fn advance(&mut self, now: DateTime<Utc>, faults: &WebhookFaults) {
        while let Some(first) = self.upcoming.first_entry() {
            if first.key().0 > now {
                return;
            }
            let event = first.remove();
            let (plan, later) = faults.plan(self.seed, event.id());
            let at = event.at();
            self.events.push(Event {
                id: event.id().to_owned(),
                at,
                subject: event.subject(),
                action: event.action(),
                delivery: plan,
            });
            if faults.is_forged(self.seed, event.id()) {
                self.wait(at, Waiting::First(event.clone(), Origin::Forged));
            }
            match plan {
                DeliveryPlan::Lost => {}
                DeliveryPlan::OnTime => self.wait(at, Waiting::First(event, Origin::Genuine)),
                DeliveryPlan::Late => self.wait(at + later, Waiting::First(event, Origin::Genuine)),
                DeliveryPlan::Twice => {
                    self.wait(at, Waiting::First(event.clone(), Origin::Genuine));
                    self.wait(at + later, Waiting::First(event, Origin::Duplicate));
                }
            }
        }
    }

    /// Takes the deliveries that are due at `now`, in order. `max_batch` gives the most events in a delivery by its
    /// number.
    pub(super) fn take_due(
        &mut self,
        now: DateTime<Utc>,
        max_batch: impl Fn(u64) -> usize,
        write: impl Fn(u64, &[E], Origin) -> WebhookBody,
    ) -> Vec<Delivery> {
        let mut due = Vec::new();
        let mut batch: Option<(Origin, Vec<E>)> = None;
        while let Some(first) = self.waiting.first_entry() {
            if first.key().0 > now {
                break;
            }
            match (first.remove(), &mut batch) {
                (Waiting::Retry(delivery), _) => {
                    self.in_flight.insert(delivery.number);
                    due.push(delivery);
                }
                (Waiting::First(event, origin), Some((same, events)))
                    if *same == origin && events.len() < max_batch(self.deliveries + 1) =>
                {
                    events.push(event);
                }
                (Waiting::First(event, origin), _) => {
                    due.extend(batch.replace((origin, vec![event])).map(|full| self.seal(full, &write)));
                }
            }
        }
        due.extend(batch.map(|full| self.seal(full, &write)));
        due
    }

    /// A genuine delivery of one event, beside those that are due.
    pub(super) fn extra(&mut self, event: E, write: impl Fn(u64, &[E], Origin) -> WebhookBody) -> Delivery {
        self.seal((Origin::Genuine, vec![event]), &write)
    }

    /// Records the reply to a delivery. A genuine one that was not accepted is tried again, some times.
    pub(super) fn record(
        &mut self,
        delivery: &Delivery,
        reply: &WebhookReply,
        (accepted, now): (bool, DateTime<Utc>),
        faults: &WebhookFaults,
    ) {
        let Delivery { number, origin, attempt, .. } = *delivery;
        self.in_flight.remove(&number);
        let events = delivery.events.clone();
        self.attempts.push(DeliveryAttempt { number, events, origin, attempt, at: now, status: reply.status });
        if origin == Origin::Genuine && !accepted && attempt <= faults.retries {
            let retry = Delivery { attempt: attempt + 1, ..delivery.clone() };
            self.wait(now + faults.wait_before(attempt + 1), Waiting::Retry(retry));
        }
    }

    pub(super) fn pending(&self) -> usize {
        self.waiting.len() + self.in_flight.len()
    }

    pub(super) fn events(&self) -> Vec<Event> {
        self.events.clone()
    }

    pub(super) fn attempts(&self) -> Vec<DeliveryAttempt> {
        self.attempts.clone()
    }

    fn wait(&mut self, until: DateTime<Utc>, entry: Waiting<E>) {
        self.entries += 1;
        self.waiting.insert((until, self.entries), entry);
    }

    fn seal(
        &mut self,
        (origin, events): (Origin, Vec<E>),
        write: &impl Fn(u64, &[E], Origin) -> WebhookBody,
    ) -> Delivery {
        self.deliveries += 1;
        let number = self.deliveries;
        self.in_flight.insert(number);
        let WebhookBody { events, headers, body, wrong_address } = write(number, &events, origin);
        Delivery { number, events, origin, attempt: 1, headers, body, wrong_address }
    }
}
