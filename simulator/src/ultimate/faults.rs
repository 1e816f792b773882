//! What goes wrong though the caller did nothing wrong.

use super::draw::generator;
use rand::Rng;
use std::time::Duration;

/// Probabilities (0 to 1) of each fault; a request, list call or download, meets at most one. Drawn from the seed
/// and the request's ordinal, so the same run fails in the same places.
#[derive(Clone, Debug, PartialEq)]
pub struct Faults {
    /// HTTP 429 with `Retry-After`.
    pub throttle_429: f64,
    /// What `Retry-After` says, in whole seconds. Default 5 s.
    pub retry_after: Duration,
    /// HTTP 500.
    pub server_500: f64,
    /// HTTP 200 with a web page instead of data.
    pub html_200: f64,
    /// HTTP 200 whose body ends in the middle: a connection closed too soon, or whole HTTP around cut text.
    pub cut_body: f64,
    /// The right answer, late.
    pub slow: f64,
    /// How late. Default 70 s.
    pub slow_for: Duration,
    /// A file of which half comes, and then neither more nor an end. Lists are spared.
    pub stall: f64,
    /// Share of files whose URL is dead at once when their day is first listed; a fresh list names good ones.
    pub expire_url: f64,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            throttle_429: 0.0,
            retry_after: Duration::from_secs(5),
            server_500: 0.0,
            html_200: 0.0,
            cut_body: 0.0,
            slow: 0.0,
            slow_for: Duration::from_secs(70),
            stall: 0.0,
            expire_url: 0.0,
        }
    }
}

/// What goes wrong with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Throttle,
    Server,
    Html,
    Cut,
    Slow,
    Stall,
}

/// Keeps the faults' draws apart from the conversations'.
const SALT: u64 = 0x00FA_0175;
const SALT_URL: u64 = 0xDEAD;

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
            (self.stall, Fault::Stall),
        ];
        shares.into_iter().find_map(|(share, fault)| {
            let met = left < share;
            left -= share;
            met.then_some(fault)
        })
    }

    /// Whether the URL of `file`, a number of its own for bot, day and part, is dead when first listed.
    pub(super) fn kills(&self, seed: u64, file: u64) -> bool {
        generator(seed ^ SALT_URL, file).random::<f64>() < self.expire_url
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
            Self::Stall => "stall",
        }
    }
}
