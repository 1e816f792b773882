//! Something that happened and is told, and what becomes of the telling.

use crate::draw::{generator, hashed};
use chrono::{DateTime, TimeDelta, Utc};
use rand::Rng;
use serde::Serialize;
use std::time::Duration;

/// Something that happened while the simulator ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Its id, the same in each delivery of it.
    pub id: String,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// What it is about.
    pub subject: String,
    /// What happened to it.
    pub action: &'static str,
    /// What became of the telling.
    pub fate: Fate,
}

/// What becomes of the telling of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It is told at once.
    Told,
    /// It is never told.
    Lost,
    /// It is told at once and again.
    Twice,
    /// It is told after later ones.
    Late,
}

/// Shares (0 to 1) of events whose telling goes wrong; an event meets at most one of the first three. Drawn from the
/// seed and the event's id.
#[derive(Clone, Debug, PartialEq)]
pub struct Shares {
    /// Never told.
    pub lost: f64,
    /// Told twice, with the same id.
    pub duplicate: f64,
    /// Told late, after events that happened later.
    pub disorder: f64,
    /// How much later, and within what time a second telling comes. Default 2 s.
    pub disorder_by: Duration,
    /// Accompanied by a forged delivery.
    pub forged: f64,
    /// Further tries of a genuine delivery that was not answered as it must be. Default 3.
    pub retries: u32,
    /// How long before the first of them; before each other, twice as long as before the one before it. Default 1 s.
    pub retry_after: Duration,
}

/// Keep the draws of fates and of forgeries apart.
const SALT_FATE: u64 = 0xFA7E;
const SALT_FORGED: u64 = 0xF0E6;

impl Shares {
    /// What becomes of the event, and how long after it the odd telling comes.
    pub(super) fn fate(&self, seed: u64, id: &str) -> (Fate, TimeDelta) {
        let mut random = generator(seed ^ SALT_FATE, hashed(id));
        let mut left: f64 = random.random();
        let by = TimeDelta::from_std(self.disorder_by).unwrap_or_default();
        let again = TimeDelta::from_std(self.disorder_by.mul_f64(random.random())).unwrap_or_default();
        let shares = [(self.lost, Fate::Lost), (self.duplicate, Fate::Twice), (self.disorder, Fate::Late)];
        let met = shares.into_iter().find_map(|(share, fate)| {
            let met = left < share;
            left -= share;
            met.then_some(fate)
        });
        match met.unwrap_or(Fate::Told) {
            Fate::Late => (Fate::Late, by),
            fate => (fate, again),
        }
    }

    /// Whether a forgery comes with the event.
    pub(super) fn is_forged(&self, seed: u64, id: &str) -> bool {
        generator(seed ^ SALT_FORGED, hashed(id)).random::<f64>() < self.forged
    }

    /// How long before try `attempt`, which is the second or a later one.
    pub(super) fn wait_before(&self, attempt: u32) -> TimeDelta {
        let doubled = 2u32.saturating_pow(attempt.saturating_sub(2));
        TimeDelta::from_std(self.retry_after.saturating_mul(doubled)).unwrap_or_default()
    }
}

impl Default for Shares {
    fn default() -> Self {
        Self {
            lost: 0.0,
            duplicate: 0.0,
            disorder: 0.0,
            disorder_by: Duration::from_secs(2),
            forged: 0.0,
            retries: 3,
            retry_after: Duration::from_secs(1),
        }
    }
}
