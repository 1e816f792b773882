//! Names of the rules that a caller can break.

use serde::Serialize;

/// A rule of a vendor. The rules that several vendors share stand here, the others in the vendors' folders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Rule(&'static str);

impl Rule {
    /// The request has no credential, or one that the vendor does not accept.
    pub const BAD_KEY: Self = Self("bad_key");
    /// The caller has more requests in flight than the vendor permits.
    pub const SIMULTANEOUS: Self = Self("simultaneous");
    /// The caller sends more requests a second than the vendor permits.
    pub const RATE: Self = Self("rate");
    /// The caller sends a request before the time in `Retry-After` is over.
    pub const EARLY: Self = Self("early");
    /// A parameter is missing.
    pub const MISSING_PARAMETER: Self = Self("missing_parameter");
    /// A parameter or the body cannot be read, or has a value outside its range.
    pub const BAD_PARAMETER: Self = Self("bad_parameter");
    /// The range ends before it begins.
    pub const INVERTED: Self = Self("inverted");
    /// The range is longer than the vendor permits.
    pub const RANGE_TOO_LONG: Self = Self("range_too_long");
    /// The credential's owner has no such bot.
    pub const UNKNOWN_BOT: Self = Self("unknown_bot");
    /// The path does not exist.
    pub const UNKNOWN_ROUTE: Self = Self("unknown_route");
    /// The receiver answers a webhook too late, with a status other than 2xx, or with a body that the vendor does not
    /// accept.
    pub const BAD_REPLY: Self = Self("bad_reply");

    /// A rule of one vendor.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// The name in the request log, in snake case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.0
    }
}
