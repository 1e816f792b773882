//! Ultimate (Zendesk AI agents): the data export, by bot and day. What it does is told in the crate's README.

mod answer;
mod config;
mod control;
mod conversation;
mod download;
mod draw;
mod export;
mod faults;
mod link;
mod list;
mod record;
mod rules;
mod shape;
mod sheet;
mod spelled;
mod story;
mod truth;

pub use config::{Auth, Config, Early, Empty, TooOld};
pub use conversation::{Conversation, Version};
pub use faults::Faults;
pub use record::{Breach, Call, Kind, Seen};
pub use shape::{Booleans, Counts, Format, Letters, ListKey, Names, Nested, Packing, Shape, Times};

use answer::Answer;
use axum::Router;
use axum::body::Body;
use axum::http::Response;
use axum::routing::{get, post};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::clock::Clock;
use domain::window::Window;
use record::{Record, Slot};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio_util::task::TaskTracker;
use truth::Truth;

/// A simulated Ultimate. A clone is the same one.
#[derive(Clone)]
pub struct Ultimate {
    inside: Arc<Inside>,
}

struct Inside {
    clock: Arc<dyn Clock>,
    config: Mutex<Config>,
    truth: Arc<Truth>,
    record: Arc<Record>,
    frozen_at: Mutex<Option<DateTime<Utc>>>,
    settled: AtomicBool,
    under_way: TaskTracker,
}

/// An answer and how long the vendor works on it.
struct Turn {
    answer: Answer,
    time: Duration,
    outcome: &'static str,
}

impl Ultimate {
    /// One that lives by `clock`.
    #[must_use]
    pub fn new(config: Config, clock: Arc<dyn Clock>) -> Self {
        let inside = Inside {
            clock,
            truth: Arc::new(Truth::new(&config)),
            config: Mutex::new(config),
            record: Arc::default(),
            frozen_at: Mutex::default(),
            settled: AtomicBool::default(),
            under_way: TaskTracker::new(),
        };
        Self { inside: Arc::new(inside) }
    }

    /// `POST /data-export/v2/get-signed-urls` and `v3`, the files that they name, and the control routes below
    /// `/simulator/`.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/data-export/{version}/get-signed-urls", post(list::list))
            .route(link::ROUTE, get(download::download))
            .merge(control::router())
            .with_state(self.clone())
    }

    /// The conversations of `bot` that end in `window`, as the whole files that are there by now tell: each id once,
    /// at its latest end, with the columns of both versions. Oldest end first. Days older than the retention are
    /// among them; days whose file is not there yet are not.
    #[must_use]
    pub fn truth(&self, bot: &str, window: Window) -> Vec<Conversation> {
        let truth = &self.inside.truth;
        let mut held: Vec<_> = self.held(bot, window).map(|row| truth.conversation(row)).collect();
        held.sort_by(|one, other| {
            let key = |it: &Conversation| it.conversation_end_time;
            key(one).cmp(&key(other)).then_with(|| one.conversation_id.cmp(&other.conversation_id))
        });
        held
    }

    /// How many rows [`Ultimate::truth`] would give; quick also for years.
    #[must_use]
    pub fn count(&self, bot: &str, window: Window) -> usize {
        self.held(bot, window).count()
    }

    /// Each rule broken, in order.
    #[must_use]
    pub fn breaches(&self) -> Vec<Breach> {
        self.inside.record.breaches()
    }

    /// Each list call and each download, in order of arrival.
    #[must_use]
    pub fn requests(&self) -> Vec<Seen> {
        self.inside.record.seen()
    }

    /// The most requests ever under way at once, list calls and downloads together.
    #[must_use]
    pub fn most_in_flight(&self) -> u32 {
        self.inside.record.most_in_flight()
    }

    /// No file comes out any more from this instant on. A second call changes nothing.
    pub fn freeze(&self) {
        self.frozen_at().get_or_insert_with(|| self.inside.clock.now());
    }

    /// All files are whole from now on, also those whose addresses are out.
    pub fn settle(&self) {
        self.inside.settled.store(true, Ordering::SeqCst);
    }

    /// Waits until nothing is under way. Who neither reads nor hangs up makes it wait for ever.
    pub async fn idle(&self) {
        self.inside.under_way.close();
        self.inside.under_way.wait().await;
        self.inside.under_way.reopen();
    }

    /// Changes what goes wrong from the next request on.
    pub fn set_faults(&self, faults: Faults) {
        self.edit().faults = faults;
    }

    /// Changes how lists and files are written from the next request on.
    pub fn set_shape(&self, shape: Shape) {
        self.edit().shape = shape;
    }

    /// Changes which keys are good from the next list call on; URLs already given out stay good.
    pub fn set_tokens(&self, tokens: Vec<String>) {
        self.edit().tokens = tokens;
    }

    fn held(&self, bot: &str, window: Window) -> impl Iterator<Item = truth::Row> {
        let newest = self.newest(self.inside.clock.now());
        let truth = &self.inside.truth;
        truth.bot(bot).into_iter().flat_map(move |bot| truth.held(bot, window, newest))
    }

    /// The newest day whose file is there at `now`: it comes a little after the midnight that ends the day.
    fn newest(&self, now: DateTime<Utc>) -> NaiveDate {
        let now = self.frozen_at().map_or(now, |frozen_at| now.min(frozen_at));
        let late = TimeDelta::from_std(self.edit().ready_after).unwrap_or_default();
        (now - late - TimeDelta::days(1)).date_naive()
    }

    fn is_settled(&self) -> bool {
        self.inside.settled.load(Ordering::SeqCst)
    }

    fn config(&self) -> Config {
        self.edit().clone()
    }

    fn edit(&self) -> MutexGuard<'_, Config> {
        self.inside.config.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn frozen_at(&self) -> MutexGuard<'_, Option<DateTime<Utc>>> {
        self.inside.frozen_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    fn new(answer: Answer, time: Duration, outcome: &'static str) -> Self {
        Self { answer, time, outcome }
    }

    fn slower(self, by: Duration) -> Self {
        Self { time: self.time.saturating_add(by), outcome: "slow", ..self }
    }

    /// Works for its time, then answers. Who hangs up ends it: nothing is known of what the vendor does then.
    async fn taken(self, slot: Slot) -> Response<Body> {
        slot.answered(self.answer.status(), self.outcome);
        tokio::time::sleep(self.time).await;
        self.answer.into_response(slot)
    }
}
