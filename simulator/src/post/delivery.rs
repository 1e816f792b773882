//! One webhook on its way, and how it was answered.

use chrono::{DateTime, Utc};
use serde::Serialize;
use std::time::Duration;

/// One webhook, ready to be posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its own number, from 1; the same when it is tried again.
    pub number: u64,
    /// The ids of the events that it tells of.
    pub events: Vec<String>,
    /// Whether it is what it says.
    pub kind: Kind,
    /// The how-manieth try it is, from 1.
    pub attempt: u32,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// What is posted.
    pub body: Vec<u8>,
    /// Whether it goes to a wrong address: see [`Delivery::address`].
    pub astray: bool,
}

/// Whether a delivery is what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The vendor's, for the first time.
    Genuine,
    /// The vendor's, again: the same event ids.
    Duplicate,
    /// Somebody else's.
    Forged,
}

/// What a delivery was answered with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status; `None` where there was no answer.
    pub status: Option<u16>,
    /// The body.
    pub body: Vec<u8>,
    /// How long it took to the last byte.
    pub took: Duration,
}

/// One try of one delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sent {
    /// The delivery's number.
    pub number: u64,
    /// The ids of the events that it told of.
    pub events: Vec<String>,
    /// Whether it was what it said.
    pub kind: Kind,
    /// The how-manieth try it was, from 1.
    pub attempt: u32,
    /// When the answer was there.
    pub at: DateTime<Utc>,
    /// The HTTP status; `None` where there was no answer.
    pub status: Option<u16>,
}

impl Delivery {
    /// Where it is posted, if `url` is the right address: there, or where the last part of the path is spoiled.
    #[must_use]
    pub fn address(&self, url: &str) -> String {
        if !self.astray {
            return url.to_owned();
        }
        let (stem, last) = url.rsplit_once('/').unwrap_or(("", url));
        // As long as the right one, and wrong in its last letter only: the hardest case for whoever compares.
        let mut letters: Vec<char> = last.chars().collect();
        match letters.last_mut() {
            Some(letter) => *letter = if *letter == 'x' { 'y' } else { 'x' },
            None => letters.push('x'),
        }
        format!("{stem}/{}", letters.into_iter().collect::<String>())
    }
}

impl Reply {
    /// A status and nothing else, at once.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self { status: Some(status), ..Self::default() }
    }

    /// Whether the receiver says that it has it.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}
