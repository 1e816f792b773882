//! Remembers which streams need no plan for now.

use chrono::{DateTime, TimeDelta, Utc};
use domain::live_slot::{due_at, slot_at};
use domain::rules::Rules;
use std::collections::HashMap;
use storage::ledger::StreamId;

/// The streams whose last plan added nothing. A plan depends on the ledger and on the newest live slot only.
#[derive(Debug, Default)]
pub struct StreamWatch(HashMap<StreamId, Quiet>);

#[derive(Clone, Copy, Debug)]
struct Quiet {
    /// The revision of the ledger, read before the plan was made.
    revision: i64,
    /// When the plan was made.
    from: DateTime<Utc>,
    /// When the next live slot is due.
    until: DateTime<Utc>,
}

/// The longest time without a look at a stream: what changes a ledger by hand also counts within a minute.
const LONGEST: TimeDelta = TimeDelta::minutes(1);

/// The next whole minute after `now`: one tick then looks at all quiet streams.
fn next_minute(now: DateTime<Utc>) -> DateTime<Utc> {
    let into = now.timestamp_millis().rem_euclid(LONGEST.num_milliseconds());
    now + LONGEST - TimeDelta::milliseconds(into)
}

impl StreamWatch {
    /// Whether a plan at `now` would add nothing, because neither the ledger nor the live slot has changed.
    pub fn is_quiet(&self, id: &StreamId, revision: i64, now: DateTime<Utc>) -> bool {
        // A clock that was set back ends the rest as well.
        self.0.get(id).is_some_and(|quiet| quiet.revision == revision && (quiet.from..quiet.until).contains(&now))
    }

    /// Notes that a plan at `now` added nothing to the ledger of `revision`.
    pub fn set_quiet(&mut self, id: &StreamId, revision: i64, now: DateTime<Utc>, rules: &Rules) {
        let next_slot = due_at(slot_at(now, rules) + rules.cadence(), rules);
        self.0.insert(id.clone(), Quiet { revision, from: now, until: next_slot.min(next_minute(now)) });
    }

    /// When the first quiet stream needs a look.
    pub fn next_change(&self) -> Option<DateTime<Utc>> {
        self.0.values().map(|quiet| quiet.until).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::rules::Limits;
    use std::time::Duration;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap_or_default()
    }

    fn rules(interval: u64) -> Rules {
        let limits = Limits { longest: TimeDelta::days(31), row_cap: 100, max_in_flight: 1, spacing: Duration::ZERO };
        Rules { interval: Duration::from_secs(interval), ..Rules::base(&limits) }
    }

    fn stream(name: &str) -> StreamId {
        StreamId { account: "a".to_owned(), stream: name.to_owned(), source: "wolkvox".to_owned() }
    }

    #[test]
    fn a_stream_rests_until_its_next_live_slot() {
        let (mut watch, id) = (StreamWatch::default(), stream("one"));
        assert!(!watch.is_quiet(&id, 7, at(0)));
        // 1,800,000,000 is a whole number of 20 s.
        watch.set_quiet(&id, 7, at(3), &rules(20));
        assert!(watch.is_quiet(&id, 7, at(3)) && watch.is_quiet(&id, 7, at(19)));
        assert!(!watch.is_quiet(&id, 7, at(20)), "the next live slot is due");
        assert!(!watch.is_quiet(&id, 8, at(4)), "the ledger has changed");
        assert!(!watch.is_quiet(&id, 7, at(2)), "the clock was set back");
        assert!(!watch.is_quiet(&stream("two"), 7, at(4)));
    }

    #[test]
    fn a_stream_rests_for_a_minute_at_most() {
        let (mut watch, id) = (StreamWatch::default(), stream("one"));
        watch.set_quiet(&id, 7, at(0), &rules(86_400));
        assert!(watch.is_quiet(&id, 7, at(59)) && !watch.is_quiet(&id, 7, at(60)));
        assert_eq!(watch.next_change(), Some(at(60)));
        watch.set_quiet(&stream("two"), 7, at(59), &rules(86_400));
        assert_eq!(watch.next_change(), Some(at(60)), "one tick looks at all streams");
    }
}
