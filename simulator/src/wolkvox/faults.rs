//! What goes wrong though the caller did nothing wrong.

use super::truth::generator;
use rand::Rng;
use std::time::Duration;

/// Probabilities (0 to 1) of each fault; a request meets at most one. Drawn from the seed and the request's
/// ordinal, so the same run fails in the same places.
#[derive(Clone, Debug, PartialEq)]
pub struct Faults {
    /// HTTP 429 with `Retry-After`.
    pub throttle_429: f64,
    /// What `Retry-After` says, in whole seconds. Default 5 s.
    pub retry_after: Duration,
    /// HTTP 403 for this call and the next ones: the server is being backed up.
    pub maintenance_403: f64,
    /// How many calls in a row one maintenance refuses. Default 3.
    pub maintenance_calls: u32,
    /// HTTP 500.
    pub server_500: f64,
    /// HTTP 200 with a web page instead of data.
    pub html_200: f64,
    /// HTTP 200 whose body ends in the middle: a connection closed too soon, or whole HTTP around cut text.
    pub cut_body: f64,
    /// The right answer, late.
    pub slow: f64,
    /// How late. Default 70 s: later than the vendor promises.
    pub slow_for: Duration,
    /// HTTP 403 about simultaneous requests though there was only one.
    pub simultaneous_403: f64,
    /// HTTP 200 around an envelope whose `code` is an error.
    pub error_in_200: f64,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            throttle_429: 0.0,
            retry_after: Duration::from_secs(5),
            maintenance_403: 0.0,
            maintenance_calls: 3,
            server_500: 0.0,
            html_200: 0.0,
            cut_body: 0.0,
            slow: 0.0,
            slow_for: Duration::from_secs(70),
            simultaneous_403: 0.0,
            error_in_200: 0.0,
        }
    }
}

/// What goes wrong with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Throttle,
    Maintenance,
    Server,
    Html,
    Cut,
    Slow,
    Simultaneous,
    ErrorInside,
}

/// Keeps the faults' draws apart from the chats'.
const SALT: u64 = 0x00FA_0175;

impl Faults {
    /// What goes wrong with request `ordinal`, if anything.
    pub(super) fn draw(&self, seed: u64, ordinal: u64) -> Option<Fault> {
        let mut left: f64 = generator(seed ^ SALT, ordinal).random();
        let shares = [
            (self.throttle_429, Fault::Throttle),
            (self.maintenance_403, Fault::Maintenance),
            (self.server_500, Fault::Server),
            (self.html_200, Fault::Html),
            (self.cut_body, Fault::Cut),
            (self.slow, Fault::Slow),
            (self.simultaneous_403, Fault::Simultaneous),
            (self.error_in_200, Fault::ErrorInside),
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
            Self::Maintenance => "maintenance_403",
            Self::Server => "server_500",
            Self::Html => "html_200",
            Self::Cut => "cut_body",
            Self::Slow => "slow",
            Self::Simultaneous => "simultaneous_403",
            Self::ErrorInside => "error_in_200",
        }
    }
}
