//! Delivers what is due: claim, render, pin, send e-mail and SMS side by side, record each.
//!
//! No transaction is held across a call to a vendor. After a crash between two steps the row tells how far the work
//! came, and the next worker continues there.

mod app;
mod balance;
mod channels;
mod content;
mod mail;

pub use app::{App, StartError};

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use channels::Attempted;
use mail::Outbox;
use proftest::batch::{self, Handled, NamelessRecord};
use proftest::domain::delivery::{LEASE, Outcome};
use proftest::domain::ids::NotificationId;
use proftest::store::{Claim, Due};
use proftest::task::DeliverTask;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// A message whose row could not be read comes back after this pause.
const DATABASE_PAUSE: Duration = Duration::from_secs(15);

/// Handles each message of a batch on its own.
pub async fn handle(app: &App, event: SqsEvent) -> Result<SqsBatchResponse, NamelessRecord> {
    let started = Instant::now();
    let (outbox, emails) = mpsc::unbounded_channel();
    let (response, sent) = futures::future::join(
        batch::each(event, &app.queue, outbox, async |task: DeliverTask, outbox| {
            let DeliverTask::DeliverV1 { notification } = task;
            deliver(app, notification, outbox).await
        }),
        mail::send(&app.store, &app.email, emails),
    )
    .await;
    mail::close(&app.store, &sent).await;
    balance::report(&app.balance, &app.sms, started).await;
    response
}

/// Sends what is due of one notification. The e-mail goes through `outbox`, together with others.
async fn deliver(app: &App, notification: NotificationId, outbox: Outbox) -> Handled {
    let due = match app.store.claim(notification, &app.limits).await {
        Ok(Claim::Claimed(due)) => due,
        Ok(Claim::Early { due_in }) => return Handled::Again(due_in),
        Ok(Claim::Busy { free_in }) => return Handled::Again(free_in + Duration::from_secs(1)),
        // The team or the sweep ends a hold; the message has nothing more to wake.
        Ok(Claim::Over { failed: false } | Claim::Held) => return Handled::Done,
        // The row keeps the reason; the DLQ raises an alarm.
        Ok(Claim::Over { failed: true }) => return Handled::Refuse,
        Ok(Claim::Missing) => {
            tracing::warn!(notification.id = %notification, "No such notification; its lead was erased");
            return Handled::Done;
        }
        Err(error) => {
            tracing::error!(notification.id = %notification, error = proftest::failure::chain(&error),
                "Nothing could be claimed");
            return Handled::Again(DATABASE_PAUSE);
        }
    };
    let contents = match content::pin(&app.store, &app.wording, &due).await {
        Ok(contents) => contents,
        Err(error) => {
            // The claim stands until its lease ends; nothing was sent under it.
            tracing::error!(notification.id = %notification, error = proftest::failure::chain(&error),
                "Nothing could be pinned");
            return Handled::Again(LEASE);
        }
    };
    let attempts = futures::future::join(
        channels::email(&app.store, &app.timing, &due, &contents, outbox),
        channels::sms(&app.store, &app.sms, &app.timing, &due, &contents),
    );
    let (email, sms) = attempts.await;
    handled(&due, [email, sms])
}

/// Decides about the message after every claimed channel was attempted. A channel that is due later still needs it.
fn handled(due: &Due, attempts: [Attempted; 2]) -> Handled {
    let mut again = due.rest_free_in;
    // A channel that failed earlier still needs attention, even if the last one succeeds.
    let mut failed = due.failed;
    for attempted in attempts {
        let after = match attempted {
            Attempted::Unrecorded => Some(LEASE),
            // Parked work waits in its row; the sweep wakes it.
            Attempted::NotClaimed
            | Attempted::Recorded(Outcome::Accepted { .. } | Outcome::Parked { .. }) => None,
            Attempted::Recorded(Outcome::Failed { .. } | Outcome::Undeliverable { .. }) => {
                failed = true;
                None
            }
            Attempted::Recorded(Outcome::Retrying { after, .. } | Outcome::Unknown { after, .. }) => {
                Some(after)
            }
        };
        again = match (again, after) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }
    tracing::debug!(notification.id = %due.notification, ?again, failed, "Attempted");
    match (again, failed) {
        (Some(pause), _) => Handled::Again(pause),
        (None, true) => Handled::Refuse,
        (None, false) => Handled::Done,
    }
}
