//! A real AWS emulator, and queues in it.

use super::story::{dir, eventually};
use crate::emulator::Emulator;
pub use crate::emulator::sdk as sdk_at;
use crate::log::Log;
use crate::tools;
use aws_config::timeout::TimeoutConfig;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message, QueueAttributeName};
use proftest::aws::SdkConfig;
use proftest::domain::ids::NotificationId;
use proftest::task::{self, DeliverTask};
use serde_json::json;
use std::time::Duration;
use tokio::sync::OnceCell;
use uuid::Uuid;

/// Nothing listens there: connections are refused.
pub const CLOSED: &str = "http://127.0.0.1:1";

/// One emulator a process; it stops with it.
pub async fn sdk() -> SdkConfig {
    static EMULATOR: OnceCell<Emulator> = OnceCell::const_new();
    let start = async || {
        let dir = dir().join("aws");
        std::fs::create_dir_all(&dir).unwrap();
        let python = tools::emulator_python(&|line| println!("{line}")).await.unwrap();
        let emulator = Emulator::start(python, &dir, Log::new(false), false);
        emulator.await.unwrap()
    };
    sdk_at(&EMULATOR.get_or_init(start).await.endpoint)
}

/// The same for calls that are the test's own: on a machine busy with other tests the emulator may take longer than
/// a visitor would wait.
pub async fn patient_sdk() -> SdkConfig {
    let timeouts = TimeoutConfig::builder().operation_timeout(Duration::from_secs(30));
    let sdk = sdk().await.into_builder();
    sdk.timeout_config(timeouts.build()).build()
}

pub struct Queue {
    client: aws_sdk_sqs::Client,
    pub url: String,
    pub arn: String,
}

impl Queue {
    pub async fn new() -> Self {
        Self::with(None).await
    }

    /// A queue whose messages go to `dlq` after so many receipts.
    pub async fn with_dlq(dlq: &Self, receipts: u32) -> Self {
        let policy = json!({"deadLetterTargetArn": dlq.arn, "maxReceiveCount": receipts});
        Self::with(Some(policy.to_string())).await
    }

    async fn with(redrive: Option<String>) -> Self {
        let client = aws_sdk_sqs::Client::new(&patient_sdk().await);
        let mut create = client
            .create_queue()
            .queue_name(format!("test-{}", Uuid::new_v4()))
            .attributes(QueueAttributeName::VisibilityTimeout, "180");
        if let Some(policy) = redrive {
            create = create.attributes(QueueAttributeName::RedrivePolicy, policy);
        }
        let url = create.send().await.unwrap().queue_url.unwrap();
        let mut queue = Self {
            client,
            url,
            arn: String::new(),
        };
        queue.arn = queue.attribute(QueueAttributeName::QueueArn).await;
        queue
    }

    pub async fn attribute(&self, name: QueueAttributeName) -> String {
        let attributes = self
            .client
            .get_queue_attributes()
            .queue_url(&self.url)
            .attribute_names(name.clone())
            .send()
            .await
            .unwrap();
        attributes.attributes.unwrap()[&name].clone()
    }

    pub async fn delayed(&self) -> usize {
        let count = QueueAttributeName::ApproximateNumberOfMessagesDelayed;
        self.attribute(count).await.parse().unwrap()
    }

    pub async fn visible(&self) -> usize {
        let count = self
            .attribute(QueueAttributeName::ApproximateNumberOfMessages)
            .await;
        count.parse().unwrap()
    }

    pub async fn send(&self, body: &str) {
        let send = self.client.send_message().queue_url(&self.url).message_body(body);
        send.send().await.unwrap();
    }

    /// What is visible now, at most ten.
    pub async fn receive(&self) -> Vec<Message> {
        let receive = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(10);
        receive.send().await.unwrap().messages.unwrap_or_default()
    }

    pub async fn next(&self, within: Duration) -> Message {
        eventually("a message", within, async || {
            self.receive().await.into_iter().next()
        })
        .await
    }

    pub async fn drain(&self) -> Vec<String> {
        let mut bodies = Vec::new();
        loop {
            let messages = self.receive().await;
            if messages.is_empty() {
                return bodies;
            }
            for message in messages {
                self.delete(&message).await;
                bodies.push(message.body.unwrap());
            }
        }
    }

    /// Forgets all messages, also those that are hidden.
    pub async fn purge(&self) {
        self.client
            .purge_queue()
            .queue_url(&self.url)
            .send()
            .await
            .unwrap();
    }

    /// What the event source mapping does with a batch: hands it over and deletes what is not given back. Returns what is.
    pub async fn hand_over(
        &self,
        messages: Vec<Message>,
        handle: impl AsyncFnOnce(SqsEvent) -> SqsBatchResponse,
    ) -> Vec<Message> {
        let failures = handle(batch(&messages)).await.batch_item_failures;
        let is_given_back = |message: &Message| {
            let id = message.message_id.as_deref();
            failures
                .iter()
                .any(|failure| Some(failure.item_identifier.as_str()) == id)
        };
        let (given_back, done): (Vec<_>, Vec<_>) = messages.into_iter().partition(is_given_back);
        self.delete_all(&done).await;
        given_back
    }

    async fn delete_all(&self, messages: &[Message]) {
        let entries: Vec<_> = messages
            .iter()
            .map(|message| {
                DeleteMessageBatchRequestEntry::builder()
                    .id(message.message_id.clone().unwrap())
                    .receipt_handle(message.receipt_handle.clone().unwrap())
                    .build()
                    .unwrap()
            })
            .collect();
        if entries.is_empty() {
            return;
        }
        let delete = self.client.delete_message_batch().queue_url(&self.url);
        delete.set_entries(Some(entries)).send().await.unwrap();
    }

    pub async fn delete(&self, message: &Message) {
        let handle = message.receipt_handle.clone().unwrap();
        let delete = self.client.delete_message().queue_url(&self.url);
        delete.receipt_handle(handle).send().await.unwrap();
    }
}

pub fn task(notification: NotificationId) -> String {
    task::body(&DeliverTask::DeliverV1 { notification })
}

/// A record as the event source mapping hands it over.
pub fn record(id: &str, receipt_handle: &str, body: &str) -> SqsMessage {
    let mut record = SqsMessage::default();
    record.message_id = Some(id.to_owned());
    record.receipt_handle = Some(receipt_handle.to_owned());
    record.body = Some(body.to_owned());
    record
}

pub fn batch(messages: &[Message]) -> SqsEvent {
    let records = messages.iter().map(|message| {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        record(
            &text(&message.message_id),
            &text(&message.receipt_handle),
            &text(&message.body),
        )
    });
    event(records.collect())
}

pub fn event(records: Vec<SqsMessage>) -> SqsEvent {
    let mut event = SqsEvent::default();
    event.records = records;
    event
}
