//! Turn-taking for one credential over all processes (promises P1, P6, P7).

use crate::job::{Job, Purpose, Slice};
use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};
use std::fmt;
use std::time::Duration;

/// Which lane: a salted hash of source and credential, so that two accounts with one token share it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LaneKey(String);

impl LaneKey {
    /// The lane of `credential` at `source`.
    #[must_use]
    pub fn of(source: &str, credential: &str) -> Self {
        let mut hash = Sha256::new();
        for part in ["convosync lane", source, credential] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        let digest = hash.finalize();
        let number = digest.iter().take(12).fold(0_u128, |number, byte| (number << 8) | u128::from(*byte));
        Self(format!("{number:024x}"))
    }

    /// As it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LaneKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One lane as stored: how many may pass at once, and who does.
#[derive(Clone, Debug, PartialEq)]
pub struct Lane {
    /// The least time between two requests in one slot.
    pub spacing: Duration,
    /// Shut for all workers, and why.
    pub closed: Option<Closing>,
    /// As many as the lane is wide.
    pub slots: Vec<Slot>,
}

/// A place in a lane. Free once `until` is past or given back; the next turn is not before `not_before`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Raised by each acquisition; an older one can no longer write.
    pub fence: i64,
    /// The end of the lease of its last holder.
    pub until: DateTime<Utc>,
    /// When the next request may start.
    pub not_before: DateTime<Utc>,
}

/// Proof of holding a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Which slot.
    pub slot: usize,
    /// Its fence.
    pub fence: i64,
    /// When it ends unless renewed.
    pub until: DateTime<Utc>,
}

/// Why and until when a lane is shut; without `until` it waits for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// When it opens by itself.
    pub until: Option<DateTime<Utc>>,
    /// For people.
    pub reason: String,
}

impl Closing {
    /// Whether it still holds at `now`.
    #[must_use]
    pub fn holds(&self, now: DateTime<Utc>) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

impl Lane {
    /// A lane nobody has used yet.
    #[must_use]
    pub fn new(width: u32, spacing: Duration) -> Self {
        let free = Slot { fence: 0, until: DateTime::UNIX_EPOCH, not_before: DateTime::UNIX_EPOCH };
        Self { spacing, closed: None, slots: vec![free; width as usize] }
    }

    /// Takes a slot for `ttl`. It assumes the worst, that the holder dies with its request just sent: the next turn
    /// is not before the lease's end plus the spacing. So a crash can never shorten the spacing.
    ///
    /// # Errors
    /// When the next turn may come, where nothing is free; `None` where a person must open the lane first.
    pub fn acquire(&mut self, now: DateTime<Utc>, ttl: Duration) -> Result<Lease, Option<DateTime<Utc>>> {
        if let Some(closed) = self.closed.as_ref().filter(|closed| closed.holds(now)) {
            return Err(closed.until);
        }
        let Some((slot, free)) = self.slots.iter_mut().enumerate().min_by_key(|(_, slot)| slot.not_before) else {
            return Err(None);
        };
        if now < free.not_before || now < free.until {
            return Err(Some(free.not_before.max(free.until)));
        }
        let until = now + delta(ttl);
        *free = Slot { fence: free.fence + 1, until, not_before: until + delta(self.spacing) };
        Ok(Lease { slot, fence: free.fence, until })
    }

    /// Whether `lease` may still write at `now`.
    #[must_use]
    pub fn is_held(&self, lease: &Lease, now: DateTime<Utc>) -> bool {
        self.slots.get(lease.slot).is_some_and(|slot| slot.fence == lease.fence && now < slot.until)
    }

    /// Holds on for another `ttl`; `None` if the lease is lost.
    pub fn renew(&mut self, lease: &Lease, now: DateTime<Utc>, ttl: Duration) -> Option<Lease> {
        if !self.is_held(lease, now) {
            return None;
        }
        let slot = self.slots.get_mut(lease.slot)?;
        slot.until = slot.until.max(now + delta(ttl));
        slot.not_before = slot.until + delta(self.spacing);
        Some(Lease { until: slot.until, ..*lease })
    }

    /// Gives the slot back. `idle` says that the vendor is known to have ended its work; otherwise (we hung up, or
    /// never heard) the next turn stays where the acquisition put it. A lost lease changes nothing.
    pub fn release(&mut self, lease: &Lease, now: DateTime<Utc>, idle: bool) {
        if !self.is_held(lease, now) {
            return;
        }
        let spacing = delta(self.spacing);
        if let Some(slot) = self.slots.get_mut(lease.slot) {
            if idle {
                slot.not_before = now + spacing;
            }
            slot.until = now;
        }
    }

