//! Counts events in a sliding window.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

#[derive(Debug)]
pub(super) struct Meter {
    window: Duration,
    moments: VecDeque<Instant>,
}

/// Rates are given a second.
impl Default for Meter {
    fn default() -> Self {
        Self::over(Duration::from_secs(1))
    }
}

impl Meter {
    pub(super) fn over(window: Duration) -> Self {
        Self {
            window,
            moments: VecDeque::new(),
        }
    }

    pub(super) fn count(&mut self, now: Instant) -> usize {
        while self
            .moments
            .front()
            .is_some_and(|first| now.duration_since(*first) >= self.window)
        {
            self.moments.pop_front();
        }
        self.moments.len()
    }

    pub(super) fn hit(&mut self, now: Instant) -> usize {
        self.moments.push_back(now);
        self.count(now)
    }

    pub(super) fn clear(&mut self) {
        self.moments.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_leave_the_window_in_time() {
        let start = Instant::now();
        let mut meter = Meter::default();
        assert_eq!(meter.hit(start), 1);
        assert_eq!(meter.hit(start + Duration::from_millis(400)), 2);
        assert_eq!(meter.count(start + Duration::from_millis(999)), 2);
        assert_eq!(meter.count(start + Duration::from_secs(1)), 1);
        assert_eq!(meter.hit(start + Duration::from_secs(9)), 1);

        let mut minute = Meter::over(Duration::from_mins(1));
        minute.hit(start);
        assert_eq!(minute.count(start + Duration::from_secs(59)), 1);
        assert_eq!(minute.count(start + Duration::from_mins(1)), 0);
    }
}
