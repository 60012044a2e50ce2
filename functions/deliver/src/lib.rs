//! Delivers what is due: claim, render, pin, send e-mail and SMS side by side, record each.
//!
//! No transaction is held across a call to a vendor. Whatever happens between two steps, the row says how far
//! it came, and the next worker goes on from there.

mod balance;
mod channels;
mod mail;

use crate::mail::Post;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use proftest::aws::queue::Queue;
use proftest::batch::{self, NamelessRecord, Verdict};
use proftest::clients::{self, mobizon::Mobizon, resend::Resend};
use proftest::config;
use proftest::domain::delivery::{LEASE, Policy, Settlement};
use proftest::domain::ids::NotificationId;
use proftest::domain::message::{self, SmsTooLong};
use proftest::store::{Claim, Due, Store, StoreError};
use proftest::task::DeliverTask;
use proftest::texts::{Locale, Texts, texts};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// How long one statement may take, connecting included.
const DATABASE_DEADLINE: Duration = Duration::from_secs(3);
/// A batch has at most ten records; four connections carry them without crowding the database.
const CONNECTIONS: usize = 4;
/// A message whose row could not be read comes back after this.
const DATABASE_PAUSE: Duration = Duration::from_secs(15);

/// What the function works with.
pub struct App {
    store: Store,
    queue: Queue,
    resend: Resend,
    mobizon: Mobizon,
    links: config::Links,
    policy: Policy,
    texts: &'static Texts,
    balance: balance::Watch,
}

/// Why the function refuses to start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database settings cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No HTTP client can be built.
    #[error("no HTTP client can be built")]
    Http(#[from] reqwest::Error),
    /// `SHORT_LINK_BASE_URL` is too long for an SMS of one segment.
    #[error(transparent)]
    ShortLinks(#[from] SmsTooLong),
}

impl App {
    /// Builds the clients; opens no connection.
    ///
    /// # Errors
    /// When the settings cannot work, such as a short link that no SMS has room for.
    pub fn new(config: &config::Deliver, sdk: &proftest::aws::SdkConfig) -> Result<Self, StartError> {
        let texts = texts(Locale::Ru);
        message::sms(texts, &channels::short_link(&config.links, "0123456789ab"))?;
        let http = clients::http_client()?;
        Ok(Self {
            store: Store::new(&config.database, CONNECTIONS, DATABASE_DEADLINE)?,
            queue: Queue::new(sdk, &config.queue_url),
            resend: Resend::new(http.clone(), &config.resend).repeating(Policy::PRODUCTION.repeats),
            mobizon: Mobizon::new(http, &config.mobizon),
            links: config.links.clone(),
            policy: Policy::PRODUCTION,
            texts,
            balance: balance::Watch::new(),
        })
    }

    /// The same with another retry schedule; tests have no eight hours.
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.resend = self.resend.repeating(policy.repeats);
        self.policy = policy;
        self
    }

    /// Opens the database connection ahead of the first batch.
    pub async fn warm_up(&self) {
        self.store.warm_up().await;
    }
}

/// Handles a batch of messages, each on its own.
///
/// # Errors
/// [`NamelessRecord`] when a record could not be named in the report; SQS then gives the whole batch back.
pub async fn handle(app: &App, event: SqsEvent) -> Result<SqsBatchResponse, NamelessRecord> {
    let started = Instant::now();
    let (post, letters) = mpsc::unbounded_channel();
    let (response, sent) = futures::future::join(
        batch::each(event, &app.queue, post, async |task: DeliverTask, post| {
            let DeliverTask::DeliverV1 { notification } = task;
            deliver(app, notification, post).await
        }),
        mail::send(app, letters),
    )
    .await;
    mail::close(app, &sent).await;
    balance::report(app, started).await;
    response
}

/// Does what is due of one notification. Its e-mail is handed in to `post`, to go out with the others.
async fn deliver(app: &App, notification: NotificationId, post: Post) -> Verdict {
    let due = match app.store.claim(notification).await {
        Ok(Claim::Claimed(due)) => due,
        Ok(Claim::Early { due_in }) => return Verdict::Again(due_in),
        Ok(Claim::Busy { free_in }) => return Verdict::Again(free_in + Duration::from_secs(1)),
        Ok(Claim::Over { failed: false }) => return Verdict::Done,
        // The row keeps the reason; the DLQ makes somebody look.
        Ok(Claim::Over { failed: true }) => return Verdict::Refuse,
        Ok(Claim::Missing) => {
            tracing::warn!(notification.id = %notification, "No such notification; its lead was erased");
            return Verdict::Done;
        }
        Err(error) => {
            tracing::error!(notification.id = %notification, error = proftest::failure::chain(&error),
                "Nothing could be claimed");
            return Verdict::Again(DATABASE_PAUSE);
        }
    };
    let contents = match channels::pin(app, &due).await {
        Ok(contents) => contents,
        Err(error) => {
            // The claim stands until its lease ends; nothing was sent under it.
            tracing::error!(notification.id = %notification, error = proftest::failure::chain(&error),
                "Nothing could be pinned");
            return Verdict::Again(LEASE);
        }
    };
    let attempts = futures::future::join(
        channels::email(app, &due, &contents, post),
        channels::sms(app, &due, &contents),
    );
    let (email, sms) = attempts.await;
    let settlements: Vec<_> = email.into_iter().chain(sms).collect();
    verdict(&due, &settlements)
}

/// What becomes of the message, once every claimed channel has its settlement (`None`: it could not be
/// recorded, and the claim stands until its lease ends). A channel whose turn comes later still needs it.
fn verdict(due: &Due, settlements: &[Option<Settlement>]) -> Verdict {
    let mut again = due.rest_free_in;
    // A channel that failed earlier still has to be looked at, when the last one ends well.
    let mut failed = due.failed;
    for settlement in settlements {
        let after = match settlement {
            None => Some(LEASE),
            // Parked work waits in its row; the sweep wakes it.
            Some(Settlement::Accepted { .. } | Settlement::Parked { .. }) => None,
            Some(Settlement::Failed { .. }) => {
                failed = true;
                None
            }
            Some(Settlement::Retrying { after, .. } | Settlement::Unknown { after, .. }) => Some(*after),
        };
        again = match (again, after) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }
    tracing::debug!(notification.id = %due.notification, ?again, failed, "Attempted");
    match (again, failed) {
        (Some(pause), _) => Verdict::Again(pause),
        (None, true) => Verdict::Refuse,
        (None, false) => Verdict::Done,
    }
}