    /// Shuts it. Of two reasons the longer one holds: a vendor that asks for ten seconds does not open what a person
    /// has closed.
    pub fn close(&mut self, closing: Closing) {
        let outlasts =
            |before: &Closing| before.until.is_none_or(|end| closing.until.is_some_and(|until| until <= end));
        if !self.closed.as_ref().is_some_and(outlasts) {
            self.closed = Some(closing);
        }
    }

    /// Whether nobody may ask at `now`.
    #[must_use]
    pub fn is_shut(&self, now: DateTime<Utc>) -> bool {
        self.closed.as_ref().is_some_and(|closed| closed.holds(now))
    }

    /// When the next request could start, were it wanted.
    #[must_use]
    pub fn next_turn(&self) -> Option<DateTime<Utc>> {
        self.slots.iter().map(|slot| slot.not_before.max(slot.until)).min()
    }
}

/// What a lane knows when it chooses its next job.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Traffic {
    /// The next due time of live work on this lane that is not yet wanted.
    pub next_live: Option<DateTime<Utc>>,
    /// When background work last started.
    pub last_background: Option<DateTime<Utc>>,
    /// When a backfill last started.
    pub last_backfill: Option<DateTime<Utc>>,
    /// Requests made today and the day's allowance.
    pub quota: Option<(u32, u32)>,
    /// Whether the vendor is at work on an export: it takes one at a time.
    pub is_exporting: bool,
    /// Whether another slot stays free for live work.
    pub has_spare: bool,
}

/// How late live work may be made by background work that was let in for the sake of the floor. P7 allows 30 s; ten
/// are kept for what takes longer than expected.
const LATENESS: TimeDelta = TimeDelta::seconds(20);
/// How long background work, or a backfill among it, goes without before the floor lets one in.
const FLOOR: TimeDelta = TimeDelta::seconds(10);
/// The share of the daily quota at which background work stops, in percent.
const QUOTA_SHARE: u64 = 90;

/// Longer than any lease or spacing: instants beyond it could not be stored.
const LONGEST: TimeDelta = TimeDelta::days(3650);

/// The job that should have the lane next, of those ready on it at `now`.
///
/// Live work always goes first. Background work starts only where it should end before the next live slot; but where
/// it has had no turn for a while, it may start if it delays that slot by no more than P7 allows: so it always moves.
/// Where another slot stays free for live work, nothing has to fit. Among background work items and owed stretches go
/// before backfills, yet a backfill too has a turn every so often.
#[must_use]
pub fn pick<'a>(ready: &'a [Job], traffic: &Traffic, now: DateTime<Utc>) -> Option<&'a Job> {
    let may = |job: &Job| !(traffic.is_exporting && matches!(job.slice, Slice::Export(_)));
    let first =
        |live: bool| move |job: &&'a Job| (job.purpose == Purpose::Live) == live && job.is_ready(now) && may(job);
    if let Some(live) = ready.iter().filter(first(true)).min_by_key(|job| (job.due, job.id)) {
        return Some(live);
    }
    if traffic.quota.is_some_and(|(used, quota)| u64::from(used) * 100 >= u64::from(quota) * QUOTA_SHARE) {
        return None;
    }
    let starved = |last: Option<DateTime<Utc>>| last.is_none_or(|last| now - last >= FLOOR);
    let lateness = |job: &Job| traffic.next_live.map_or(TimeDelta::zero(), |slot| delta(job.expected) - (slot - now));
    // Not twice in a row while others wait, however long one takes.
    let backfill_first =
        starved(traffic.last_backfill) && traffic.last_backfill.is_none_or(|last| traffic.last_background > Some(last));
    let turn = |job: &&Job| {
        let backfill = matches!(job.purpose, Purpose::Backfill(_));
        let newest = job.concerns().map_or(i64::MAX, |window| -window.to().timestamp());
        (backfill != backfill_first, job.purpose, newest, job.id)
    };
    let may_start = |job: &&Job| traffic.has_spare || lateness(job) <= LATENESS;
    let background = || ready.iter().filter(first(false));
    // The next live slot is so near that this one would delay it too much, which it would not have done a moment ago and
    // will not do after it. Were others to slip past each time, it would never start.
    let is_near = |job: &&Job| !may_start(job) && delta(job.expected) <= LATENESS;
    if background().min_by_key(turn).is_some_and(|job| is_near(&job)) {
        return None;
    }
    let next = background().filter(may_start).min_by_key(turn)?;
    // One that does not fit waits for the floor, and the others with it: small ones slipping past would keep the floor
    // from ever being reached.
    let fits = traffic.has_spare || lateness(next) <= TimeDelta::zero();
    (fits || starved(traffic.last_background)).then_some(next)
}

fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).map_or(LONGEST, |delta| delta.min(LONGEST))
}
