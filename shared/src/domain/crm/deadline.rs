//! Until when a task is to be done: only working time counts.

use std::time::Duration;

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;
/// Almaty's time. All of Kazakhstan has had UTC+5 since 2024-03-01, and no summer time, so a fixed number is enough.
const ALMATY: u64 = 5 * HOUR;

/// The hours of a day in which the sales team works, the same every day, in Almaty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkHours {
    /// Seconds of the day.
    opens: u64,
    /// Exclusive.
    closes: u64,
}

impl WorkHours {
    pub const DEFAULT: &'static str = "10-19";

    /// Reads whole hours, such as `10-19`; `0-24` is around the clock. `None` for anything else.
    pub fn parse(raw: &str) -> Option<Self> {
        let (opens, closes) = raw.split_once('-')?;
        let hour = |raw: &str| raw.trim().parse::<u64>().ok().map(|hours| hours * HOUR);
        let (opens, closes) = (hour(opens)?, hour(closes)?);
        (opens < closes && closes <= DAY).then_some(Self { opens, closes })
    }

    /// When so much working time has passed after `now`; both count from 1970. What comes at night, or shortly before the
    /// end of the day, has its time, or the rest of it, on the next day.
    pub fn deadline(self, now: Duration, time: Duration) -> Duration {
        let (mut at, mut left) = (now.as_secs() + ALMATY, time.as_secs());
        loop {
            let midnight = at - at % DAY;
            let begins = at.max(midnight + self.opens);
            let today = (midnight + self.closes).saturating_sub(begins);
            // A time that fills the day ends with it, not with the next one's beginning.
            if left <= today && today > 0 {
                return Duration::from_secs(begins + left - ALMATY);
            }
            left -= today.min(left);
            at = midnight + DAY;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A time of 2026-11-26 in Almaty, with hours beyond 23 on the days after it.
    fn almaty(hour: u64, minute: u64) -> Duration {
        // 1_795_633_200 is 2026-11-26T00:00:00+05:00.
        Duration::from_secs(1_795_633_200 + hour * HOUR + minute * 60)
    }

    fn minutes(minutes: u64) -> Duration {
        Duration::from_secs(minutes * 60)
    }

    #[test]
    fn only_working_time_counts() {
        let hours = WorkHours::parse(WorkHours::DEFAULT).unwrap();
        for (now, time, expected) in [
            (almaty(12, 0), 15, almaty(12, 15)),
            (almaty(10, 0), 15, almaty(10, 15)),
            // At night: at opening, and then the minutes.
            (almaty(3, 20), 15, almaty(10, 15)),
            (almaty(9, 59), 15, almaty(10, 15)),
            (almaty(19, 0), 15, almaty(34, 15)),
            (almaty(23, 59), 15, almaty(34, 15)),
            // The rest of the time is on the next day.
            (almaty(18, 55), 15, almaty(34, 10)),
            (almaty(18, 45), 15, almaty(19, 0)),
            // Longer than a day.
            (almaty(12, 0), 9 * 60, almaty(36, 0)),
            (almaty(10, 0), 18 * 60, almaty(43, 0)),
        ] {
            assert_eq!(hours.deadline(now, minutes(time)), expected, "{now:?} {time}");
        }
        let always = WorkHours::parse("0-24").unwrap();
        for (now, expected) in [(almaty(3, 20), almaty(3, 35)), (almaty(23, 55), almaty(24, 10))] {
            assert_eq!(always.deadline(now, minutes(15)), expected);
        }
    }

    #[test]
    fn hours_that_are_none_are_refused() {
        for raw in [
            "",
            "10",
            "10-",
            "-19",
            "19-10",
            "10-10",
            "10-25",
            "10:00-19:00",
            "a-b",
            "10-19-20",
        ] {
            assert_eq!(WorkHours::parse(raw), None, "{raw}");
        }
        assert!(WorkHours::parse(" 9 - 18 ").is_some());
    }
}
