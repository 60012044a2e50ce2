//! The balance of the SMS account as a metric, so that a human can pay before SMS are parked.

use proftest::clients::mobizon::Mobizon;
use proftest::config;
use proftest::telemetry::{self, Unit};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// Per process. There are tens of processes at most; the vendor gives no figure for its rate limit.
const EVERY: Duration = Duration::from_hours(1);
/// The next batch waits this long at most for the vendor's answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// After a longer batch the check is skipped: the function's timeout is 30 s.
const BATCH_MAX: Duration = Duration::from_secs(15);

/// Time of the next check.
pub struct Watch(Mutex<Instant>);

impl Watch {
    pub fn new() -> Self {
        Self(Mutex::new(Instant::now()))
    }

    /// Whether a check is due. If so, the next one is due an hour later, whatever its result.
    fn is_due(&self) -> bool {
        let Ok(mut next) = self.0.try_lock() else {
            return false;
        };
        let now = Instant::now();
        let due = now >= *next;
        if due {
            *next = now + EVERY;
        }
        due
    }
}

/// Writes the metric `SmsBalance` once an hour, after a batch that began at `started`. That batch is sent and
/// recorded by now, so a failure here cannot affect it.
pub async fn report(watch: &Watch, mobizon: &Mobizon, started: Instant) {
    if started.elapsed() > BATCH_MAX || !watch.is_due() {
        return;
    }
    match tokio::time::timeout(PATIENCE, mobizon.balance()).await {
        Ok(Ok(balance)) => {
            telemetry::metrics(&config::function_name(), &[("SmsBalance", balance, Unit::None)]);
        }
        Ok(Err(failure)) => tracing::warn!(reason = failure.reason, "The SMS balance is not known"),
        Err(_) => tracing::warn!(reason = "no answer in time", "The SMS balance is not known"),
    }
}
