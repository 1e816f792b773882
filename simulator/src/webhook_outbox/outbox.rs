//! The outbox of a vendor: it follows the dataset and hands out the webhooks that are due.

use super::delivery::{Delivery, DeliveryAttempt, Origin, WebhookReply};
use super::event::{Event, WebhookFaults};
use super::queue::{DeliveryQueue, OutboxEvent, WebhookBody};
use crate::calendar::just_after;
use crate::sender::{WebhookSender, start_sender};
use crate::vendor::SimulatedVendor;
use chrono::{DateTime, TimeDelta, Utc};
use domain::window::Window;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// A simulated vendor that posts webhooks.
pub trait WebhookVendor: Send + Sync {
    /// The deliveries due at `now`, for a caller that posts them itself; each is handed out once. The caller reports
    /// each reply to [`WebhookVendor::record_reply`].
    fn deliveries_due(&self, now: DateTime<Utc>) -> Vec<Delivery>;

    /// Records the reply to a delivery. A genuine delivery that the receiver did not accept is tried again.
    fn record_reply(&self, delivery: &Delivery, reply: &WebhookReply);

    /// The path at convosync that receives the webhooks of `account`.
    fn webhook_path(&self, account: &str) -> String;

    /// Posts deliveries to `url` as they become due, four at a time, until `stopping`.
    ///
    /// # Errors
    /// Where `url` is not on loopback.
    fn send_webhooks(&self, url: &str, stopping: CancellationToken) -> io::Result<WebhookSender>;

    /// Genuine deliveries for a load test, each with one event and an event id of its own, about items that exist; none
    /// where there are no items. They are not among [`WebhookVendor::events`].
    fn burst(&self, deliveries: usize) -> Vec<Delivery>;

    /// The events since the start of the simulator, lost ones included, in order.
    fn events(&self) -> Vec<Event>;

    /// The attempts that have a reply or were given up, in order.
    fn attempts(&self) -> Vec<DeliveryAttempt>;

    /// Deliveries that are in flight, wait for their time or are to be tried again. Events since the last call of
    /// [`WebhookVendor::deliveries_due`] are not among them.
    fn pending_deliveries(&self) -> usize;

    /// Replaces the faults of webhooks, from the next event on.
    fn set_webhook_faults(&self, faults: WebhookFaults);
}

/// The webhooks of one vendor, whose events are `E`s.
pub(crate) struct WebhookOutbox<E>(Mutex<Progress<E>>);

struct Progress<E> {
    queue: DeliveryQueue<E>,
    /// Items that begin before this instant have their events in the queue.
    scanned_until: Option<DateTime<Utc>>,
    bursts: u64,
}

/// What a vendor adds to the outbox: its events and how it writes them.
pub(crate) trait EventSource: SimulatedVendor + Clone + 'static {
    type Event: OutboxEvent;

    fn outbox(&self) -> &WebhookOutbox<Self::Event>;

    fn webhook_faults(&self) -> WebhookFaults;

    fn replace_webhook_faults(&self, faults: WebhookFaults);

    /// The path at convosync that receives the webhooks of `account`.
    fn path(&self, account: &str) -> String;

    /// How long the vendor waits for a reply.
    fn reply_timeout(&self) -> Duration;

    /// All events, past and future, of the items that begin in `window`.
    fn events_of_items(&self, window: Window) -> Vec<Self::Event>;

    /// The longest time between the begin of an item and its last event.
    fn longest_lifecycle(&self) -> TimeDelta;

    /// Events for up to `count` deliveries of burst number `burst`, about items that exist.
    fn burst_events(&self, count: usize, burst: u64) -> Vec<Self::Event>;

    /// The most events in a delivery, by its number.
    fn max_batch(&self, _delivery: u64) -> usize {
        1
    }

    /// Writes a delivery by its number.
    fn write(&self, delivery: u64, events: &[Self::Event], origin: Origin) -> WebhookBody;

    /// Whether the vendor takes the reply as success. Records a breach where its rules say so.
    fn accepts(&self, delivery: &Delivery, reply: &WebhookReply) -> bool;
}

impl<E: OutboxEvent> WebhookOutbox<E> {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new(Progress { queue: DeliveryQueue::new(seed), scanned_until: None, bursts: 0 }))
    }

    fn lock(&self) -> MutexGuard<'_, Progress<E>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<E: OutboxEvent> Progress<E> {
    /// Queues the events of items that began since the last scan; the first scan covers all items that may still have
    /// an event.
    fn scan(&mut self, source: &impl EventSource<Event = E>, now: DateTime<Utc>) {
        let started = source.gateway().started();
        let from = self.scanned_until.unwrap_or(started - source.longest_lifecycle());
        let until = just_after(now);
        let Some(window) = Window::new(from, until) else { return };
        self.scanned_until = Some(until);
        let events = source.events_of_items(window).into_iter().filter(|event| event.at() >= started);
        events.for_each(|event| self.queue.expect(event));
    }
}

impl<V: EventSource> WebhookVendor for V {
    fn webhook_path(&self, account: &str) -> String {
        self.path(account)
    }

    fn deliveries_due(&self, now: DateTime<Utc>) -> Vec<Delivery> {
        let faults = self.webhook_faults();
        let mut progress = self.outbox().lock();
        let as_of = self.gateway().as_of(now).at;
        progress.scan(self, as_of);
        progress.queue.advance(as_of, &faults);
        let write = |number, events: &[V::Event], origin| self.write(number, events, origin);
        progress.queue.take_due(now, |number| self.max_batch(number), write)
    }

    fn record_reply(&self, delivery: &Delivery, reply: &WebhookReply) {
        let verdict = (self.accepts(delivery, reply), self.gateway().now());
        self.outbox().lock().queue.record(delivery, reply, verdict, &self.webhook_faults());
    }

    fn send_webhooks(&self, url: &str, stopping: CancellationToken) -> io::Result<WebhookSender> {
        start_sender(self.clone(), url, stopping)
    }

    fn burst(&self, deliveries: usize) -> Vec<Delivery> {
        let mut progress = self.outbox().lock();
        progress.bursts += 1;
        let events = self.burst_events(deliveries, progress.bursts);
        let write = |number, events: &[V::Event], origin| self.write(number, events, origin);
        events.into_iter().map(|event| progress.queue.extra(event, write)).collect()
    }

    fn events(&self) -> Vec<Event> {
        self.outbox().lock().queue.events()
    }

    fn attempts(&self) -> Vec<DeliveryAttempt> {
        self.outbox().lock().queue.attempts()
    }

    fn pending_deliveries(&self) -> usize {
        self.outbox().lock().queue.pending()
    }

    fn set_webhook_faults(&self, faults: WebhookFaults) {
        self.replace_webhook_faults(faults);
    }
}
