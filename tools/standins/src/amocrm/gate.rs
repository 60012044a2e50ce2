//! What stands before the API: the rate limit, the block that follows when it is ignored, and the tokens.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use super::{AmoCrmOptions, answer::Refusal};
use crate::{lock, meter::Meter};

/// 429 answers are counted over this long.
const PATIENCE: Duration = Duration::from_mins(1);

/// The gate of one account.
#[derive(Debug)]
pub(super) struct Gate(Mutex<State>);

#[derive(Debug)]
struct State {
    admitted: Meter,
    limited: Meter,
    limited_total: u32,
    blocked: bool,
}

/// How a request was turned away.
#[derive(Debug)]
pub(super) struct TurnedAway {
    pub(super) refusal: Refusal,
    /// It was the one too many.
    pub(super) blocked_now: bool,
}

impl Default for Gate {
    fn default() -> Self {
        Self(Mutex::new(State {
            admitted: Meter::default(),
            limited: Meter::over(PATIENCE),
            limited_total: 0,
            blocked: false,
        }))
    }
}

impl Gate {
    pub(super) fn admit(&self, options: &AmoCrmOptions, now: Instant) -> Result<(), TurnedAway> {
        let mut state = lock(&self.0);
        if state.blocked {
            return Err(TurnedAway {
                refusal: Refusal::html("blocked", 403),
                blocked_now: false,
            });
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
        let refusal = if as_page {
            Refusal::html("rate_limit", 429)
        } else {
            Refusal::rate_limited(options.retry_after_seconds)
        };
        Err(TurnedAway {
            refusal,
            blocked_now: state.blocked,
        })
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

    pub(super) fn is_blocked(&self) -> bool {
        lock(&self.0).blocked
    }
}
