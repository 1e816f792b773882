//! A lane: takes turns for one credential over all processes (promises P1, P6, P7).

use crate::fault::Fault;
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use std::fmt;
use std::time::Duration;

/// The key of a lane: 24 hexadecimal digits of a SHA-256 of source and credential, which the database stores only after
/// [`LaneKey::keyed`]. Two accounts with one token share a lane.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LaneKey(String);

impl LaneKey {
    /// The lane of `credential` at `source`.
    #[must_use]
    pub fn new(source: &str, credential: &str) -> Self {
        let mut hash = Sha256::new();
        for part in ["convosync lane", source, credential] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        Self::from_digest(&hash.finalize())
    }

    /// The key under which the installation with this secret stores the lane. Without the secret, a reader of the key cannot
    /// find out whether a guessed credential is the right one.
    #[must_use]
    pub fn keyed(&self, secret: &LaneSecret) -> Self {
        // A key may have any length.
        let code = Hmac::<Sha256>::new_from_slice(secret.0.expose_secret().as_bytes());
        code.map_or_else(
            |_| self.clone(),
            |code| Self::from_digest(&code.chain_update(&self.0).finalize().into_bytes()),
        )
    }

    fn from_digest(digest: &[u8]) -> Self {
        let number = digest.iter().take(12).fold(0_u128, |number, byte| (number << 8) | u128::from(*byte));
        Self(format!("{number:024x}"))
    }

    /// The key as it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The secret of an installation, which keys the names of its lanes.
#[derive(Clone, Debug)]
pub struct LaneSecret(SecretString);

impl LaneSecret {
    /// The secret `text`.
    #[must_use]
    pub fn new(text: SecretString) -> Self {
        Self(text)
    }
}

impl fmt::Display for LaneKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One lane as stored: its slots, its spacing and its closure.
#[derive(Clone, Debug, PartialEq)]
pub struct Lane {
    /// The least time between two requests in one slot.
    pub spacing: Duration,
    /// The closure that holds for all workers, or the last one, while no answer has come since it ended.
    pub closed: Option<LaneClosure>,
    /// How many times in a row the vendor has refused the credential.
    pub refusals: u32,
    /// One slot per request that may be in flight.
    pub slots: Vec<Slot>,
}

/// Permission for one request in flight. The slot is free when its lease is released or past `until`, but not used
/// again before `not_before`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Raised by each acquisition. A lease with a lower fence can no longer write.
    pub fence: i64,
    /// The end of the lease of its last holder.
    pub until: DateTime<Utc>,
    /// When the next request may start.
    pub not_before: DateTime<Utc>,
}

/// Proof of holding a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The index of the slot.
    pub slot: usize,
    /// The slot's fence when the lease was acquired.
    pub fence: i64,
    /// When the lease ends unless it is renewed.
    pub until: DateTime<Utc>,
}

/// Why and until when a lane is closed; without `until`, until an operator opens it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneClosure {
    /// When the lane opens again by itself.
    pub until: Option<DateTime<Utc>>,
    /// The reason, as operators see it.
    pub reason: String,
}

/// Which slots an operator frees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freeing {
    /// Slots that stand further in the future than a lease can reach, because the clock was set back.
    Stranded,
    /// All slots, at once. A request of a worker that loses its slot may still be in flight.
    All,
}

/// The result of [`Lane::free`]: indices of slots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FreedSlots {
    /// The slots that are freed.
    pub freed: Vec<usize>,
    /// The slots that stay as they are, because a worker may be using them.
    pub kept: Vec<usize>,
}

impl LaneClosure {
    /// Whether the closure still holds at `now`.
    #[must_use]
    pub fn holds(&self, now: DateTime<Utc>) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// Whether only an operator can open the lane.
    #[must_use]
    pub fn needs_operator(&self) -> bool {
        self.until.is_none()
    }
}

impl Lane {
    /// An open lane with free slots.
    #[must_use]
    pub fn new(max_in_flight: u32, spacing: Duration) -> Self {
        let free = Slot { fence: 0, until: DateTime::UNIX_EPOCH, not_before: DateTime::UNIX_EPOCH };
        Self { spacing, closed: None, refusals: 0, slots: vec![free; max_in_flight as usize] }
    }

