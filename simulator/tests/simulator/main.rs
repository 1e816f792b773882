//! Tests of the simulators themselves: over real HTTP on loopback, by clients that share no code with convosync.
#![expect(clippy::disallowed_methods, reason = "these tests are their own client; they reach loopback only")]
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod catalog;
mod certainly;
mod treble;
mod truora;
mod ultimate;
mod wolkvox;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::clock::Clock;
use domain::window::Window;
use simulator::{Rule, Serving, SimulatedVendor, serve};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// A clock that a test sets.
struct ManualClock(Mutex<DateTime<Utc>>);

/// A served vendor, its clock, and a client.
struct Bench<V> {
    vendor: V,
    clock: Arc<ManualClock>,
    serving: Serving,
    client: reqwest::Client,
    /// The credential that the vendor accepts at first.
    token: String,
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }

    fn elapsed(&self) -> Duration {
        (self.now() - DateTime::UNIX_EPOCH).to_std().unwrap()
    }
}

impl ManualClock {
    fn forward(&self, by: TimeDelta) {
        *self.0.lock().unwrap() += by;
    }
}

impl<V: SimulatedVendor> Bench<V> {
    /// Serves the vendor that `create` makes, with the clock at `now`.
    async fn start(now: &str, token: &str, create: impl FnOnce(Arc<dyn Clock>) -> V) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let clock = Arc::new(ManualClock(Mutex::new(at(now))));
        let vendor = create(Arc::clone(&clock) as Arc<dyn Clock>);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let serving = serve(listener, vendor.router(), &CancellationToken::new()).unwrap();
        let redirects = reqwest::redirect::Policy::none();
        let client = reqwest::Client::builder().no_proxy().redirect(redirects).build().unwrap();
        Self { vendor, clock, serving, client, token: token.to_owned() }
    }

    fn broken_rules(&self) -> Vec<Rule> {
        self.vendor.breaches().iter().map(|breach| breach.rule).collect()
    }

    fn outcomes(&self) -> Vec<&'static str> {
        self.vendor.requests().iter().map(|request| request.outcome).collect()
    }

    /// The days up to now.
    fn last_days(&self, days: i64) -> Window {
        let now = self.clock.now();
        Window::new(now - TimeDelta::days(days), now + TimeDelta::milliseconds(1)).unwrap()
    }
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn window(from: &str, to: &str) -> Window {
    Window::new(at(from), at(to)).unwrap()
}
