//! Counts events in a sliding window of one second.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

const WINDOW: Duration = Duration::from_secs(1);

/// Moments of the last second, oldest first.
#[derive(Debug, Default)]
pub(super) struct Meter(VecDeque<Instant>);

impl Meter {
    /// How many events the second before `now` holds.
    pub(super) fn count(&mut self, now: Instant) -> usize {
        while self
            .0
            .front()
            .is_some_and(|first| now.duration_since(*first) >= WINDOW)
        {
            self.0.pop_front();
        }
        self.0.len()
    }

    /// Adds an event; returns the count including it.
    pub(super) fn hit(&mut self, now: Instant) -> usize {
        self.0.push_back(now);
        self.count(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_leave_the_window_after_a_second() {
        let start = Instant::now();
        let mut meter = Meter::default();
        assert_eq!(meter.hit(start), 1);
        assert_eq!(meter.hit(start + Duration::from_millis(400)), 2);
        assert_eq!(meter.count(start + Duration::from_millis(999)), 2);
        assert_eq!(meter.count(start + Duration::from_secs(1)), 1);
        assert_eq!(meter.hit(start + Duration::from_secs(9)), 1);
    }
}
