//! Treble: polls, their sessions, the sessions' histories, and webhooks. What it does is told in the crate's README.

mod config;
mod control;
mod hook;
mod list;
mod report;
mod routes;
mod session;
mod spelled;
mod story;
mod truth;

pub use config::{Config, Order, Times};
pub use session::{Held, Message, Poll, Session};

use crate::gateway::{Arrival, Breach, Faults, Gateway, Kind, Seen};
use crate::post::{self, Delivery, Event, Outbox, Reply, Sent, Shares};
use crate::sender::{Hooked, Sender, Sending};
use axum::Router;
use chrono::{DateTime, TimeDelta, Utc};
use domain::clock::Clock;
use domain::window::Window;
use hook::Happening;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use truth::Truth;

/// A simulated Treble. A clone is the same one.
#[derive(Clone)]
pub struct Treble {
    inside: Arc<Inside>,
}

struct Inside {
    clock: Arc<dyn Clock>,
    config: Mutex<Config>,
    truth: Truth,
    gateway: Gateway,
    started: DateTime<Utc>,
    frozen_at: Mutex<Option<DateTime<Utc>>>,
    outbox: Mutex<Post>,
}

struct Post {
    outbox: Outbox<Happening>,
    /// Sessions that are made before it have been looked at.
    looked_until: Option<DateTime<Utc>>,
    bursts: u64,
}

impl Treble {
    /// One that lives by `clock`. Live sessions and webhooks begin now.
    #[must_use]
    pub fn new(config: Config, clock: Arc<dyn Clock>) -> Self {
        let started = clock.now();
        let inside = Inside {
            truth: Truth::new(&config, started),
            gateway: Gateway::new(config.seed, Arc::clone(&clock)),
            outbox: Mutex::new(Post { outbox: Outbox::new(config.seed), looked_until: None, bursts: 0 }),
            config: Mutex::new(config),
            started,
            frozen_at: Mutex::default(),
            clock,
        };
        Self { inside: Arc::new(inside) }
    }

    /// `GET /poll/api/all`, `/devapi/poll/{poll_id}/sessions` and `/devapi/session/{session_id}/history`, and the
    /// control routes below `/simulator/`.
    pub fn router(&self) -> Router {
        routes::router(self.clone())
    }

    /// All polls; the places that [`Config::failing_polls`] counts are theirs here.
    #[must_use]
    pub fn polls(&self) -> Vec<Poll> {
        self.inside.truth.polls.clone()
    }

    /// The sessions that were made in `window`, their messages, and all polls, as they are now.
    #[must_use]
    pub fn truth(&self, window: Window) -> Held {
        let now = self.seen_at(self.now());
        let truth = &self.inside.truth;
        let mut held = Held { polls: truth.polls.clone(), ..Held::default() };
        for key in truth.of_all(window, now) {
            let course = truth.course(key);
            held.sessions.push(course.as_of(now));
            held.messages.extend(course.said(now));
        }
        held
    }

    /// How many sessions [`Treble::truth`] would give.
    #[must_use]
    pub fn count(&self, window: Window) -> usize {
        self.inside.truth.of_all(window, self.seen_at(self.now())).len()
    }

    /// The report of the sessions of `window` as a CSV file.
    #[must_use]
    pub fn sessions_csv(&self, window: Window) -> Vec<u8> {
        let now = self.seen_at(self.now());
        let truth = &self.inside.truth;
        let courses: Vec<_> = truth.of_all(window, now).into_iter().map(|key| truth.course(key)).collect();
        report::file(&courses, now)
    }

    /// What is due to be posted by `now`, for a caller who posts it himself; each delivery is handed out once.
    /// [`Treble::answered`] is to be told how it went.
    #[must_use]
    pub fn deliveries_due(&self, now: DateTime<Utc>) -> Vec<Delivery> {
        let config = self.config();
        let mut post = self.post();
        self.look(&mut post, self.seen_at(now));
        post.outbox.happen(self.seen_at(now), &config.shares);
        let truth = &self.inside.truth;
        post.outbox.take(now, |_| 1, |number, happenings, kind| truth.write(number, happenings, kind))
    }

