//! A queue that wakes a function. Messages carry ids, never content.

use super::AwsError;
use crate::failpoint::{Step, step};
use crate::task;
use aws_sdk_sqs::types::{QueueAttributeName, SendMessageBatchRequestEntry};
use serde::Serialize;
use std::time::Duration;

/// SQS takes at most ten messages a batch. Source: SQS quotas.
const BATCH_MAX: usize = 10;
/// SQS holds a new message back for at most 15 minutes. Source: `SendMessage`, `DelaySeconds`.
const DELAY_MAX_SECONDS: u64 = 900;
/// SQS hides a received message for at most 12 hours after its receipt; one hour is reserve.
const HOLD_MAX_SECONDS: u64 = 11 * 3600;

/// One SQS queue.
#[derive(Debug, Clone)]
pub struct Queue {
    client: aws_sdk_sqs::Client,
    url: String,
}

impl Queue {
    /// The queue at `url`.
    pub fn new(config: &aws_config::SdkConfig, url: impl Into<String>) -> Self {
        Self {
            client: aws_sdk_sqs::Client::new(config),
            url: url.into(),
        }
    }

    /// The SDK's client, for calls that this type lacks.
    pub const fn client(&self) -> &aws_sdk_sqs::Client {
        &self.client
    }

    /// The queue's URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Opens the connection to SQS before the first message. It is no step of `failpoint`, because it only reads, in
    /// Init.
    ///
    /// An unreachable queue is not an error: the function must still start, and has a fallback.
    pub async fn warm_up(&self) {
        let look = self.client.get_queue_attributes().queue_url(&self.url);
        let looked = look.attribute_names(QueueAttributeName::QueueArn).send().await;
        if let Err(error) = looked {
            let error = AwsError::new("GetQueueAttributes", &error);
            tracing::warn!(%error, "No connection to SQS at start");
        }
    }

    /// Sends a task, visible after `delay`. A delay over 15 minutes is cut; the receiver holds an early message.
    pub async fn send<T: Serialize>(&self, task: &T, delay: Duration) -> Result<(), AwsError> {
        let send = self
            .client
            .send_message()
            .queue_url(&self.url)
            .message_body(task::body(task))
            .delay_seconds(whole_seconds(delay, DELAY_MAX_SECONDS));
        step(Step::SendMessage, send.send())
            .await
            .map(|_| ())
            .map_err(|error| AwsError::new("SendMessage", &error))
    }

    /// Sends tasks, ten per call; returns how many SQS accepted.
    pub async fn send_all<T: Serialize>(&self, tasks: &[T]) -> Result<usize, AwsError> {
        let mut taken = 0;
        for batch in tasks.chunks(BATCH_MAX) {
            let entries = batch.iter().enumerate().map(|(index, task)| {
                let entry = SendMessageBatchRequestEntry::builder().id(index.to_string());
                entry.message_body(task::body(task)).build()
            });
            let entries = entries.collect::<Result<Vec<_>, _>>().map_err(|error| AwsError {
                call: "SendMessageBatch",
                why: error.to_string(),
            })?;
            let send = self
                .client
                .send_message_batch()
                .queue_url(&self.url)
                .set_entries(Some(entries));
            taken += step(Step::SendMessageBatch, send.send())
                .await
                .map_err(|error| AwsError::new("SendMessageBatch", &error))?
                .successful
                .len();
        }
        Ok(taken)
    }

    /// Hides a received message for `delay`, rounded up to whole seconds so that it never returns early.
    pub async fn hold(&self, receipt_handle: &str, delay: Duration) -> Result<(), AwsError> {
        let hold = self
            .client
            .change_message_visibility()
            .queue_url(&self.url)
            .receipt_handle(receipt_handle)
            .visibility_timeout(whole_seconds(delay, HOLD_MAX_SECONDS));
        step(Step::ChangeMessageVisibility, hold.send())
            .await
            .map(|_| ())
            .map_err(|error| AwsError::new("ChangeMessageVisibility", &error))
    }
}

fn whole_seconds(delay: Duration, max: u64) -> i32 {
    let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
    i32::try_from(seconds.min(max)).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_rounded_up_and_capped() {
        assert_eq!(whole_seconds(Duration::from_millis(1), 900), 1);
        assert_eq!(whole_seconds(Duration::from_mins(10), 900), 600);
        assert_eq!(whole_seconds(Duration::from_secs(9_999), 900), 900);
        assert_eq!(whole_seconds(Duration::ZERO, 900), 0);
    }
}
