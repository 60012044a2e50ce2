//! E-mails of one invocation: those that may go together go in one request.
//!
//! Who goes together is pinned before the request, under a key of the batch's own. When the outcome stays unknown each of
//! them comes back alone or in other company, and then exactly that batch is repeated under that key: the vendor sends
//! it once.

use crate::App;
use proftest::clients::resend::{BATCH_MAX, Email, Refused};
use proftest::domain::delivery::Before;
use proftest::domain::ids::{BatchId, NotificationId};
use proftest::failure::{Failure, Reaction, chain};
use proftest::store::{Attempt, StoreError};
use serde::Deserialize as _;
use std::collections::BTreeMap;
use tokio::sync::{mpsc, oneshot};

/// Where a letter is handed in. The letters go when every clone is dropped.
pub type Post = mpsc::UnboundedSender<Letter>;

/// One e-mail to send, and where its outcome is waited for. Dropped without one, its claim stands until the lease ends.
pub struct Letter {
    notification: NotificationId,
    attempt: i32,
    in_doubt: bool,
    batch: Option<BatchId>,
    email: Email,
    outcome: oneshot::Sender<Result<String, Failure>>,
}

/// Hands in an e-mail; its outcome comes once the letters of all records have been sent.
pub fn hand_in(
    post: &Post,
    notification: NotificationId,
    attempt: &Attempt,
    email: Email,
) -> oneshot::Receiver<Result<String, Failure>> {
    let (outcome, waiting) = oneshot::channel();
    let letter = Letter {
        notification,
        attempt: attempt.number,
        in_doubt: attempt.before != Before::NotSent,
        batch: attempt.batch,
        email,
        outcome,
    };
    // The letters are collected for as long as anybody can hand one in.
    let _ = post.send(letter);
    waiting
}

/// Sends the letters once all are handed in, and returns the batches in which they went.
pub async fn send(app: &App, mut letters: mpsc::UnboundedReceiver<Letter>) -> Vec<BatchId> {
    let (mut fresh, mut alone) = (Vec::new(), Vec::new());
    let mut repeated: BTreeMap<BatchId, Vec<Letter>> = BTreeMap::new();
    while let Some(letter) = letters.recv().await {
        match letter.batch {
            Some(batch) => repeated.entry(batch).or_default().push(letter),
            // It may have been sent under its own key.
            None if letter.in_doubt => alone.push(letter),
            None => fresh.push(letter),
        }
    }
    let mut batches: Vec<BatchId> = repeated.keys().copied().collect();
    let repeats = repeated
        .into_iter()
        .map(|(batch, letters)| repeat(app, batch, letters));
    let mut first_times = Vec::new();
    while !fresh.is_empty() {
        let letters: Vec<_> = fresh.drain(..fresh.len().min(BATCH_MAX)).collect();
        if let [_] = letters[..] {
            alone.extend(letters);
        } else {
            let batch = BatchId::new();
            batches.push(batch);
            first_times.push(together(app, batch, letters));
        }
    }
    futures::future::join3(
        futures::future::join_all(repeats),
        futures::future::join_all(first_times),
        one_by_one(app, alone),
    )
    .await;
    batches
}

/// Forgets the batches whose e-mails have all come to an end; the sweep forgets what is missed here.
pub async fn close(app: &App, batches: &[BatchId]) {
    for &batch in batches {
        if let Err(error) = app.store.close(batch).await {
            tracing::warn!(batch.id = %batch, error = chain(&error), "A batch could not be closed");
        }
    }
}

async fn one_by_one(app: &App, letters: Vec<Letter>) {
    let sendings = letters.into_iter().map(async |letter| {
        let key = format!("proftest-email-{}", letter.notification);
        let outcome = app.resend.send(&letter.email, &key).await;
        // Whoever waits may be gone with its panic; the lease ends that claim.
        let _ = letter.outcome.send(outcome);
    });
    futures::future::join_all(sendings).await;
}

/// Sends e-mails that certainly have not been sent before.
async fn together(app: &App, batch: BatchId, letters: Vec<Letter>) {
    let members: Vec<_> = letters
        .iter()
        .map(|letter| (letter.notification, letter.attempt))
        .collect();
    match app.store.compose(batch, &members).await {
        Ok(true) => {}
        Ok(false) => {
            tracing::warn!(batch.id = %batch, "A claim had passed to another worker; nothing was sent");
            return;
        }
        Err(error) => {
            tracing::error!(batch.id = %batch, error = chain(&error), "A batch could not be composed");
            return;
        }
    }
    let emails: Vec<Email> = letters.iter().map(|letter| letter.email.clone()).collect();
    let refused = match app.resend.send_batch(&emails, &key(batch)).await {
        Ok(ids) => return tell(letters, |index| Ok(ids[index].clone())),
        Err(refused) => refused,
    };
    let (Refused::Member(failure) | Refused::Batch(failure)) = &refused;
    if failure.reaction != Reaction::Unknown
        && let Err(error) = app.store.dissolve(batch, &members).await
    {
        // It is repeated as it stands then, which is as safe.
        tracing::warn!(batch.id = %batch, error = chain(&error), "A batch could not be dissolved");
    }
    match refused {
        Refused::Member(_) => one_by_one(app, letters).await,
        Refused::Batch(failure) => tell(letters, |_| Err(failure.clone())),
    }
}

/// Repeats the batch in which these may have been sent, with all others that belong to it.
async fn repeat(app: &App, batch: BatchId, letters: Vec<Letter>) {
    let (ids, emails) = match pinned(app, batch).await {
        Ok(Some(pinned)) => pinned,
        Ok(None) => {
            let why = "outcome unknown, and an e-mail of its batch is gone: it cannot be repeated";
            return tell(letters, |_| Err(Failure::new(Reaction::GiveUp, why)));
        }
        Err(error) => {
            tracing::error!(batch.id = %batch, error = chain(&error), "A batch could not be read");
            return;
        }
    };
    let places: Vec<_> = letters
        .iter()
        .map(|letter| ids.iter().position(|id| *id == letter.notification))
        .collect();
    match app.resend.send_batch(&emails, &key(batch)).await {
        Ok(sent) => tell(letters, |index| {
            let id = places[index].and_then(|place| sent.get(place));
            id.cloned()
                .ok_or_else(|| Failure::new(Reaction::GiveUp, "it does not belong to its batch"))
        }),
        // The vendor refuses what it would have answered again, had it ever accepted it.
        Err(Refused::Member(_)) => one_by_one(app, letters).await,
        Err(Refused::Batch(failure)) => tell(letters, |_| Err(failure.clone())),
    }
}

/// A batch as it was sent; `None` when a part of it is gone.
async fn pinned(app: &App, batch: BatchId) -> Result<Option<(Vec<NotificationId>, Vec<Email>)>, StoreError> {
    let members = app.store.members(batch).await?;
    let pinned: Option<Vec<_>> = members
        .into_iter()
        .map(|(id, content)| Some((id, Email::deserialize(content?).ok()?)))
        .collect();
    Ok(pinned
        .filter(|members| !members.is_empty())
        .map(|members| members.into_iter().unzip()))
}

fn key(batch: BatchId) -> String {
    format!("proftest-batch-{batch}")
}

fn tell(letters: Vec<Letter>, outcome: impl Fn(usize) -> Result<String, Failure>) {
    for (index, letter) in letters.into_iter().enumerate() {
        let _ = letter.outcome.send(outcome(index));
    }
}
