//! The messages of a dead-letter queue, for `redrive`.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::Builder;
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::types::QueueAttributeName;
use proftest::aws::AwsError;
use proftest::aws::queue::Queue;
use serde_json::Value;
use std::time::Duration;

/// SQS returns at most ten messages at once. Source: `ReceiveMessage`, `MaxNumberOfMessages`.
const BATCH_MAX: i32 = 10;
/// Waiting makes SQS ask all its servers; otherwise a queue may look empty that is not. Source: SQS developer guide,
/// short and long polling.
const WAIT_SECONDS: i32 = 1;
/// A command may wait longer than a visitor's request.
const PATIENCE: Duration = Duration::from_secs(10);

/// A message of a dead-letter queue, hidden from other readers for a while.
#[derive(Clone)]
pub struct DeadLetter {
    pub id: String,
    /// An undecodable body may hold anything: never print it.
    pub body: String,
    receipt_handle: String,
}

#[derive(Debug, Clone)]
pub struct DeadLetters {
    client: Client,
    url: String,
}

impl DeadLetters {
    /// The queue that the redrive policy of `queue` names; `None` without such a policy.
    pub async fn of(queue: &Queue) -> Result<Option<Self>, AwsError> {
        let client = queue.client().clone();
        let attributes = client
            .get_queue_attributes()
            .queue_url(queue.url())
            .attribute_names(QueueAttributeName::RedrivePolicy)
            .send()
            .await
            .map_err(|error| AwsError::new("GetQueueAttributes", &error))?;
        let policy = attributes
            .attributes()
            .and_then(|attributes| attributes.get(&QueueAttributeName::RedrivePolicy));
        let Some(name) = policy.and_then(|policy| queue_name(policy)) else {
            return Ok(None);
        };
        let found = client.get_queue_url().queue_name(name).send().await;
        let found = found.map_err(|error| AwsError::new("GetQueueUrl", &error))?;
        Ok(found.queue_url.map(|url| Self { client, url }))
    }

    /// At most ten messages, hidden from other readers for `hide`; none when the queue is empty.
    pub async fn receive(&self, hide: Duration) -> Result<Vec<DeadLetter>, AwsError> {
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(PATIENCE)
            .operation_timeout(PATIENCE * 2)
            .build();
        let received = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(BATCH_MAX)
            .wait_time_seconds(WAIT_SECONDS)
            .visibility_timeout(i32::try_from(hide.as_secs()).unwrap_or(i32::MAX))
            .customize()
            .config_override(Builder::new().timeout_config(timeouts))
            .send()
            .await
            .map_err(|error| AwsError::new("ReceiveMessage", &error))?;
        let messages = received.messages.unwrap_or_default().into_iter();
        Ok(messages
            .map(|message| DeadLetter {
                id: message.message_id.unwrap_or_default(),
                body: message.body.unwrap_or_default(),
                receipt_handle: message.receipt_handle.unwrap_or_default(),
            })
            .collect())
    }

    pub async fn delete(&self, letter: &DeadLetter) -> Result<(), AwsError> {
        self.client
            .delete_message()
            .queue_url(&self.url)
            .receipt_handle(&letter.receipt_handle)
            .send()
            .await
            .map(|_| ())
            .map_err(|error| AwsError::new("DeleteMessage", &error))
    }

    /// Makes a message visible to the next reader again.
    pub async fn show(&self, letter: &DeadLetter) -> Result<(), AwsError> {
        self.client
            .change_message_visibility()
            .queue_url(&self.url)
            .receipt_handle(&letter.receipt_handle)
            .visibility_timeout(0)
            .send()
            .await
            .map(|_| ())
            .map_err(|error| AwsError::new("ChangeMessageVisibility", &error))
    }
}

/// The last part of `{"deadLetterTargetArn":"arn:aws:sqs:region:account:name",…}`.
fn queue_name(policy: &str) -> Option<String> {
    let policy: Value = serde_json::from_str(policy).ok()?;
    let (_, name) = policy.get("deadLetterTargetArn")?.as_str()?.rsplit_once(':')?;
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_the_end_of_the_arn() {
        let policy =
            r#"{"deadLetterTargetArn":"arn:aws:sqs:eu-central-1:000000000000:dead","maxReceiveCount":20}"#;
        assert_eq!(queue_name(policy).as_deref(), Some("dead"));
        for none in ["", "{}", r#"{"deadLetterTargetArn":7}"#] {
            assert_eq!(queue_name(none), None, "{none}");
        }
    }
}
