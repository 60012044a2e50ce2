//! Brings amoCRM in line with each lead's row: one contact a person, one active deal a lead, its notes.
//!
//! A task is claimed together with its person, so that no two workers are ever busy with one contact. The
//! deal's id is saved before notes are written; the notes of a whole batch are then written in one call.
//! Every call goes through the governor and past the gate.

mod auth;
mod calls;
mod deal;
mod notes;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use proftest::aws::queue::Queue;
use proftest::batch::{self, NamelessRecord, Verdict};
use proftest::clients::{self, amocrm::AmoCrm};
use proftest::config;
use proftest::domain::ids::LeadId;
use proftest::failure::{Failure, Reaction};
use proftest::store::{CrmClaim, CrmOutcome, CrmWork, Store, StoreError};
use proftest::task::CrmTask;
use proftest::texts::{Locale, Texts, texts};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long one statement may take, connecting included.
const DATABASE_DEADLINE: Duration = Duration::from_secs(5);
/// Ten tasks of a batch share these.
const CONNECTIONS: usize = 4;
/// A message whose row could not be read comes back after this.
const DATABASE_PAUSE: Duration = Duration::from_secs(15);

/// What the function works with.
pub struct App {
    store: Store,
    queue: Queue,
    amocrm: AmoCrm,
    settings: config::AmoCrm,
    auth: auth::TokenCache,
    stage: tokio::sync::OnceCell<deal::Target>,
    policy: Policy,
    texts: &'static Texts,
}

/// When to try again, as data.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// Delay after the first, second, … refusal. As many retries as entries; then the task fails.
    pub backoff: &'static [Duration],
    /// How long a deal of unknown outcome must stay absent from the search before it is created again: the
    /// search lags behind what was written.
    pub settle: Duration,
}

impl Policy {
    /// Production's schedule: about eight hours.
    pub const PRODUCTION: Self = Self {
        backoff: proftest::domain::delivery::Policy::PRODUCTION.backoff,
        settle: Duration::from_mins(2),
    };
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
}

impl App {
    /// Builds the clients; opens no connection.
    ///
    /// # Errors
    /// When the settings cannot work.
    pub fn new(config: &config::Crm, sdk: &proftest::aws::SdkConfig) -> Result<Self, StartError> {
        Ok(Self {
            store: Store::new(&config.database, CONNECTIONS, DATABASE_DEADLINE)?,
            queue: Queue::new(sdk, &config.queue_url),
            amocrm: AmoCrm::new(clients::http_client()?, &config.amocrm.base_url),
            settings: config.amocrm.clone(),
            auth: auth::TokenCache::default(),
            stage: tokio::sync::OnceCell::new(),
            policy: Policy::PRODUCTION,
            texts: texts(Locale::Ru),
        })
    }

    /// The same with another retry schedule; tests have no eight hours.
    #[must_use]
    pub const fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Opens the database connection ahead of the first batch.
    pub async fn warm_up(&self) {
        self.store.warm_up().await;
    }
}

/// Handles a batch of messages, each on its own; then writes the notes of all of them.
///
/// # Errors
/// [`NamelessRecord`] when a record could not be named in the report; SQS then gives the whole batch back.
pub async fn handle(app: &App, event: SqsEvent) -> Result<SqsBatchResponse, NamelessRecord> {
    auth::warn_before_expiry(&app.settings.auth);
    let to_note = Mutex::new(Vec::new());
    let response = batch::each(event, &app.queue, &to_note, async |task: CrmTask, to_note| {
        let CrmTask::CrmV1 { lead } = task;
        bring_in_line(app, lead, to_note).await
    })
    .await?;
    let to_note = to_note.into_inner().unwrap_or_else(PoisonError::into_inner);
    notes::write(app, to_note).await;
    Ok(response)
}

/// A task whose deal is as it should be, on its way to its notes.
struct Settled {
    work: CrmWork,
    deal: i64,
}

