//! Limits on inbound requests: per client address, and per account for webhooks.

mod wrong_tokens;

use crate::Server;
use crate::problem::Problem;
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use nonzero_ext::nonzero;
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use tracing::debug;
use wrong_tokens::WrongTokens;

/// How many requests the server takes before it answers 429.
///
/// Behind a reverse proxy all clients share the address of the proxy, so the defaults leave room for many of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The sustained rate of one client address (for IPv6: of one /64 network). Default: 500 requests a second.
    pub requests_per_second_per_client: NonZeroU32,
    /// How many requests one client may send at once. Default: 5,000.
    pub request_burst_per_client: NonZeroU32,
    /// The sustained rate of proven webhooks of one account. Default: 200 a second.
    pub webhooks_per_second_per_account: NonZeroU32,
    /// How many proven webhooks one account may send at once. Default: 4,000.
    pub webhook_burst_per_account: NonZeroU32,
    /// How many wrong tokens one client address may send in a minute, and at once. Default: 30.
    pub wrong_tokens_per_minute_per_client: NonZeroU32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests_per_second_per_client: nonzero!(500_u32),
            request_burst_per_client: nonzero!(5_000_u32),
            webhooks_per_second_per_account: nonzero!(200_u32),
            webhook_burst_per_account: nonzero!(4_000_u32),
            wrong_tokens_per_minute_per_client: nonzero!(30_u32),
        }
    }
}

/// The limits and what each client and account has used of them.
pub struct RateLimits {
    clients: KeyedLimit<IpAddr>,
    accounts: KeyedLimit<String>,
    wrong_tokens: WrongTokens,
}

impl RateLimits {
    /// Limits that count time by `clock`.
    #[must_use]
    pub fn new(limits: &Limits, clock: &Arc<dyn Clock>) -> Self {
        let quota = |rate, burst| Quota::per_second(rate).allow_burst(burst);
        Self {
            clients: KeyedLimit::new(
                quota(limits.requests_per_second_per_client, limits.request_burst_per_client),
                Arc::clone(clock),
            ),
            accounts: KeyedLimit::new(
                quota(limits.webhooks_per_second_per_account, limits.webhook_burst_per_account),
                Arc::clone(clock),
            ),
            wrong_tokens: WrongTokens::new(limits.wrong_tokens_per_minute_per_client, clock),
        }
    }

    /// Counts a webhook that `account` has proven. An unproven one never counts, so a stranger cannot use up the limit.
    ///
    /// # Errors
    /// 429 where the account is over its limit.
    pub(crate) fn take_webhook(&self, account: &str) -> Result<(), Problem> {
        self.accounts.take(&account.to_owned()).map_err(|wait| {
            debug!(account, ?wait, "webhook rejected: the account is over its limit");
            too_many("account", "too many webhooks for this account", wait)
        })
    }

    /// Whether the client may try a token.
    ///
    /// # Errors
    /// 429 after too many wrong tokens.
    pub(crate) fn may_try_token(&self, client: IpAddr) -> Result<(), Problem> {
        self.wrong_tokens.may_try(network(client)).map_err(|wait| {
            debug!(%client, ?wait, "token rejected: the client has sent too many wrong ones");
            too_many("token", "too many wrong tokens from this address", wait)
        })
    }

    /// Counts a wrong token of the client.
    pub(crate) fn note_wrong_token(&self, client: IpAddr) {
        self.wrong_tokens.note(network(client));
    }

    /// Forgets the clients and accounts whose limit is unused again.
    pub(crate) fn drop_idle(&self) {
        self.clients.drop_idle();
        self.accounts.drop_idle();
        self.wrong_tokens.drop_idle();
    }

    fn take_request(&self, client: IpAddr) -> Result<(), Problem> {
        self.clients.take(&network(client)).map_err(|wait| {
            debug!(%client, ?wait, "request rejected: the client is over its limit");
            too_many("client", "too many requests from this address", wait)
        })
    }
}

/// Middleware: answers 429 to a client that is over its limit.
pub(crate) async fn limit_client(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    match server.rate_limits.take_request(client(&request)) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// The address of the client. A server without sockets (in tests) has no peer address; its requests share one limit.
pub(crate) fn client(request: &Request) -> IpAddr {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(address)| address.ip())
}

fn too_many(limit: &'static str, detail: &str, wait: Duration) -> Problem {
    metrics::counter!("convosync_http_requests_limited_total", "limit" => limit).increment(1);
    Problem::too_many_requests(detail, wait)
}

/// The key of a client. One IPv6 subscriber commonly holds a /64 network, so its addresses share a limit.
fn network(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        address @ IpAddr::V4(_) => address,
    }
}

/// One limit for each key.
struct KeyedLimit<K: Hash + Eq + Clone> {
    limiter: RateLimiter<K, DashMapStateStore<K>, MonotonicClock, NoOpMiddleware<Duration>>,
    clock: MonotonicClock,
}

