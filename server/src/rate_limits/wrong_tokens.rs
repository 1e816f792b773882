//! A limit on wrong tokens. The server answers a client over the limit with 429, also for the right token: otherwise a client
//! could go on guessing during the wait and would lose nothing.

use super::MonotonicClock;
use domain::clock::Clock;
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The wrong tokens of each client, and the clients that have to wait.
pub(super) struct WrongTokens {
    limiter: RateLimiter<IpAddr, DashMapStateStore<IpAddr>, MonotonicClock, StateInformationMiddleware>,
    /// Until when a client has to wait, by the clock's elapsed time.
    waits: Mutex<HashMap<IpAddr, Duration>>,
    /// The time in which a client earns one more try.
    interval: Duration,
    clock: Arc<dyn Clock>,
}

impl WrongTokens {
    /// A limit of `per_minute` wrong tokens, for each client, in a minute and at once.
    pub(super) fn new(per_minute: NonZeroU32, clock: &Arc<dyn Clock>) -> Self {
        let quota = Quota::per_minute(per_minute);
        let limiter = RateLimiter::dashmap_with_clock(quota, MonotonicClock(Arc::clone(clock))).with_middleware();
        Self { limiter, waits: Mutex::default(), interval: quota.replenish_interval(), clock: Arc::clone(clock) }
    }

    /// Whether the client may try a token; where not, the error says how long it has to wait.
    pub(super) fn may_try(&self, client: IpAddr) -> Result<(), Duration> {
        let until = self.waits().get(&client).copied().unwrap_or_default();
        let wait = until.saturating_sub(self.clock.elapsed());
        if wait.is_zero() { Ok(()) } else { Err(wait) }
    }

    /// Counts a wrong token. After the last permitted one the client has to wait.
    pub(super) fn note(&self, client: IpAddr) {
        let has_more = self.limiter.check_key(&client).is_ok_and(|state| state.remaining_burst_capacity() > 0);
        if !has_more {
            self.waits().insert(client, self.clock.elapsed() + self.interval);
        }
    }

    /// Forgets the clients that have sent no wrong token for long.
    pub(super) fn drop_idle(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
        let now = self.clock.elapsed();
        self.waits().retain(|_, until| *until > now);
    }

    fn waits(&self) -> MutexGuard<'_, HashMap<IpAddr, Duration>> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
