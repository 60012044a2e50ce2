//! Randomness from the operating system.

/// A number in `0.0..=1.0` that spreads delays. Without randomness it is 1.0, the longest delay.
pub fn jitter() -> f64 {
    getrandom::u32().map_or(1.0, |random| f64::from(random) / f64::from(u32::MAX))
}