async fn bring_in_line(app: &App, lead: LeadId, to_note: &Mutex<Vec<Settled>>) -> Verdict {
    let work = match app.store.claim_crm(lead).await {
        Ok(CrmClaim::Claimed(work)) => *work,
        Ok(CrmClaim::Nothing) => return Verdict::Done,
        Ok(CrmClaim::Failed) => return Verdict::Refuse,
        Ok(CrmClaim::Busy { free_in }) => return Verdict::Again(free_in + Duration::from_secs(1)),
        // The row waits; the sweep wakes it when the gate is open.
        Ok(CrmClaim::Shut(_)) => return Verdict::Done,
        Err(error) => {
            tracing::error!(lead.id = %lead, error = proftest::failure::chain(&error), "Nothing could be claimed");
            return Verdict::Again(DATABASE_PAUSE);
        }
    };
    match deal::ensure(app, &work).await {
        Ok(deal) => {
            to_note
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(Settled { work, deal });
            // Should the notes fail, the row waits and the sweep wakes it.
            Verdict::Done
        }
        Err(stop) => settle(app, &work, stop, &[]).await,
    }
}

/// Why the work on a task stopped.
enum Stop {
    /// amoCRM refused, or its answer was lost.
    Failed(Failure),
    /// Nobody may call amoCRM now.
    Shut,
    /// It has to wait for this long.
    Wait(Duration, &'static str),
    /// The claim has passed to another worker: touch nothing.
    Lost,
    /// The database failed; the lease ends the claim.
    Store(StoreError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Records why a task stopped, and says what becomes of its message.
async fn settle(app: &App, work: &CrmWork, stop: Stop, written: &[String]) -> Verdict {
    let lead = work.lead;
    let outcome = match stop {
        Stop::Failed(failure) => after_failure(app, work, failure),
        Stop::Shut => CrmOutcome::Wait {
            after: Duration::ZERO,
            reason: "the gate is shut".to_owned(),
        },
        Stop::Wait(after, reason) => CrmOutcome::Wait {
            after,
            reason: reason.to_owned(),
        },
        Stop::Lost => {
            tracing::warn!(lead.id = %lead, "The claim had passed to another worker");
            return Verdict::Done;
        }
        Stop::Store(error) => {
            tracing::error!(lead.id = %lead, error = proftest::failure::chain(&error), "The task stopped");
            return Verdict::Again(DATABASE_PAUSE);
        }
    };
    let (verdict, reason) = match &outcome {
        CrmOutcome::Done => (Verdict::Done, ""),
        CrmOutcome::Retry { after, reason } => (Verdict::Again(*after), reason.as_str()),
        CrmOutcome::Wait { after, reason } if after.is_zero() => (Verdict::Done, reason.as_str()),
        CrmOutcome::Wait { after, reason } => (Verdict::Again(*after), reason.as_str()),
        CrmOutcome::Failed { reason } => (Verdict::Refuse, reason.as_str()),
    };
    if verdict == Verdict::Refuse {
        tracing::error!(lead.id = %lead, reason, "The CRM task failed for good");
    } else {
        tracing::warn!(lead.id = %lead, reason, "The CRM task has to wait");
    }
    match app.store.settle_crm(work, &outcome, written).await {
        Ok(_) => verdict,
        Err(error) => {
            tracing::error!(lead.id = %lead, error = proftest::failure::chain(&error), "The outcome could not be recorded");
            Verdict::Again(DATABASE_PAUSE)
        }
    }
}

fn after_failure(app: &App, work: &CrmWork, failure: Failure) -> CrmOutcome {
    let reason = failure.reason;
    match failure.reaction {
        Reaction::GiveUp => CrmOutcome::Failed { reason },
        // The gate was shut with it; the sweep wakes the row when it opens.
        Reaction::Park | Reaction::Block => CrmOutcome::Wait {
            after: Duration::ZERO,
            reason,
        },
        Reaction::Retry { after } => retry(app, work, reason, after.unwrap_or_default()),
        Reaction::Unknown => retry(app, work, reason, Duration::ZERO),
    }
}

fn retry(app: &App, work: &CrmWork, reason: String, at_least: Duration) -> CrmOutcome {
    let retries = usize::try_from(work.retries).unwrap_or(usize::MAX);
    match app.policy.backoff.get(retries) {
        Some(backoff) => {
            let spread = getrandom::u32().map_or(1.0, |random| f64::from(random) / f64::from(u32::MAX));
            CrmOutcome::Retry {
                after: backoff.mul_f64(0.5 + spread / 2.0).max(at_least),
                reason,
            }
        }
        None => CrmOutcome::Failed {
            reason: format!("gave up after {retries} retries: {reason}"),
        },
    }
}
