//! One delivery of webhook events, and its reply.

use chrono::{DateTime, Utc};
use serde::Serialize;
use std::time::Duration;

/// A webhook, ready to be posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its number, from 1; a further attempt keeps it.
    pub number: u64,
    /// The ids of the events in it.
    pub events: Vec<String>,
    /// Who sent it, and whether it repeats another.
    pub origin: Origin,
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// Header names and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// Whether it goes to a wrong address: see [`Delivery::address`].
    pub wrong_address: bool,
}

/// Who sends a delivery, and whether it repeats another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The vendor, for the first time.
    Genuine,
    /// The vendor, again with the same event ids.
    Duplicate,
    /// An attacker.
    Forged,
}

/// The receiver's reply to a delivery.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebhookReply {
    /// The HTTP status; `None` without an answer.
    pub status: Option<u16>,
    /// The body.
    pub body: Vec<u8>,
    /// The time until the last byte.
    pub duration: Duration,
}

/// One attempt of one delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeliveryAttempt {
    /// The delivery's number.
    pub number: u64,
    /// The ids of the events in it.
    pub events: Vec<String>,
    /// Who sent it, and whether it repeats another.
    pub origin: Origin,
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// When the reply was complete.
    pub at: DateTime<Utc>,
    /// The HTTP status; `None` without an answer.
    pub status: Option<u16>,
}

impl Delivery {
    /// Where it is posted, if `url` is the right address: there, or at an address whose last character is wrong.
    #[must_use]
    pub fn address(&self, url: &str) -> String {
        if !self.wrong_address {
            return url.to_owned();
        }
        let (stem, last) = url.rsplit_once('/').unwrap_or(("", url));
        // As long as the right address and different in the last letter only: the hardest case for a comparison.
        let mut letters: Vec<char> = last.chars().collect();
        match letters.last_mut() {
            Some(letter) => *letter = if *letter == 'x' { 'y' } else { 'x' },
            None => letters.push('x'),
        }
        format!("{stem}/{}", letters.into_iter().collect::<String>())
    }
}

impl WebhookReply {
    /// A status without a body, at once.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self { status: Some(status), ..Self::default() }
    }

    /// Whether the status is 2xx.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}
