//! The sessions of a poll: the query of a page, and the page.

use super::config::Order;
use super::dataset::{Dataset, SessionKey};
use crate::random::{generator, happens};
use chrono::{DateTime, Utc};
use domain::window::Window;
use rand::Rng;
use std::collections::HashMap;

/// The query of a page.
pub(super) struct PageQuery {
    limit: usize,
    since: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    /// The last session of the page before.
    after: Option<u64>,
}

/// A page.
pub(super) struct SessionPage {
    pub(super) keys: Vec<SessionKey>,
    pub(super) next: Option<u64>,
}

/// The most rows on a page; "page size 100 in use".
const LARGEST: usize = 100;
const SALT: u64 = 0x4E9E;

impl PageQuery {
    /// The query, or the name of the parameter that cannot be used.
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

    /// The page, or the name of the parameter that cannot be used. The window filters by creation.
    pub(super) fn page(
        &self,
        dataset: &Dataset,
        poll: usize,
        (now, order, repeats): (DateTime<Utc>, Order, f64),
    ) -> Result<SessionPage, &'static str> {
        let nothing = Ok(SessionPage { keys: Vec::new(), next: None });
        let Some(history) = dataset.history(now) else { return nothing };
        let (since, until) = (self.since.unwrap_or(history.from()), self.until.unwrap_or(history.to()));
        let Some(window) = Window::new(since, until) else { return nothing };
        let mut keys = dataset.begun(poll, window, now);
        if order == Order::NewestFirst {
            keys.reverse();
        }
        let mut skipped = 0;
        if let Some(after) = self.after {
            // Sessions created since the last page do not move the position.
            skipped = keys.iter().position(|key| key.number == after).ok_or("next_id")? + 1;
            skipped -= repeated(dataset.seed, after, repeats).min(self.limit - 1).min(skipped);
        }
        let more = keys.len() > skipped + self.limit;
        let keys: Vec<SessionKey> = keys.into_iter().skip(skipped).take(self.limit).collect();
        let next = keys.last().filter(|_| more).map(|key| key.number);
        Ok(SessionPage { keys, next })
    }
}

/// How many sessions of the page before are repeated.
fn repeated(seed: u64, after: u64, share: f64) -> usize {
    let mut random = generator(seed ^ SALT, after);
    if happens(share, &mut random) { random.random_range(1..=2) } else { 0 }
}
