//! Smooths the requests that this process sends on a lane to the lane's rate.
//!
//! The database books each send time for all processes and stays authoritative. These limiters act after the booking
//! and only delay: a process that was paused does not send several overdue requests at once.

use domain::clock::Clock;
use domain::lane::LaneKey;
use domain::rules::Rules;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// One limiter per lane that has a rate.
pub struct RateLimits {
    clock: Arc<dyn Clock>,
    lanes: Mutex<HashMap<LaneKey, Arc<RateLimit>>>,
}

/// Delays the requests of one lane so that they do not start closer than its rate permits.
pub struct RateLimit {
    gap: Duration,
    clock: LimiterClock,
    limiter: RateLimiter<NotKeyed, InMemoryState, LimiterClock, NoOpMiddleware<Duration>>,
}

/// The process' monotonic clock, as governor reads it.
#[derive(Clone)]
struct LimiterClock(Arc<dyn Clock>);

impl governor::clock::Clock for LimiterClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

impl RateLimits {
    /// Limiters that read `clock`, none yet.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, lanes: Mutex::default() }
    }

    /// The limiter of the lane `key`, shared by all its jobs in this process; `None` if `rules` set no rate.
    #[must_use]
    pub fn of_lane(&self, key: &LaneKey, rules: &Rules) -> Option<Arc<RateLimit>> {
        let gap = rules.gap()?;
        let mut lanes = self.lanes.lock().ok()?;
        if let Some(limit) = lanes.get(key).filter(|limit| limit.gap == gap) {
            return Some(Arc::clone(limit));
        }
        let limit = Arc::new(RateLimit::new(gap, Arc::clone(&self.clock))?);
        lanes.insert(key.clone(), Arc::clone(&limit));
        Some(limit)
    }
}

impl RateLimit {
    /// A limiter without bursts. Its period is a tenth shorter than `gap`, so that timers that fire late do not add up
    /// and slow the lane below its reserved rate. `None` if `gap` is zero.
    fn new(gap: Duration, clock: Arc<dyn Clock>) -> Option<Self> {
        let clock = LimiterClock(clock);
        let quota = Quota::with_period(gap.mul_f64(0.9))?;
        Some(Self { gap, limiter: RateLimiter::direct_with_clock(quota, clock.clone()), clock })
    }

    /// Waits until the rate permits the next request.
    pub async fn wait(&self) {
        while let Some(delay) = self.delay() {
            tokio::time::sleep(delay).await;
        }
    }

    /// How long the next request must wait; `None` if it may start now, which then counts as its start.
    fn delay(&self) -> Option<Duration> {
        let now = governor::clock::Clock::now(&self.clock);
        self.limiter.check().err().map(|denied| denied.wait_time_from(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{DateTime, TimeDelta, Utc};
    use std::sync::atomic::{AtomicU64, Ordering};

    /// A clock that stands still until the test moves it.
    #[derive(Default)]
    struct ManualClock(AtomicU64);

    impl ManualClock {
        fn advance(&self, millis: u64) {
            self.0.fetch_add(millis, Ordering::Relaxed);
        }
    }

    impl Clock for ManualClock {
        fn now(&self) -> DateTime<Utc> {
            DateTime::UNIX_EPOCH + self.elapsed()
        }

        fn elapsed(&self) -> Duration {
            Duration::from_millis(self.0.load(Ordering::Relaxed))
        }
    }

    fn rules(requests_per_second: Option<f64>) -> Rules {
        let (second, day) = (Duration::from_secs(1), TimeDelta::days(1));
        Rules {
            longest: day,
            step: TimeDelta::seconds(1),
            granularity: TimeDelta::seconds(1),
            ready_after: None,
            late_filing: TimeDelta::zero(),
            retention: None,
            export: None,
            row_cap: 100,
            items_per_list: None,
            spacing: Duration::ZERO,
            max_in_flight: 4,
            daily_quota: None,
            interval: second,
            settle: day,
            refresh: second,
            overlap: TimeDelta::zero(),
            timeout: second,
            lease: second * 2,
            retry_min: second,
            retry_max: second,
            pending: second,
            maintenance_pause: second,
            requests_per_second,
        }
    }

    #[test]
    fn overdue_requests_start_one_period_apart() {
        let clock = Arc::new(ManualClock::default());
        let limit = RateLimit::new(Duration::from_millis(200), clock.clone()).unwrap();
        clock.advance(60_000);
        assert_eq!(limit.delay(), None, "the first request starts at once");
        assert_eq!(limit.delay(), Some(Duration::from_millis(180)), "an idle minute permits no burst");
        clock.advance(179);
        assert_eq!(limit.delay(), Some(Duration::from_millis(1)));
        clock.advance(1);
        assert_eq!((limit.delay(), limit.delay()), (None, Some(Duration::from_millis(180))));
    }

    #[test]
    fn requests_at_their_reserved_times_are_not_delayed() {
        let clock = Arc::new(ManualClock::default());
        let limit = RateLimit::new(Duration::from_millis(200), clock.clone()).unwrap();
        for late in [0, 15, 3, 20, 1, 9] {
            clock.advance(late);
            assert_eq!(limit.delay(), None, "a timer {late} ms late");
            clock.advance(200 - late);
        }
    }

    #[test]
    fn a_lane_shares_one_limiter_while_its_rate_stays() {
        let limits = RateLimits::new(Arc::new(ManualClock::default()));
        let (key, other) = (LaneKey::new("truora", "a"), LaneKey::new("truora", "b"));
        let limit = limits.of_lane(&key, &rules(Some(5.0))).unwrap();
        assert!(Arc::ptr_eq(&limit, &limits.of_lane(&key, &rules(Some(5.0))).unwrap()));
        assert!(!Arc::ptr_eq(&limit, &limits.of_lane(&other, &rules(Some(5.0))).unwrap()));
        assert!(!Arc::ptr_eq(&limit, &limits.of_lane(&key, &rules(Some(9.0))).unwrap()));
        assert!(limits.of_lane(&key, &rules(None)).is_none(), "a lane without a rate has no limiter");
    }
}
