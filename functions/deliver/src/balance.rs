//! The SMS account's money as a metric, so that a human pays before SMS are parked.

use proftest::clients::mobizon::Mobizon;
use proftest::config;
use proftest::telemetry::{self, Unit};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How often a process asks. Tens of processes at most, and the vendor names no figure for its rate limit.
const EVERY: Duration = Duration::from_hours(1);
/// How long an answer is waited for: it costs the next batch that much.
const PATIENCE: Duration = Duration::from_secs(2);
/// A batch that took longer leaves the function's timeout of 30 s to itself.
const BATCH_MAX: Duration = Duration::from_secs(15);

/// When to ask next.
pub struct Watch(Mutex<Instant>);

impl Watch {
    /// Asks after the first batch.
    pub fn new() -> Self {
        Self(Mutex::new(Instant::now()))
    }

    /// Whether it is time; then the next time is an hour later, whatever comes of it.
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

/// Writes the metric `SmsBalance`, once an hour, after a batch that began at `started`. Everything of that batch has been
/// sent and recorded by now, and nothing here can change it.
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
