//! The rate limit, and the block that follows when it is ignored.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use super::{AmoCrmOptions, answer::Refusal};
use crate::{lock, meter::Meter};

/// 429 answers are counted over this long.
const LIMITED_WINDOW: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub(super) struct Limits(Mutex<State>);

#[derive(Debug)]
struct State {
    admitted: Meter,
    limited: Meter,
    limited_total: u32,
    blocked: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self(Mutex::new(State {
            admitted: Meter::default(),
            limited: Meter::over(LIMITED_WINDOW),
            limited_total: 0,
            blocked: false,
        }))
    }
}

impl Limits {
    pub(super) fn admit(&self, options: &AmoCrmOptions, now: Instant) -> Result<(), Refusal> {
        let mut state = lock(&self.0);
        if state.blocked {
            return Err(Refusal::html("blocked", 403));
        }
        let Some(limit) = options.rate_limit_per_second else {
            return Ok(());
        };
        if state.admitted.count(now) < limit as usize {
            state.admitted.hit(now);
            return Ok(());
        }
        state.limited_total = state.limited_total.wrapping_add(1);
        let limited = state.limited.hit(now);
        state.blocked = options.block_after.is_some_and(|max| limited >= max as usize);
        let as_page = options
            .html_every
            .is_some_and(|n| state.limited_total.is_multiple_of(n));
        if as_page {
            return Err(Refusal::html("rate_limit", 429));
        }
        Err(Refusal::rate_limited(options.retry_after_seconds))
    }

    pub(super) fn block(&self) {
        lock(&self.0).blocked = true;
    }

    /// Ends the block, and forgets what led to it.
    pub(super) fn unblock(&self) {
        let mut state = lock(&self.0);
        state.blocked = false;
        state.limited.clear();
    }
}
