//! Delays after a refusal.

use std::time::Duration;

/// The delay after the first, second, … refusal. There are as many retries as entries.
pub type Backoff = &'static [Duration];

/// Twelve retries over about eight hours: a vendor's bad day loses no lead.
pub const BACKOFF: Backoff = &[
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(45),
    Duration::from_mins(2),
    Duration::from_mins(5),
    Duration::from_mins(15),
    Duration::from_mins(30),
    Duration::from_hours(1),
    Duration::from_hours(1),
    Duration::from_mins(90),
    Duration::from_hours(2),
    Duration::from_hours(2),
];

/// The delay after the refusal that follows `retries` others; `None` when the backoff is used up. `at_least` is the
/// vendor's request; for `jitter` see [`spread`].
pub fn delay(backoff: Backoff, retries: u16, at_least: Option<Duration>, jitter: f64) -> Option<Duration> {
    let delay = backoff.get(usize::from(retries))?;
    Some(spread(*delay, jitter).max(at_least.unwrap_or_default()))
}

/// Between half of `delay` and all of it, by `jitter` in `0.0..=1.0`. It keeps a thousand tasks that were refused
/// together from returning together.
pub fn spread(delay: Duration, jitter: f64) -> Duration {
    delay.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
}
