//! Seeded random draws: the same seed gives the same dataset, variants and faults on every machine.

use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_64;

/// A generator for the thing numbered `number` under `seed`; neighbouring numbers give unrelated draws.
pub(crate) fn generator(seed: u64, number: u64) -> SmallRng {
    SmallRng::seed_from_u64(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ number.wrapping_mul(0xBF58_476D_1CE4_E5B9))
}

/// A hash of `text` that is the same on every machine.
pub(crate) fn hash(text: &str) -> u64 {
    xxh3_64(text.as_bytes())
}

/// The whole part of `number`; zero where it is negative or too large. The route over seconds avoids a cast.
pub(crate) fn whole(number: f64) -> u64 {
    Duration::try_from_secs_f64(number).map_or(0, |seconds| seconds.as_secs())
}

/// The whole part of `share` (0 to 1) of `count`.
pub(crate) fn share_of(count: usize, share: f64) -> usize {
    let kept = Duration::from_secs(u64::try_from(count).unwrap_or_default()).mul_f64(share).as_secs();
    usize::try_from(kept).unwrap_or_default()
}

/// One of `words`; empty where there are none.
pub(crate) fn choose<'a>(words: &[&'a str], random: &mut SmallRng) -> &'a str {
    words.choose(random).copied().unwrap_or_default()
}

/// True with the probability `share` (0 to 1).
pub(crate) fn happens(share: f64, random: &mut SmallRng) -> bool {
    random.random::<f64>() < share
}

/// The first alternative whose share covers `roll` (0 to 1). Takes the shares that it passes off `roll`, so that a
/// second list can use the rest of the roll.
pub(crate) fn pick<T>(shares: impl IntoIterator<Item = (f64, T)>, roll: &mut f64) -> Option<T> {
    shares.into_iter().find_map(|(share, alternative)| {
        let covered = *roll < share;
        *roll -= share;
        covered.then_some(alternative)
    })
}

/// `configured`, or one of `alternatives` where that is `mixed`. Draws in either case, so that one switch does not
/// change the draws of another.
pub(crate) fn unmix<T: Copy + PartialEq>(configured: T, mixed: T, alternatives: &[T], random: &mut SmallRng) -> T {
    let drawn = alternatives.choose(random).copied().unwrap_or(configured);
    if configured == mixed { drawn } else { configured }
}
