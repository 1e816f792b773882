//! A repeatable random generator: one seed determines a whole simulation.

use chrono::TimeDelta;
use std::time::Duration;

/// The generator known as `SplitMix64`.
pub struct Rng(pub u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From `low` to `high`, both included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let count = u64::try_from(high - low + 1).unwrap();
        low + i64::try_from(self.next() % count).unwrap()
    }

    /// True in `times` of a thousand calls.
    pub fn in_thousand(&mut self, times: i64) -> bool {
        self.between(1, 1_000) <= times
    }

    pub fn seconds(&mut self, low: i64, high: i64) -> TimeDelta {
        TimeDelta::milliseconds(self.between(low * 1_000, high * 1_000))
    }

    pub fn wait(&mut self, low: i64, high: i64) -> Duration {
        self.seconds(low, high).to_std().unwrap()
    }

    /// In `[0, 1)`.
    pub fn jitter(&mut self) -> f64 {
        f64::from(u16::try_from(self.between(0, 9_999)).unwrap()) / 10_000.0
    }
}
