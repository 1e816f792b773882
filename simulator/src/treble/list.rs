//! The sessions of a poll: which page is asked for, and what is on it.

use super::config::Order;
use super::truth::{Key, Truth};
use crate::draw::generator;
use chrono::{DateTime, Utc};
use domain::window::Window;
use rand::Rng;
use std::collections::HashMap;

/// A page that is asked for.
pub(super) struct Asked {
    limit: usize,
    since: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    /// The last session of the page before.
    after: Option<u64>,
}

/// A page as it is answered.
pub(super) struct Found {
    pub(super) keys: Vec<Key>,
    pub(super) next: Option<u64>,
}

/// Rows that a page has at most; "page size 100 in use".
const LARGEST: usize = 100;
/// Keeps the draws of repeats apart from others.
const SALT: u64 = 0x4E9E;

impl Asked {
    /// The page, or the name of the parameter that is wrong.
    pub(super) fn read(fields: &HashMap<String, String>) -> Result<Self, &'static str> {
        let field = |name: &str| fields.get(name).filter(|value| !value.is_empty());
        let limit = match field("limit") {
            None => LARGEST,
            Some(limit) => limit.parse().ok().filter(|limit| (1..=LARGEST).contains(limit)).ok_or("limit")?,
        };
        let unix = |text: &String| text.parse().ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        let since = field("since").map(|text| unix(text).ok_or("since")).transpose()?;
        let until = field("until").map(|text| unix(text).ok_or("until")).transpose()?;
        if since.zip(until).is_some_and(|(since, until)| since >= until) {
            return Err("until");
        }
        let after = field("next_id").map(|text| text.parse().map_err(|_| "next_id")).transpose()?;
        Ok(Self { limit, since, until, after })
    }

    /// What is on it. The filter is on when a session was made.
    pub(super) fn page(
        &self,
        truth: &Truth,
        poll: usize,
        (now, order, repeats): (DateTime<Utc>, Order, f64),
    ) -> Result<Found, &'static str> {
        let nothing = Ok(Found { keys: Vec::new(), next: None });
        let Some(history) = truth.history(now) else { return nothing };
        let (since, until) = (self.since.unwrap_or(history.from()), self.until.unwrap_or(history.to()));
        let Some(window) = Window::new(since, until) else { return nothing };
        let mut keys = truth.begun(poll, window, now);
        if order == Order::NewestFirst {
            keys.reverse();
        }
        let mut skipped = 0;
        if let Some(after) = self.after {
            // Sessions that have come since do not move it.
            skipped = keys.iter().position(|key| key.number == after).ok_or("next_id")? + 1;
            skipped -= repeated(truth.seed, after, repeats).min(self.limit - 1).min(skipped);
        }
        let more = keys.len() > skipped + self.limit;
        let keys: Vec<Key> = keys.into_iter().skip(skipped).take(self.limit).collect();
        let next = keys.last().filter(|_| more).map(|key| key.number);
        Ok(Found { keys, next })
    }
}

/// How many sessions of the page before come again.
fn repeated(seed: u64, after: u64, share: f64) -> usize {
    let mut random = generator(seed ^ SALT, after);
    if random.random::<f64>() < share { random.random_range(1..=2) } else { 0 }
}
