//! A queue with SQS's delays, in memory.

use proftest::domain::ids::NotificationId;
use proftest::task::{self, DeliverTask};
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// SQS gives a function at most ten at once, as template.yaml asks for.
const BATCH_MAX: usize = 10;
/// As template.yaml has it.
const VISIBILITY_TIMEOUT: Duration = Duration::from_mins(3);

#[derive(Default)]
pub struct Queue(Mutex<BinaryHeap<Reverse<Message>>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Message {
    visible_at: Instant,
    /// Its id, and its receipt handle too.
    pub id: Uuid,
    notification: NotificationId,
}

impl Queue {
    /// Sends a message, to be seen after `delay` in whole seconds, and never early.
    pub fn send(&self, notification: NotificationId, delay: Duration) {
        self.put(Message {
            visible_at: Instant::now() + Duration::from_secs(delay.as_secs() + 1),
            id: Uuid::new_v4(),
            notification,
        });
    }

    pub fn receive(&self) -> Vec<Message> {
        self.receive_at(Instant::now())
    }

    fn receive_at(&self, now: Instant) -> Vec<Message> {
        let mut messages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut batch = Vec::new();
        while batch.len() < BATCH_MAX {
            match messages.pop() {
                Some(Reverse(message)) if message.visible_at <= now => batch.push(message),
                Some(early) => {
                    messages.push(early);
                    break;
                }
                None => break,
            }
        }
        batch
    }

    pub fn put_back(&self, message: Message, after: Option<Duration>) {
        let visible_at = Instant::now() + after.unwrap_or(VISIBILITY_TIMEOUT);
        self.put(Message {
            visible_at,
            ..message
        });
    }

    fn put(&self, message: Message) {
        let mut messages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        messages.push(Reverse(message));
    }
}

impl Message {
    /// As it stands in a function's event.
    pub fn record(&self) -> Value {
        let notification = self.notification;
        record(self.id, &task::body(&DeliverTask::DeliverV1 { notification }))
    }
}

pub fn record(id: Uuid, body: &str) -> Value {
    json!({
        "messageId": id,
        "receiptHandle": id,
        "body": body,
        "eventSource": "aws:sqs",
        "attributes": {},
        "messageAttributes": {},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_in_batches_of_ten_never_early_and_again_when_put_back() {
        let queue = Queue::default();
        let start = Instant::now();
        let after = |seconds: u64| start + Duration::from_secs(seconds);
        for _ in 0..12 {
            queue.send(NotificationId::new(), Duration::from_millis(1_500));
        }
        assert!(queue.receive_at(start + Duration::from_millis(1_999)).is_empty());
        let first = queue.receive_at(after(3));
        assert_eq!((first.len(), queue.receive_at(after(3)).len()), (10, 2));
        queue.put_back(first[0], Some(Duration::from_mins(1)));
        queue.put_back(first[1], None);
        assert!(queue.receive_at(after(59)).is_empty());
        assert_eq!(queue.receive_at(after(120))[0].id, first[0].id);
        assert!(queue.receive_at(after(179)).is_empty());
        assert_eq!(queue.receive_at(after(300))[0].id, first[1].id);
    }
}