impl<K: Hash + Eq + Clone> KeyedLimit<K> {
    fn new(quota: Quota, clock: Arc<dyn Clock>) -> Self {
        let clock = MonotonicClock(clock);
        Self { limiter: RateLimiter::dashmap_with_clock(quota, clock.clone()), clock }
    }

    /// Takes one request from the limit of `key`; where none is left, the error says how long to wait.
    fn take(&self, key: &K) -> Result<(), Duration> {
        use governor::clock::Clock as _;
        self.limiter.check_key(key).map_err(|denial| denial.wait_time_from(self.clock.now()))
    }

    fn drop_idle(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }
}

/// The service's clock as governor reads it.
#[derive(Clone)]
struct MonotonicClock(Arc<dyn Clock>);

impl governor::clock::Clock for MonotonicClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::{Clock, Limits, RateLimits, network};
    use chrono::{DateTime, Utc};
    use std::net::IpAddr;
    use std::num::NonZeroU32;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    #[derive(Default)]
    struct ManualClock(AtomicU64);

    impl Clock for ManualClock {
        fn now(&self) -> DateTime<Utc> {
            DateTime::UNIX_EPOCH
        }

        fn elapsed(&self) -> Duration {
            Duration::from_millis(self.0.load(Ordering::Relaxed))
        }
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an IP address")
    }

    fn limited_to(rate: u32, burst: u32) -> (RateLimits, Arc<ManualClock>) {
        let number = |number| NonZeroU32::new(number).expect("a positive number");
        let limits = Limits {
            requests_per_second_per_client: number(rate),
            request_burst_per_client: number(burst),
            webhooks_per_second_per_account: number(rate),
            webhook_burst_per_account: number(burst),
            wrong_tokens_per_minute_per_client: number(burst),
        };
        let clock = Arc::new(ManualClock::default());
        (RateLimits::new(&limits, &(Arc::clone(&clock) as Arc<dyn Clock>)), clock)
    }

    #[test]
    fn limits_each_client_by_burst_and_rate() {
        let (limits, clock) = limited_to(2, 3);
        let (client, neighbour) = (address("192.0.2.1"), address("192.0.2.2"));
        assert!((0..3).all(|_| limits.take_request(client).is_ok()));
        assert!(limits.take_request(client).is_err());
        assert!(limits.take_request(neighbour).is_ok(), "each client has a limit of its own");
        clock.0.store(500, Ordering::Relaxed);
        assert!(limits.take_request(client).is_ok(), "two a second are one in half a second");
        assert!(limits.take_request(client).is_err());
    }

    #[test]
    fn limits_each_account_on_its_own() {
        let (limits, _) = limited_to(1, 1);
        assert!(limits.take_webhook("one").is_ok());
        assert!(limits.take_webhook("one").is_err());
        assert!(limits.take_webhook("two").is_ok());
    }

    #[test]
    fn a_client_with_too_many_wrong_tokens_has_to_wait_even_with_the_right_one() {
        let (limits, clock) = limited_to(1, 3);
        let (client, neighbour) = (address("192.0.2.1"), address("192.0.2.2"));
        for _ in 0..3 {
            assert!(limits.may_try_token(client).is_ok());
            limits.note_wrong_token(client);
        }
        assert!(limits.may_try_token(client).is_err());
        assert!(limits.may_try_token(neighbour).is_ok(), "each client has a limit of its own");
        clock.0.store(20_000, Ordering::Relaxed);
        assert!(limits.may_try_token(client).is_ok(), "three a minute are one in 20 s");
        limits.note_wrong_token(client);
        assert!(limits.may_try_token(client).is_err());
        clock.0.store(39_999, Ordering::Relaxed);
        assert!(limits.may_try_token(client).is_err());
        clock.0.store(100_000, Ordering::Relaxed);
        limits.drop_idle();
        assert!(limits.may_try_token(client).is_ok());
    }

    #[test]
    fn forgets_clients_once_their_limit_is_unused() {
        let (limits, clock) = limited_to(2, 4);
        for last in 1..=250_u8 {
            assert!(limits.take_request(IpAddr::from([192, 0, 2, last])).is_ok());
        }
        limits.drop_idle();
        assert_eq!(limits.clients.limiter.len(), 250);
        clock.0.store(60_000, Ordering::Relaxed);
        limits.drop_idle();
        assert_eq!(limits.clients.limiter.len(), 0);
    }

    #[test]
    fn counts_a_64_network_as_one_client() {
        assert_eq!(network(address("2001:db8:1:2:3:4:5:6")), network(address("2001:db8:1:2::1")));
        assert_ne!(network(address("2001:db8:1:2::1")), network(address("2001:db8:1:3::1")));
        assert_eq!(network(address("::ffff:192.0.2.1")), address("192.0.2.1"));
    }
}
