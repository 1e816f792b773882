//! Truora: processes by id, the list of them, and webhooks. What it does is told in the crate's README.

mod config;
mod control;
mod history;
mod hook;
mod jwt;
mod list;
mod process;
mod routes;
mod spelled;
mod story;
mod truth;

pub use config::Config;
pub use history::Language;
pub use process::{Process, UserResponse, Validation};

use crate::gateway::{Breach, Faults, Gateway, Seen};
use crate::post::{Delivery, Event, Outbox, Reply, Sent, Shares};
use crate::sender::{Hooked, Sender, Sending};
use axum::Router;
use chrono::{DateTime, TimeDelta, Utc};
use domain::clock::Clock;
use domain::window::Window;
use hook::{Happening, Pen};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use truth::Truth;

/// How a result is recorded whose process had ended.
const ENDED: &str = "ended";

/// A simulated Truora. A clone is the same one.
#[derive(Clone)]
pub struct Truora {
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
    /// Processes that begin before it have been looked at.
    looked_until: Option<DateTime<Utc>>,
    bursts: u64,
}

impl Truora {
    /// One that lives by `clock`. Live processes and webhooks begin now.
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

    /// `GET /v1/processes`, `/v1/processes/{id}` and `/v1/processes/{id}/result`, and the control routes below
    /// `/simulator/`.
    pub fn router(&self) -> Router {
        routes::router(self.clone())
    }

    /// The processes that begin in `window`, as they are now, oldest first.
    #[must_use]
    pub fn truth(&self, window: Window) -> Vec<Process> {
        let now = self.seen_at(self.now());
        let truth = &self.inside.truth;
        truth.begun(window, now).into_iter().map(|key| truth.process(key, now)).collect()
    }

    /// How many processes [`Truora::truth`] would give.
    #[must_use]
    pub fn count(&self, window: Window) -> usize {
        self.inside.truth.begun(window, self.seen_at(self.now())).len()
    }

    /// The dashboard's Chatbot History of `window` as a CSV file. No two styles mean another thing. The vendor writes
    /// at most two months; this writes any.
    #[must_use]
    pub fn history_csv(&self, window: Window, language: Language, style_seed: u64) -> Vec<u8> {
        history::file(&self.truth(window), language, style_seed)
    }

    /// How often the result of `id` was given in full after the process had ended, in success or failure: of a word
    /// that no document names, nobody can know that it is an end.
    #[must_use]
    pub fn asked(&self, id: &str) -> usize {
        let path = format!("/v1/processes/{id}/result");
        let of_it = |seen: &Seen| seen.outcome == ENDED && seen.path.split('?').next() == Some(path.as_str());
        self.inside.gateway.record().count(of_it)
    }

    /// What is due to be posted by `now`, for a caller who posts it himself; each delivery is handed out once.
    /// [`Truora::answered`] is to be told how it went.
    #[must_use]
    pub fn deliveries_due(&self, now: DateTime<Utc>) -> Vec<Delivery> {
        let config = self.config();
        let mut post = self.post();
        self.look(&mut post, self.seen_at(now));
        post.outbox.happen(self.seen_at(now), &config.shares);
        let pen = Pen { truth: &self.inside.truth, config: &config, now };
        let size = |number| hook::size(config.seed, number);
        post.outbox.take(now, size, |number, happenings, kind| pen.write(number, happenings, kind))
    }

    /// Tells how a delivery was answered. A genuine one without a 2xx comes again.
    pub fn answered(&self, delivery: &Delivery, reply: &Reply) {
        let shares = self.config().shares;
        let now = self.now();
        self.post().outbox.answered(delivery, reply, (reply.is_success(), now), &shares);
    }

    /// Posts what comes due to `url`, four at a time, until `stopping`.
    ///
    /// # Errors
    /// Where `url` is not on loopback.
    pub fn send_webhooks(&self, url: &str, stopping: CancellationToken) -> io::Result<Sending> {
        Ok(Sender::new(url)?.start(self.clone(), stopping))
    }

    /// `most` genuine deliveries, each of one event of its own, of the newest processes; some of one process, where
    /// there are not so many processes. They are not among [`Truora::events`].
    #[must_use]
    pub fn burst(&self, most: usize) -> Vec<Delivery> {
        let config = self.config();
        let now = self.now();
        let truth = &self.inside.truth;
        let seen = self.seen_at(now);
        let keys = truth.history(seen).map(|all| truth.newest(all, seen, None, most)).unwrap_or_default();
        let mut post = self.post();
        post.bursts += 1;
        let burst = post.bursts;
        let pen = Pen { truth, config: &config, now };
        let chosen = keys.iter().cycle().take(if keys.is_empty() { 0 } else { most }).zip(0u64..);
        let made = chosen.map(|(key, place)| {
            let id = truth.event_id(&format!("burst{burst}.{place}"));
            let process_id = truth.id(key.number);
            let happening = Happening { id, at: key.at, key: *key, process_id, action: "created" };
            post.outbox.extra(vec![happening], |number, happenings, kind| pen.write(number, happenings, kind))
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

    /// Stops truth at this instant: what is pending stays so. Webhooks of what has happened still come. A second call
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

    /// Enters the moments to come of processes that have begun since it last looked, the first time of all to which
    /// something may still happen.
    fn look(&self, post: &mut Post, now: DateTime<Utc>) {
        let Inside { truth, started, .. } = &*self.inside;
        let from = post.looked_until.unwrap_or(*started - truth.longest_course());
        // A window counts days by the millisecond, and is to hold `now` still.
        let until = now + TimeDelta::milliseconds(1);
        let Some(window) = Window::new(from, until) else { return };
        post.looked_until = Some(until);
        for key in truth.begun(window, until) {
            truth.happenings(key).filter(|it| it.at >= *started).for_each(|it| post.outbox.expect(it));
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

impl Hooked for Truora {
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
