//! Connects an SQS batch to a function that handles one task. Each record is decoded and handled on its own, so one
//! bad message never fails the others.

use crate::aws::queue::Queue;
use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures::FutureExt as _;
use serde::de::DeserializeOwned;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

/// What to do with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handled {
    /// Acknowledge it: nothing is left to do here.
    Done,
    /// Return it to the queue after this pause.
    Again(Duration),
    /// It can never succeed: return it at once until the queue's redrive policy moves it to the DLQ.
    Refuse,
}

/// Pause between two receipts of a refused message, on its way to the DLQ.
const REFUSED_PAUSE: Duration = Duration::from_secs(1);

/// A batch that cannot be answered record by record.
#[derive(Debug, thiserror::Error)]
#[error("an SQS record has no message id; the whole batch is given back")]
pub struct NamelessRecord;

/// Handles the records side by side and reports those that must come back.
///
/// Each `handle` gets a clone of `shared`, made before the first one runs. It is dropped when that record's work
/// ends, also after a panic.
///
/// # Errors
///
/// [`NamelessRecord`] if a record has no id for the report; SQS then returns the whole batch.
pub async fn each<T, S, F>(
    event: SqsEvent,
    queue: &Queue,
    shared: S,
    handle: F,
) -> Result<SqsBatchResponse, NamelessRecord>
where
    T: DeserializeOwned,
    S: Clone,
    F: AsyncFn(T, S) -> Handled,
{
    if event
        .records
        .iter()
        .any(|record| record.message_id.as_deref().is_none_or(str::is_empty))
    {
        return Err(NamelessRecord);
    }
    let records: Vec<_> = event
        .records
        .into_iter()
        .map(|record| one(record, queue, shared.clone(), &handle))
        .collect();
    drop(shared);
    let failures = futures::future::join_all(records).await;
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failures.into_iter().flatten().collect();
    Ok(response)
}

async fn one<T, S, F>(record: SqsMessage, queue: &Queue, shared: S, handle: &F) -> Option<BatchItemFailure>
where
    T: DeserializeOwned,
    F: AsyncFn(T, S) -> Handled,
{
    let id = record.message_id.unwrap_or_default();
    let handled = match serde_json::from_str::<T>(record.body.as_deref().unwrap_or_default()) {
        Ok(task) => AssertUnwindSafe(handle(task, shared))
            .catch_unwind()
            .await
            .unwrap_or_else(|_| {
                tracing::error!(message.id = %id, "A task panicked; its message will come back");
                Handled::Again(Duration::from_secs(30))
            }),
        Err(error) => {
            drop(shared);
            // serde's text may quote the body; the position does not.
            tracing::error!(message.id = %id, line = error.line(), column = error.column(),
                "An undecodable message is on its way to the DLQ");
            Handled::Refuse
        }
    };
    let pause = match handled {
        Handled::Done => return None,
        Handled::Again(pause) => pause,
        Handled::Refuse => REFUSED_PAUSE,
    };
    if let Err(error) = queue
        .hold(record.receipt_handle.as_deref().unwrap_or_default(), pause)
        .await
    {
        tracing::warn!(message.id = %id, error = %error, "The message will come back by the queue's own timeout");
    }
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = id;
    Some(failure)
}
