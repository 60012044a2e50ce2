//! The e-mails of one invocation: one request carries as many as possible.
//!
//! The members of a batch are pinned before the request, under a key of the batch's own. After an unknown outcome the
//! e-mails come back in any grouping; the pinned batch is then repeated under its key, and the vendor sends it once.

use proftest::clients::resend::{BATCH_MAX, Message, Refused, Resend};
use proftest::domain::delivery::Before;
use proftest::domain::ids::{BatchId, NotificationId};
use proftest::failure::{Failure, Reaction, chain};
use proftest::store::{Attempt, Fence, Store, StoreError};
use serde::Deserialize as _;
use std::collections::BTreeMap;
use tokio::sync::{mpsc, oneshot};

/// Takes e-mails. They are sent when every clone is dropped.
pub type Outbox = mpsc::UnboundedSender<Outgoing>;

/// One e-mail, and the channel for the vendor's answer. If it is dropped without one, its claim stands until the lease
/// ends.
pub struct Outgoing {
    notification: NotificationId,
    attempt: i32,
    in_doubt: bool,
    batch: Option<BatchId>,
    message: Message,
    answer: oneshot::Sender<Result<String, Failure>>,
}

/// Hands in an e-mail. The answer arrives after the e-mails of all records have been sent.
pub fn hand_in(
    outbox: &Outbox,
    notification: NotificationId,
    attempt: &Attempt,
    message: Message,
) -> oneshot::Receiver<Result<String, Failure>> {
    let (answer, waiting) = oneshot::channel();
    let outgoing = Outgoing {
        notification,
        attempt: attempt.number,
        in_doubt: attempt.before != Before::NotSent,
        batch: attempt.batch,
        message,
        answer,
    };
    // Collecting lasts as long as a sender exists.
    let _ = outbox.send(outgoing);
    waiting
}

/// Sends the e-mails when all are handed in; returns their batches.
pub async fn send(
    store: &Store,
    resend: &Resend,
    mut emails: mpsc::UnboundedReceiver<Outgoing>,
) -> Vec<BatchId> {
    let (mut fresh, mut alone) = (Vec::new(), Vec::new());
    let mut repeated: BTreeMap<BatchId, Vec<Outgoing>> = BTreeMap::new();
    while let Some(email) = emails.recv().await {
        match email.batch {
            Some(batch) => repeated.entry(batch).or_default().push(email),
            // It may have been sent under its own key.
            None if email.in_doubt => alone.push(email),
            None => fresh.push(email),
        }
    }
    let mut batches: Vec<BatchId> = repeated.keys().copied().collect();
    let repeats = repeated
        .into_iter()
        .map(|(batch, emails)| repeat(store, resend, batch, emails));
    let mut first_times = Vec::new();
    while !fresh.is_empty() {
        let emails: Vec<_> = fresh.drain(..fresh.len().min(BATCH_MAX)).collect();
        if let [_] = emails[..] {
            alone.extend(emails);
        } else {
            let batch = BatchId::new();
            batches.push(batch);
            first_times.push(together(store, resend, batch, emails));
        }
    }
    futures::future::join3(
        futures::future::join_all(repeats),
        futures::future::join_all(first_times),
        one_by_one(resend, alone),
    )
    .await;
    batches
}

/// Deletes batches whose e-mails are all finished; the sweep deletes those missed here.
pub async fn close(store: &Store, batches: &[BatchId]) {
    for &batch in batches {
        if let Err(error) = store.close(batch).await {
            tracing::warn!(batch.id = %batch, error = chain(&error), "A batch could not be closed");
        }
    }
}

async fn one_by_one(resend: &Resend, emails: Vec<Outgoing>) {
    let sendings = emails.into_iter().map(async |email| {
        let key = format!("proftest-email-{}", email.notification);
        let answer = resend.send(&email.message, &key).await;
        // The receiver may have panicked; the lease then ends its claim.
        let _ = email.answer.send(answer);
    });
    futures::future::join_all(sendings).await;
}

/// Sends e-mails that were certainly not sent before.
async fn together(store: &Store, resend: &Resend, batch: BatchId, emails: Vec<Outgoing>) {
    let members: Vec<_> = emails
        .iter()
        .map(|email| (email.notification, email.attempt))
        .collect();
    match store.compose(batch, &members).await {
        Ok(Fence::Held) => {}
        Ok(Fence::Lost) => {
            tracing::warn!(batch.id = %batch, "A claim had passed to another worker; nothing was sent");
            return;
        }
        Err(error) => {
            tracing::error!(batch.id = %batch, error = chain(&error), "A batch could not be composed");
            return;
        }
    }
    let messages: Vec<Message> = emails.iter().map(|email| email.message.clone()).collect();
    let refused = match resend.send_batch(&messages, &key(batch)).await {
        Ok(ids) => return tell(emails, |index| Ok(ids[index].clone())),
        Err(refused) => refused,
    };
    let (Refused::Member(failure) | Refused::Batch(failure)) = &refused;
    if failure.reaction != Reaction::Unknown
        && let Err(error) = store.dissolve(batch, &members).await
    {
        // The batch stays pinned and is repeated unchanged, which is as safe.
        tracing::warn!(batch.id = %batch, error = chain(&error), "A batch could not be dissolved");
    }
    match refused {
        Refused::Member(_) => one_by_one(resend, emails).await,
        Refused::Batch(failure) => tell(emails, |_| Err(failure.clone())),
    }
}

/// Repeats the pinned batch that may have carried these e-mails, with all its other members.
async fn repeat(store: &Store, resend: &Resend, batch: BatchId, emails: Vec<Outgoing>) {
    let (ids, messages) = match pinned(store, batch).await {
        Ok(Some(pinned)) => pinned,
        Ok(None) => {
            let why = "outcome unknown, and an e-mail of its batch is gone: it cannot be repeated";
            return tell(emails, |_| Err(Failure::new(Reaction::GiveUp, why)));
        }
        Err(error) => {
            tracing::error!(batch.id = %batch, error = chain(&error), "A batch could not be read");
            return;
        }
    };
    let places: Vec<_> = emails
        .iter()
        .map(|email| ids.iter().position(|id| *id == email.notification))
        .collect();
    match resend.send_batch(&messages, &key(batch)).await {
        Ok(sent) => tell(emails, |index| {
            let id = places[index].and_then(|place| sent.get(place));
            id.cloned()
                .ok_or_else(|| Failure::new(Reaction::GiveUp, "it does not belong to its batch"))
        }),
        // An accepted batch would get its first answer again, so a refusal proves that it was never accepted.
        Err(Refused::Member(_)) => one_by_one(resend, emails).await,
        Err(Refused::Batch(failure)) => tell(emails, |_| Err(failure.clone())),
    }
}

/// The batch as it was sent; `None` when a part of it is gone.
async fn pinned(
    store: &Store,
    batch: BatchId,
) -> Result<Option<(Vec<NotificationId>, Vec<Message>)>, StoreError> {
    let members = store.members(batch).await?;
    let pinned: Option<Vec<_>> = members
        .into_iter()
        .map(|(id, content)| Some((id, Message::deserialize(content?).ok()?)))
        .collect();
    Ok(pinned
        .filter(|members| !members.is_empty())
        .map(|members| members.into_iter().unzip()))
}

fn key(batch: BatchId) -> String {
    format!("proftest-batch-{batch}")
}

fn tell(emails: Vec<Outgoing>, answer: impl Fn(usize) -> Result<String, Failure>) {
    for (index, email) in emails.into_iter().enumerate() {
        let _ = email.answer.send(answer(index));
    }
}
