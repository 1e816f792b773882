//! Numbers by seed.

use rand::SeedableRng;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use std::time::Duration;

/// A generator for the `number`th thing drawn from `seed`, unlike that of its neighbours.
pub(crate) fn generator(seed: u64, number: u64) -> SmallRng {
    SmallRng::seed_from_u64(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ number.wrapping_mul(0xBF58_476D_1CE4_E5B9))
}

/// A number for `text`: FNV-1a, the same on every machine.
pub(crate) fn hashed(text: &str) -> u64 {
    let begin = 0xCBF2_9CE4_8422_2325_u64;
    text.bytes().fold(begin, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
}

/// The whole part of `number`; zero where it has none. By way of seconds, which converts without a cast.
pub(crate) fn whole(number: f64) -> u64 {
    Duration::try_from_secs_f64(number).map_or(0, |seconds| seconds.as_secs())
}

/// Any of `words`.
pub(crate) fn one_of<'a>(words: &[&'a str], random: &mut SmallRng) -> &'a str {
    words.choose(random).copied().unwrap_or_default()
}
