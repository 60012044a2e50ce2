//! One attempt of each channel: send, and record the outcome.

use crate::content;
use crate::mail::{self, Outbox};
use proftest::clients::mobizon::{Mobizon, Sms};
use proftest::domain::delivery::{
    Channel, DeliveryTiming, Doubt, Opening, Outcome, Reconciled, State, conclude, open, reconcile,
};
use proftest::failure::{Failure, chain};
use proftest::random::jitter;
use proftest::store::{Attempt, Due, Fence, Pinned, Store, StoreError};
use std::time::Duration;

/// Pauses between attempts to record an outcome. After the last one the lease ends the claim.
const RECORD_PAUSES: [Duration; 3] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(3),
];

pub enum Attempted {
    /// Another worker sends it.
    NotClaimed,
    Recorded(Outcome),
    /// The outcome could not be recorded. The claim stands until its lease ends.
    Unrecorded,
}

/// Hands in the e-mail if it is claimed, and records the outcome.
pub async fn email(
    store: &Store,
    timing: &DeliveryTiming,
    due: &Due,
    contents: &[Pinned],
    outbox: Outbox,
) -> Attempted {
    let Some(attempt) = claimed(due, Channel::Email) else {
        return Attempted::NotClaimed;
    };
    if let Opening::Over(outcome) = open(timing, Channel::Email, attempt.before) {
        return record(store, due, attempt, outcome, Doubt::Keep).await;
    }
    if attempt.suppressed {
        return record(store, due, attempt, stopped(), Doubt::Keep).await;
    }
    let answer = match content::read(contents, Channel::Email) {
        Ok(message) => {
            let answer = mail::hand_in(&outbox, due.notification, attempt, message);
            // Sending starts when every record has dropped its outbox.
            drop(outbox);
            match answer.await {
                Ok(answer) => answer,
                Err(_) => return Attempted::Unrecorded,
            }
        }
        Err(failure) => Err(failure),
    };
    let (outcome, doubt) = concluded(timing, attempt, answer);
    record(store, due, attempt, outcome, doubt).await
}

/// Sends the SMS if it is claimed, and records the outcome. An SMS of unknown outcome is looked up first.
pub async fn sms(
    store: &Store,
    mobizon: &Mobizon,
    timing: &DeliveryTiming,
    due: &Due,
    contents: &[Pinned],
) -> Attempted {
    let Some(attempt) = claimed(due, Channel::Sms) else {
        return Attempted::NotClaimed;
    };
    let (outcome, doubt) = match content::read::<Sms>(contents, Channel::Sms) {
        Ok(sms) => send_sms(mobizon, timing, attempt, &sms).await,
        // Nothing went out: keep what is known of earlier attempts.
        Err(failure) => (concluded(timing, attempt, Err(failure)).0, Doubt::Keep),
    };
    record(store, due, attempt, outcome, doubt).await
}

async fn send_sms(
    mobizon: &Mobizon,
    timing: &DeliveryTiming,
    attempt: &Attempt,
    sms: &Sms,
) -> (Outcome, Doubt) {
    match open(timing, Channel::Sms, attempt.before) {
        Opening::Send => {}
        Opening::Over(outcome) => return (outcome, Doubt::Keep),
        Opening::LookUp { since } => match reconcile(timing, since, mobizon.find(sms).await, jitter()) {
            Reconciled::Over(outcome) => return (outcome, Doubt::Keep),
            Reconciled::SendAgain => {}
        },
    }
    if attempt.suppressed {
        return (stopped(), Doubt::Keep);
    }
    concluded(timing, attempt, mobizon.send(sms).await)
}

/// The person said stop after an attempt whose outcome is unknown.
fn stopped() -> Outcome {
    Outcome::Failed {
        reason: "suppressed; it may be out already".to_owned(),
    }
}

fn claimed(due: &Due, channel: Channel) -> Option<&Attempt> {
    due.attempts.iter().find(|attempt| attempt.channel == channel)
}

fn concluded(
    timing: &DeliveryTiming,
    attempt: &Attempt,
    answer: Result<String, Failure>,
) -> (Outcome, Doubt) {
    let retries = u16::try_from(attempt.retries).unwrap_or(u16::MAX);
    conclude(timing, attempt.channel, attempt.before, retries, answer, jitter())
}

async fn record(store: &Store, due: &Due, attempt: &Attempt, outcome: Outcome, doubt: Doubt) -> Attempted {
    let written = write(store, due, attempt, &outcome, doubt).await;
    let (lead, notification) = (due.lead, due.notification);
    let (channel, state) = (attempt.channel.as_str(), outcome.state().as_str());
    let reason = outcome.reason().unwrap_or_default();
    match written {
        Ok(Fence::Held) if matches!(outcome.state(), State::Parked | State::Failed) => {
            tracing::error!(lead.id = %lead, notification.id = %notification, channel, state, reason, "Attempted");
        }
        Ok(Fence::Held) => {
            tracing::info!(lead.id = %lead, notification.id = %notification, channel, state, reason, "Attempted");
        }
        Ok(Fence::Lost) => {
            tracing::warn!(lead.id = %lead, notification.id = %notification, channel, state, reason,
                "The claim had passed to another worker, or the outcome was recorded already");
        }
        Err(error) => {
            tracing::error!(lead.id = %lead, notification.id = %notification, channel, state, reason,
                error = chain(&error), "The outcome could not be recorded");
            return Attempted::Unrecorded;
        }
    }
    Attempted::Recorded(outcome)
}

/// Retries the write: the vendor has acted, and a lost outcome costs a look-up or a repetition.
async fn write(
    store: &Store,
    due: &Due,
    attempt: &Attempt,
    outcome: &Outcome,
    doubt: Doubt,
) -> Result<Fence, StoreError> {
    let write = || store.record(due.notification, attempt.channel, attempt.number, outcome, doubt);
    for pause in RECORD_PAUSES {
        match write().await {
            Err(StoreError::Unavailable(_)) => tokio::time::sleep(pause).await,
            written => return written,
        }
    }
    write().await
}
