//! E-mails of one invocation: those that may go together go in one request.
//!
//! Who goes together is pinned before the request, under a key of the batch's own. When the outcome stays unknown each of
//! them comes back alone or in other company, and then exactly that batch is repeated under that key: the vendor sends
//! it once.

use proftest::clients::resend::{BATCH_MAX, Message, Refused, Resend};
use proftest::domain::delivery::Before;
use proftest::domain::ids::{BatchId, NotificationId};
use proftest::failure::{Failure, Reaction, chain};
use proftest::store::{Attempt, Fence, Store, StoreError};
use serde::Deserialize as _;
use std::collections::BTreeMap;
use tokio::sync::{mpsc, oneshot};

/// Where e-mails are handed in. They go when every clone is dropped.
pub type Outbox = mpsc::UnboundedSender<Outgoing>;

/// One e-mail to send, and where its outcome is waited for. Dropped without one, its claim stands until the lease ends.
pub struct Outgoing {
    notification: NotificationId,
    attempt: i32,
    in_doubt: bool,
    batch: Option<BatchId>,
    message: Message,
    outcome: oneshot::Sender<Result<String, Failure>>,
}

/// Hands in an e-mail; its outcome comes once the emails of all records have been sent.
pub fn hand_in(
    outbox: &Outbox,
    notification: NotificationId,
    attempt: &Attempt,
    message: Message,
) -> oneshot::Receiver<Result<String, Failure>> {
    let (outcome, waiting) = oneshot::channel();
    let outgoing = Outgoing {
        notification,
        attempt: attempt.number,
        in_doubt: attempt.before != Before::NotSent,
        batch: attempt.batch,
        message,
        outcome,
    };
    // The emails are collected for as long as anybody can hand one in.
    let _ = outbox.send(outgoing);
    waiting
}

/// Sends the emails once all are handed in, and returns the batches in which they went.
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

/// Forgets the batches whose e-mails have all come to an end; the sweep forgets what is missed here.
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
        let outcome = resend.send(&email.message, &key).await;
        // Whoever waits may be gone with its panic; the lease ends that claim.
        let _ = email.outcome.send(outcome);
    });
    futures::future::join_all(sendings).await;
}

/// Sends e-mails that certainly have not been sent before.
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
        // It is repeated as it stands then, which is as safe.
        tracing::warn!(batch.id = %batch, error = chain(&error), "A batch could not be dissolved");
    }
    match refused {
        Refused::Member(_) => one_by_one(resend, emails).await,
        Refused::Batch(failure) => tell(emails, |_| Err(failure.clone())),
    }
}

/// Repeats the batch in which these may have been sent, with all others that belong to it.
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
        // The vendor refuses what it would have answered again, had it ever accepted it.
        Err(Refused::Member(_)) => one_by_one(resend, emails).await,
        Err(Refused::Batch(failure)) => tell(emails, |_| Err(failure.clone())),
    }
}

/// A batch as it was sent; `None` when a part of it is gone.
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

fn tell(emails: Vec<Outgoing>, outcome: impl Fn(usize) -> Result<String, Failure>) {
    for (index, email) in emails.into_iter().enumerate() {
        let _ = email.outcome.send(outcome(index));
    }
}