    /// Tells how a delivery was answered. "Reply within 5 s with a valid JSON body": what is answered otherwise breaks
    /// a rule, unless it was forged. A genuine one that nobody took comes again; that nobody was there breaks no rule.
    pub fn answered(&self, delivery: &Delivery, reply: &Reply) {
        let now = self.now();
        let Config { shares, patience, .. } = self.config();
        let is_object = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&reply.body).is_ok();
        let in_time = reply.took < patience;
        let taken = reply.is_success() && is_object && in_time;
        let was_there = reply.status.is_some() || !in_time;
        if !taken && was_there && delivery.kind != post::Kind::Forged {
            let status = reply.status.map_or_else(|| String::from("nothing"), |status| status.to_string());
            let detail = format!("{status} after {:?}, JSON object: {is_object}", reply.took);
            let arrival = Arrival { ordinal: delivery.number, at: now };
            self.inside.gateway.record().broken(arrival, Kind::BadReply, detail);
        }
        self.post().outbox.answered(delivery, reply, (taken, now), &shares);
    }

    /// Posts what comes due to `url`, four at a time, until `stopping`.
    ///
    /// # Errors
    /// Where `url` is not on loopback.
    pub fn send_webhooks(&self, url: &str, stopping: CancellationToken) -> io::Result<Sending> {
        Ok(Sender::new(url)?.start(self.clone(), stopping))
    }

    /// `most` genuine deliveries, each of one event of its own, of sessions of the last days that have closed; some of
    /// one session, where there are not so many. They are not among [`Treble::events`].
    #[must_use]
    pub fn burst(&self, most: usize) -> Vec<Delivery> {
        let truth = &self.inside.truth;
        let now = self.seen_at(self.now());
        let recent = Window::new(now - truth.longest_course() * 2, now + TimeDelta::milliseconds(1));
        let keys = recent.map(|recent| truth.of_all(recent, now)).unwrap_or_default();
        let ended = keys.into_iter().filter_map(|key| {
            let at = truth.course(key).session.finished_at.filter(|at| *at <= now)?;
            Some((key, at))
        });
        let ended: Vec<_> = ended.collect();
        let mut post = self.post();
        post.bursts += 1;
        let burst = post.bursts;
        let chosen = ended.iter().cycle().take(if ended.is_empty() { 0 } else { most }).zip(0u64..);
        let made = chosen.map(|((key, at), place)| {
            let id = truth.event_id(&format!("burst{burst}.{place}"));
            let happening = Happening { id, at: *at, key: *key, action: "session.close" };
            post.outbox.extra(vec![happening], |number, happenings, kind| truth.write(number, happenings, kind))
        });
        made.collect()
    }

    /// What has happened since the simulator's start and was to be told, lost or not, in order.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.post().outbox.events()
    }

    /// Each try of each delivery that was answered or given up, in order.
    #[must_use]
    pub fn sent(&self) -> Vec<Sent> {
        self.post().outbox.sent()
    }

    /// Deliveries that are on their way, wait for their time or are to be tried again. What has happened since
    /// deliveries were last asked for is not among them.
    #[must_use]
    pub fn unsent(&self) -> usize {
        self.post().outbox.unfinished()
    }

    /// Each rule broken, in order.
    #[must_use]
    pub fn breaches(&self) -> Vec<Breach> {
        self.inside.gateway.record().breaches()
    }

    /// Each request, in order of arrival.
    #[must_use]
    pub fn requests(&self) -> Vec<Seen> {
        self.inside.gateway.record().seen()
    }

    /// The most requests ever under way at once on one key.
    #[must_use]
    pub fn most_in_flight(&self) -> u32 {
        self.inside.gateway.record().most_in_flight()
    }

    /// Stops truth at this instant: what is open stays so. Webhooks of what has happened still come. A second call
    /// changes nothing.
    pub fn freeze(&self) {
        self.frozen_at().get_or_insert_with(|| self.inside.clock.now());
    }

    /// Waits until the vendor works on no request, also not for callers who have hung up.
    pub async fn idle(&self) {
        self.inside.gateway.idle().await;
    }

    /// Changes what goes wrong from the next request on.
    pub fn set_faults(&self, faults: Faults) {
        self.edit().faults = faults;
    }

    /// Changes what goes wrong with webhooks, from the next event on.
    pub fn set_shares(&self, shares: Shares) {
        self.edit().shares = shares;
    }

    /// Changes which keys are good from the next request on. A key is known by its place.
    pub fn set_keys(&self, keys: Vec<String>) {
        self.edit().keys = keys;
    }

    /// Enters the moments to come of sessions that were made since it last looked, the first time of all to which
    /// something may still happen.
    fn look(&self, post: &mut Post, now: DateTime<Utc>) {
        let Inside { truth, started, .. } = &*self.inside;
        let from = post.looked_until.unwrap_or(*started - truth.longest_course());
        // A window counts days by the millisecond, and is to hold `now` still.
        let until = now + TimeDelta::milliseconds(1);
        let Some(window) = Window::new(from, until) else { return };
        post.looked_until = Some(until);
        for key in truth.of_all(window, until) {
            truth.happenings(key).into_iter().filter(|it| it.at >= *started).for_each(|it| post.outbox.expect(it));
        }
    }

    fn config(&self) -> Config {
        self.edit().clone()
    }

    fn edit(&self) -> MutexGuard<'_, Config> {
        self.inside.config.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn post(&self) -> MutexGuard<'_, Post> {
        self.inside.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn frozen_at(&self) -> MutexGuard<'_, Option<DateTime<Utc>>> {
        self.inside.frozen_at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> DateTime<Utc> {
        self.inside.clock.now()
    }

    /// `now`, or when truth was frozen.
    fn seen_at(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.frozen_at().map_or(now, |frozen_at| now.min(frozen_at))
    }
}

impl Hooked for Treble {
    fn due(&self) -> Vec<Delivery> {
        self.deliveries_due(self.now())
    }

    fn answered(&self, delivery: &Delivery, reply: &Reply) {
        Self::answered(self, delivery, reply);
    }

    fn patience(&self) -> Duration {
        self.edit().patience
    }

    fn clock(&self) -> &Arc<dyn Clock> {
        &self.inside.clock
    }
}
