//! Does away with what is old. Each kind of rows has its turn once an hour.

use proftest::domain::retention::Retention;
use proftest::failure::chain;
use proftest::store::Store;
use std::time::Duration;
use tokio::time::Instant;

/// Rows per statement.
const BATCH: i32 = 1000;
/// Batches of one kind per turn. The rest waits an hour.
const BATCHES_MAX: usize = 10;
/// No batch begins later than so long after the first: the next run must find its time.
const TIME_MAX: Duration = Duration::from_secs(10);

/// A failure is told in the log: the kind has its next turn within an hour, and the others have theirs.
pub async fn apply(store: &Store, retention: &Retention) {
    let until = Instant::now() + TIME_MAX;
    while retention.is_on() && Instant::now() < until {
        let what = match store.take_expiring().await {
            Ok(Some(what)) => what,
            Ok(None) => return,
            Err(error) => {
                tracing::error!(error = chain(&error), "Nothing old could be looked for");
                return;
            }
        };
        let (age, mut rows) = (retention.age(what), 0);
        for _ in 0..BATCHES_MAX {
            match store.expire(what, age, BATCH).await {
                Ok(batch) => {
                    rows += batch.rows;
                    if !batch.more || Instant::now() >= until {
                        break;
                    }
                }
                Err(error) => {
                    tracing::error!(what = what.as_str(), error = chain(&error), "Old rows stay");
                    break;
                }
            }
        }
        if rows > 0 {
            tracing::info!(
                what = what.as_str(),
                rows,
                age = age.word(),
                "Old rows have expired"
            );
        }
    }
}