    /// Takes a slot for `ttl`. It assumes the worst case, a holder that crashes right after sending: the slot is not
    /// used again before the lease's end plus the spacing. A crash therefore never shortens the spacing.
    ///
    /// # Errors
    /// If no slot is free: when to try again, or `None` if an operator must open the lane first.
    pub fn acquire(&mut self, now: DateTime<Utc>, ttl: Duration) -> Result<Lease, Option<DateTime<Utc>>> {
        if let Some(closed) = self.closed.as_ref().filter(|closed| closed.holds(now)) {
            return Err(closed.until);
        }
        if let Some(answer_due) = self.probed_until(now) {
            return Err(Some(answer_due));
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

    /// Extends the lease by `ttl` from `now`; `None` if the lease is lost.
    pub fn renew(&mut self, lease: &Lease, now: DateTime<Utc>, ttl: Duration) -> Option<Lease> {
        if !self.is_held(lease, now) {
            return None;
        }
        let slot = self.slots.get_mut(lease.slot)?;
        slot.until = slot.until.max(now + delta(ttl));
        slot.not_before = slot.until + delta(self.spacing);
        Some(Lease { until: slot.until, ..*lease })
    }

    /// Releases the slot. `idle` states that the vendor is known to have finished; otherwise (a time-out, or no answer)
    /// the slot's next use stays where the acquisition put it. A lost lease changes nothing.
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

    /// Closes the lane. Of two closures the longer one holds: a vendor's wait of ten seconds does not replace an
    /// operator's closure.
    pub fn close(&mut self, closure: LaneClosure) {
        let outlasts =
            |before: &LaneClosure| before.until.is_none_or(|end| closure.until.is_some_and(|until| until <= end));
        if !self.closed.as_ref().is_some_and(outlasts) {
            self.closed = Some(closure);
        }
    }

    /// Frees slots for an operator. The fence rises, so that a worker that still holds a freed slot can neither renew nor
    /// write. Such a worker may have a request in flight until its own count of the lease ends, at most `lease` from
    /// `now`; a stranded slot is therefore not used before that time plus the spacing.
    pub fn free(&mut self, now: DateTime<Utc>, lease: Duration, freeing: Freeing) -> FreedSlots {
        let (latest_end, spacing) = (now + delta(lease), delta(self.spacing));
        let mut result = FreedSlots::default();
        for (index, slot) in self.slots.iter_mut().enumerate() {
            let is_stranded = slot.until > latest_end || slot.not_before > latest_end + spacing;
            let is_taken = slot.until > now || slot.not_before > now;
            let not_before = match freeing {
                Freeing::All if is_taken => now,
                Freeing::Stranded if is_stranded => latest_end + spacing,
                Freeing::All | Freeing::Stranded => {
                    if is_taken {
                        result.kept.push(index);
                    }
                    continue;
                }
            };
            *slot = Slot { fence: slot.fence + 1, until: slot.until.min(now), not_before };
            result.freed.push(index);
        }
        result
    }

    /// Whether the lane is closed at `now`.
    #[must_use]
    pub fn is_closed(&self, now: DateTime<Utc>) -> bool {
        self.closed.as_ref().is_some_and(|closed| closed.holds(now))
    }

    /// Whether the lane's closure has ended and the vendor has answered no request since. One request at a time probes such a
    /// lane: a vendor that still refuses meets no burst.
    #[must_use]
    pub fn is_half_open(&self, now: DateTime<Utc>) -> bool {
        self.closed.as_ref().is_some_and(|closed| !closed.holds(now))
    }

    /// How many slots a worker can take at `now`.
    #[must_use]
    pub fn free_slots(&self, now: DateTime<Utc>) -> usize {
        if self.probed_until(now).is_some() {
            return 0;
        }
        let free = self.slots.iter().filter(|slot| slot.not_before <= now && slot.until <= now).count();
        if self.is_half_open(now) { free.min(1) } else { free }
    }

    /// When the next slot is free, whether or not a job waits for it.
    #[must_use]
    pub fn next_free_at(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.probed_until(now).or_else(|| self.slots.iter().map(|slot| slot.not_before.max(slot.until)).min())
    }

    /// Notes how the vendor answered a request that was claimed after `refusals` refusals of the credential. An answer opens a
    /// lane whose closure has ended. Of requests that were in flight together, only one refusal counts.
    pub fn note_result(&mut self, result: Result<(), &Fault>, refusals: u32, now: DateTime<Utc>) {
        match result {
            Err(Fault::Unauthorised(_)) => self.refusals = self.refusals.max(refusals.saturating_add(1)),
            // The vendor accepted the request.
            Ok(()) | Err(Fault::Busy(_) | Fault::Database(_) | Fault::Incomplete(_) | Fault::TooLarge(_)) => {
                if self.closed.is_none() || self.is_half_open(now) {
                    self.closed = None;
                    self.refusals = 0;
                }
            }
            Err(
                Fault::Throttled { .. }
                | Fault::QuotaSpent(_)
                | Fault::Maintenance(_)
                | Fault::Unreachable(_)
                | Fault::TimedOut(_)
                | Fault::Malformed(_)
                | Fault::Refused(_),
            ) => {}
        }
    }

    /// The end of the lease of the request that probes a half-open lane, if one is in flight.
    fn probed_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if !self.is_half_open(now) {
            return None;
        }
        self.slots.iter().map(|slot| slot.until).filter(|until| *until > now).max()
    }
}

/// The longest lease or spacing; a date further ahead cannot be stored.
const LONGEST: TimeDelta = TimeDelta::days(3650);

fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).map_or(LONGEST, |delta| delta.min(LONGEST))
}
