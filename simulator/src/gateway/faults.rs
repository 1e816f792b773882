//! What goes wrong though the caller did nothing wrong.

use crate::draw::generator;
use rand::Rng;
use std::time::Duration;

/// Probabilities (0 to 1) of each fault; a request meets at most one. Drawn from the seed and the request's ordinal,
/// so the same run fails in the same places.
#[derive(Clone, Debug, PartialEq)]
pub struct Faults {
    /// HTTP 429 with `Retry-After`. Whoever asks again before it is over breaks a rule.
    pub throttle_429: f64,
    /// What `Retry-After` says, in whole seconds. Default 1 s.
    pub retry_after: Duration,
    /// HTTP 500.
    pub server_500: f64,
    /// HTTP 200 with a web page instead of data.
    pub html_200: f64,
    /// A body that ends in the middle: a connection closed too soon, or whole HTTP around cut text.
    pub cut_body: f64,
    /// The right answer, late.
    pub slow: f64,
    /// How late. Default 40 s.
    pub slow_for: Duration,
    /// HTTP 504 with a web page.
    pub gateway_504: f64,
}

/// What goes wrong with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Throttle,
    Server,
    Html,
    Cut,
    Slow,
    Gateway,
}

/// Keeps the faults' draws apart from others.
const SALT: u64 = 0x00FA_0175;

impl Faults {
    /// What goes wrong with request `ordinal`, if anything.
    pub(super) fn draw(&self, seed: u64, ordinal: u64) -> Option<Fault> {
        let mut left: f64 = generator(seed ^ SALT, ordinal).random();
        let shares = [
            (self.throttle_429, Fault::Throttle),
            (self.server_500, Fault::Server),
            (self.html_200, Fault::Html),
            (self.cut_body, Fault::Cut),
            (self.slow, Fault::Slow),
            (self.gateway_504, Fault::Gateway),
        ];
        shares.into_iter().find_map(|(share, fault)| {
            let met = left < share;
            left -= share;
            met.then_some(fault)
        })
    }
}

impl Fault {
    /// Its name in the record.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Throttle => "throttle_429",
            Self::Server => "server_500",
            Self::Html => "html_200",
            Self::Cut => "cut_body",
            Self::Slow => "slow",
            Self::Gateway => "gateway_504",
        }
    }
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            throttle_429: 0.0,
            retry_after: Duration::from_secs(1),
            server_500: 0.0,
            html_200: 0.0,
            cut_body: 0.0,
            slow: 0.0,
            slow_for: Duration::from_secs(40),
            gateway_504: 0.0,
        }
    }
}
