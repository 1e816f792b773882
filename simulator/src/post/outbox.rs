//! What is to be told, what waits for its time, and what has been told.

use super::delivery::{Delivery, Kind, Reply, Sent};
use super::event::{Event, Fate, Shares};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, HashSet};

/// The webhooks of one vendor, whose events are `E`s.
pub(crate) struct Outbox<E> {
    seed: u64,
    /// What will happen, by time and id.
    upcoming: BTreeMap<(DateTime<Utc>, String), E>,
    /// What waits for its time, by it and by a number that tells equals apart.
    waiting: BTreeMap<(DateTime<Utc>, u64), Parcel<E>>,
    /// Deliveries handed out and not answered yet.
    out: HashSet<u64>,
    events: Vec<Event>,
    sent: Vec<Sent>,
    parcels: u64,
    deliveries: u64,
}

/// A delivery as its vendor writes it.
pub(crate) struct Written {
    pub(crate) events: Vec<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) astray: bool,
}

/// An event that can be told.
pub(crate) trait Telling: Clone {
    fn id(&self) -> &str;
    fn at(&self) -> DateTime<Utc>;
    fn subject(&self) -> String;
    fn action(&self) -> &'static str;
}

enum Parcel<E> {
    Fresh(E, Kind),
    Again(Delivery),
}

impl<E: Telling> Outbox<E> {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            upcoming: BTreeMap::new(),
            waiting: BTreeMap::new(),
            out: HashSet::new(),
            events: Vec::new(),
            sent: Vec::new(),
            parcels: 0,
            deliveries: 0,
        }
    }

    /// `event` will happen, or has just happened.
    pub(crate) fn expect(&mut self, event: E) {
        self.upcoming.insert((event.at(), event.id().to_owned()), event);
    }

    /// What has happened by `now` is told, as `shares` will have it.
    pub(crate) fn happen(&mut self, now: DateTime<Utc>, shares: &Shares) {
        while let Some(first) = self.upcoming.first_entry() {
            if first.key().0 > now {
                return;
            }
            let event = first.remove();
            let (fate, later) = shares.fate(self.seed, event.id());
            let at = event.at();
            self.events.push(Event {
                id: event.id().to_owned(),
                at,
                subject: event.subject(),
                action: event.action(),
                fate,
            });
            if shares.is_forged(self.seed, event.id()) {
                self.wait(at, Parcel::Fresh(event.clone(), Kind::Forged));
            }
            match fate {
                Fate::Lost => {}
                Fate::Told => self.wait(at, Parcel::Fresh(event, Kind::Genuine)),
                Fate::Late => self.wait(at + later, Parcel::Fresh(event, Kind::Genuine)),
                Fate::Twice => {
                    self.wait(at, Parcel::Fresh(event.clone(), Kind::Genuine));
                    self.wait(at + later, Parcel::Fresh(event, Kind::Duplicate));
                }
            }
        }
    }

    /// What is due by `now`, in order. `size` says how many events of a kind delivery number so-and-so takes at most.
    pub(crate) fn take(
        &mut self,
        now: DateTime<Utc>,
        size: impl Fn(u64) -> usize,
        write: impl Fn(u64, &[E], Kind) -> Written,
    ) -> Vec<Delivery> {
        let mut due = Vec::new();
        let mut bag: Option<(Kind, Vec<E>)> = None;
        while let Some(first) = self.waiting.first_entry() {
            if first.key().0 > now {
                break;
            }
            match (first.remove(), &mut bag) {
                (Parcel::Again(delivery), _) => {
                    self.out.insert(delivery.number);
                    due.push(delivery);
                }
                (Parcel::Fresh(event, kind), Some((same, bagged)))
                    if *same == kind && bagged.len() < size(self.deliveries + 1) =>
                {
                    bagged.push(event);
                }
                (Parcel::Fresh(event, kind), _) => {
                    due.extend(bag.replace((kind, vec![event])).map(|full| self.close(full, &write)));
                }
            }
        }
        due.extend(bag.map(|full| self.close(full, &write)));
        due
    }

    /// A delivery of `events` besides what is due.
    pub(crate) fn extra(&mut self, events: Vec<E>, write: impl Fn(u64, &[E], Kind) -> Written) -> Delivery {
        self.close((Kind::Genuine, events), &write)
    }

    /// Writes down how `delivery` was answered. A genuine one that was not taken is tried again, some times.
    pub(crate) fn answered(
        &mut self,
        delivery: &Delivery,
        reply: &Reply,
        (taken, now): (bool, DateTime<Utc>),
        shares: &Shares,
    ) {
        let Delivery { number, kind, attempt, .. } = *delivery;
        self.out.remove(&number);
        let events = delivery.events.clone();
        self.sent.push(Sent { number, events, kind, attempt, at: now, status: reply.status });
        if kind == Kind::Genuine && !taken && attempt <= shares.retries {
            let again = Delivery { attempt: attempt + 1, ..delivery.clone() };
            self.wait(now + shares.wait_before(attempt + 1), Parcel::Again(again));
        }
    }

    /// What is on its way, waits for its time or is to be tried again.
    pub(crate) fn unfinished(&self) -> usize {
        self.waiting.len() + self.out.len()
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.events.clone()
    }

    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.sent.clone()
    }

    fn wait(&mut self, until: DateTime<Utc>, parcel: Parcel<E>) {
        self.parcels += 1;
        self.waiting.insert((until, self.parcels), parcel);
    }

    fn close(&mut self, (kind, events): (Kind, Vec<E>), write: &impl Fn(u64, &[E], Kind) -> Written) -> Delivery {
        self.deliveries += 1;
        let number = self.deliveries;
        self.out.insert(number);
        let Written { events, headers, body, astray } = write(number, &events, kind);
        Delivery { number, events, kind, attempt: 1, headers, body, astray }
    }
}
