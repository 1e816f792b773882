//! Webhook events, and the faults of their delivery.

use crate::random::{generator, happens, hash, pick};
use chrono::{DateTime, TimeDelta, Utc};
use rand::Rng;
use serde::Serialize;
use std::time::Duration;

/// Something that happened while the simulator ran, and that a webhook reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Its id, the same in each delivery.
    pub id: String,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// The id of the process or session.
    pub subject: String,
    /// What happened to it, in the vendor's word.
    pub action: &'static str,
    /// How it is delivered.
    pub delivery: DeliveryPlan,
}

/// How an event is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryPlan {
    /// At once.
    OnTime,
    /// Never.
    Lost,
    /// At once, and again later.
    Twice,
    /// After events that happened later.
    Late,
}

/// Shares (0 to 1) of events whose delivery goes wrong; an event meets at most one of the first three. The seed and the
/// event's id decide.
#[derive(Clone, Debug, PartialEq)]
pub struct WebhookFaults {
    /// Never delivered.
    pub lost: f64,
    /// Delivered twice, with one id.
    pub duplicate: f64,
    /// Delivered after events that happened later.
    pub disorder: f64,
    /// How much later; a second delivery comes within this time. Default 2 s.
    pub disorder_by: Duration,
    /// Accompanied by a forged delivery.
    pub forged: f64,
    /// Further attempts of a genuine delivery that the receiver did not accept. Default 3.
    pub retries: u32,
    /// The time before the first further attempt; it doubles with each. Default 1 s.
    pub retry_after: Duration,
}

const SALT_PLAN: u64 = 0xFA7E;
const SALT_FORGED: u64 = 0xF0E6;

impl WebhookFaults {
    /// How the event is delivered, and how long after it the late or second delivery comes.
    pub(super) fn plan(&self, seed: u64, id: &str) -> (DeliveryPlan, TimeDelta) {
        let mut random = generator(seed ^ SALT_PLAN, hash(id));
        let mut roll: f64 = random.random();
        let late = TimeDelta::from_std(self.disorder_by).unwrap_or_default();
        let again = TimeDelta::from_std(self.disorder_by.mul_f64(random.random())).unwrap_or_default();
        let shares = [
            (self.lost, DeliveryPlan::Lost),
            (self.duplicate, DeliveryPlan::Twice),
            (self.disorder, DeliveryPlan::Late),
        ];
        match pick(shares, &mut roll).unwrap_or(DeliveryPlan::OnTime) {
            DeliveryPlan::Late => (DeliveryPlan::Late, late),
            plan => (plan, again),
        }
    }

    /// Whether a forged delivery accompanies the event.
    pub(super) fn is_forged(&self, seed: u64, id: &str) -> bool {
        happens(self.forged, &mut generator(seed ^ SALT_FORGED, hash(id)))
    }

    /// The time before `attempt`, which is the second or a later one.
    pub(super) fn wait_before(&self, attempt: u32) -> TimeDelta {
        let factor = 2u32.saturating_pow(attempt.saturating_sub(2));
        TimeDelta::from_std(self.retry_after.saturating_mul(factor)).unwrap_or_default()
    }
}

impl Default for WebhookFaults {
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
