//! Faults of the vendor: errors that a request meets although the caller broke no rule.

use crate::random::{generator, pick};
use rand::Rng;
use std::time::Duration;

/// The probability (0 to 1) of each fault; a request meets at most one. The seed and the request's ordinal decide, so
/// that two runs with one seed fail in the same places.
#[derive(Clone, Debug, PartialEq)]
pub struct Faults {
    /// HTTP 429 with `Retry-After`.
    pub throttle_429: f64,
    /// The value of `Retry-After`, rounded up to whole seconds. Default 5 s.
    pub retry_after: Duration,
    /// How long the vendor refuses further requests after that 429, where `Retry-After` is wrong. Default: as long as it says.
    pub real_wait: Option<Duration>,
    /// HTTP 500.
    pub server_500: f64,
    /// HTTP 200 with a web page instead of data.
    pub html_200: f64,
    /// A body that ends too early: the connection closes, or complete HTTP carries a truncated text.
    pub cut_body: f64,
    /// The right answer, late.
    pub slow: f64,
    /// How late. Default 70 s.
    pub slow_for: Duration,
    /// HTTP 504 with a web page. The vendor does the work all the same.
    pub gateway_504: f64,
}

/// A fault that one request meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Throttle,
    Server,
    Html,
    Cut,
    Slow,
    Gateway,
}

/// Separates the draws of faults from other draws of one seed.
const SALT: u64 = 0x00FA_0175;

impl Faults {
    /// The fault of a request with that `roll`, if any.
    pub(crate) fn draw(&self, roll: &mut f64) -> Option<Fault> {
        let shares = [
            (self.throttle_429, Fault::Throttle),
            (self.server_500, Fault::Server),
            (self.html_200, Fault::Html),
            (self.cut_body, Fault::Cut),
            (self.slow, Fault::Slow),
            (self.gateway_504, Fault::Gateway),
        ];
        pick(shares, roll)
    }
}

impl Fault {
    /// The outcome in the request log.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Throttle => "throttle_429",
            Self::Server => "server_500",
            Self::Html => "html_200",
            Self::Cut => "cut_body",
            Self::Slow => "slow",
            Self::Gateway => "gateway_504",
        }
    }

    /// Whether the caller gets no complete answer of the vendor.
    pub(crate) fn loses_answer(self) -> bool {
        self != Self::Slow
    }
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            throttle_429: 0.0,
            retry_after: Duration::from_secs(5),
            real_wait: None,
            server_500: 0.0,
            html_200: 0.0,
            cut_body: 0.0,
            slow: 0.0,
            slow_for: Duration::from_secs(70),
            gateway_504: 0.0,
        }
    }
}

/// A number from 0 to 1 that decides the fault of request `ordinal`.
pub(super) fn roll(seed: u64, ordinal: u64) -> f64 {
    generator(seed ^ SALT, ordinal).random()
}
