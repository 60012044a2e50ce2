//! Claims a notification's channels, pins their content, records outcomes.

use super::WAKE_GRACE;
use super::pool::{Fence, PgError, Store, StoreError};
use super::types::{Seconds, param};
use crate::domain::contact::{Email, Name, Phone};
use crate::domain::delivery::{Before, Channel, Doubt, Kind, LEASE, Outcome, Status};
use crate::domain::ids::{BatchId, LeadId, NotificationId, RecipientToken, ShortCode};
use crate::domain::metadata::result_from_json;
use crate::domain::quiz::QuizResult;
use crate::failpoint::Step;
use serde_json::Value;
use std::fmt;
use std::time::Duration;
use tokio_postgres::Row;

#[derive(Debug)]
pub enum Claim {
    /// There is no such notification: its person was erased.
    Missing,
    Early {
        /// Time until it is due, by the database's clock.
        due_in: Duration,
    },
    /// Completed, failed or cancelled.
    Over {
        /// Whether a channel failed for good.
        failed: bool,
    },
    /// Another worker holds it, or a backoff runs.
    Busy {
        /// Time until a channel is free.
        free_in: Duration,
    },
    /// What is open waits for a decision.
    Held,
    /// Claimed until the lease ends.
    Claimed(Box<Due>),
}

#[derive(Debug)]
pub struct Due {
    pub notification: NotificationId,
    pub lead: LeadId,
    pub kind: Kind,
    pub campaign: Option<String>,
    pub name: Name,
    pub email: Email,
    pub phone: Phone,
    /// `None` without a scored test.
    pub quiz_result: Option<QuizResult>,
    /// The code of the SMS's link.
    pub code: Option<ShortCode>,
    /// The code of the e-mail's link: an earlier pin's, or a new one.
    pub email_code: ShortCode,
    /// Of the page where the person stops our messages: an earlier pin's, or a new one.
    pub token: RecipientToken,
    /// Whether the other channel has failed for good.
    pub failed: bool,
    pub attempts: Vec<Attempt>,
    /// Time until another open channel can be claimed; `None` when there is none.
    pub rest_free_in: Option<Duration>,
}

pub struct Attempt {
    pub channel: Channel,
    /// Counted from 1: the fencing token for recording the outcome.
    pub number: i32,
    /// Refusals so far.
    pub retries: i16,
    pub before: Before,
    /// Pinned by an earlier attempt.
    pub content: Option<Value>,
    /// The batch in which an earlier attempt may have been sent.
    pub batch: Option<BatchId>,
    /// The person wants nothing any more: an earlier attempt is looked up, and nothing is sent once more.
    pub suppressed: bool,
}

/// Omits the content, which holds the person's address and name.
impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt")
            .field("channel", &self.channel)
            .field("number", &self.number)
            .field("retries", &self.retries)
            .field("before", &self.before)
            .finish_non_exhaustive()
    }
}

/// Pinned content of a channel, the same at every attempt.
pub struct Pinned {
    pub channel: Channel,
    /// Opaque to the store.
    pub content: Value,
}

impl Store {
    /// Claims the channels that are due, and holds those that the limits do not let out. `limits` is
    /// `Limits::to_json`'s.
    pub async fn claim(&self, notification: NotificationId, limits: &Value) -> Result<Claim, StoreError> {
        let lease = Seconds(LEASE);
        let params = [param(&notification), param(&lease), param(&limits)];
        let rows = self.run(Step::Claim, include_str!("claim.sql"), &params).await?;
        let Some(first) = rows.first() else {
            return Ok(Claim::Missing);
        };
        read_claim(notification, first, &rows, new_links()?).map_err(StoreError::Unreadable)
    }

    /// Pins content before anything is sent, and makes the links in it work. The first pin wins; the result is what is
    /// pinned, by this call or an earlier one.
    pub async fn pin(&self, due: &Due, contents: &[Pinned]) -> Result<Vec<Pinned>, StoreError> {
        let channels: Vec<Channel> = contents.iter().map(|pinned| pinned.channel).collect();
        let values: Vec<&Value> = contents.iter().map(|pinned| &pinned.content).collect();
        let params = [
            param(&due.notification),
            param(&channels),
            param(&values),
            param(&due.token),
            param(&due.email_code),
        ];
        self.all(Step::Pin, include_str!("pin.sql"), &params, |row| {
            Ok(Pinned {
                channel: row.try_get("channel")?,
                content: row.try_get("content")?,
            })
        })
        .await
    }

    /// Records an outcome, and completes the notification if it was the last channel.
    pub async fn record(
        &self,
        notification: NotificationId,
        channel: Channel,
        attempt: i32,
        outcome: &Outcome,
        doubt: Doubt,
    ) -> Result<Fence, StoreError> {
        let provider_id = match outcome {
            Outcome::Accepted { provider_id } => Some(provider_id.as_str()),
            _ => None,
        };
        // The message of a parked delivery is acknowledged and only the sweep wakes it, so there is no grace.
        let parked = matches!(outcome, Outcome::Parked { .. });
        let grace = Seconds(if parked { Duration::ZERO } else { WAKE_GRACE });
        let undeliverable = matches!(outcome, Outcome::Undeliverable { .. });
        let (state, reason, after) = (outcome.state(), outcome.reason(), outcome.after().map(Seconds));
        let params = [
            param(&notification),
            param(&channel),
            param(&attempt),
            param(&state),
            param(&provider_id),
            param(&reason),
            param(&after),
            param(&doubt),
            param(&grace),
            param(&undeliverable),
        ];
        self.fenced(Step::Record, include_str!("record.sql"), &params)
            .await
    }
}

/// For a message of which nothing is pinned yet.
type NewLinks = (ShortCode, RecipientToken);

fn new_links() -> Result<NewLinks, StoreError> {
    let failed = |error| StoreError::Unavailable(format!("no randomness for a link: {error}"));
    Ok((
        ShortCode::new().map_err(failed)?,
        RecipientToken::new().map_err(failed)?,
    ))
}

fn read_claim(
    notification: NotificationId,
    first: &Row,
    rows: &[Row],
    links: NewLinks,
) -> Result<Claim, PgError> {
    match first.try_get("status")? {
        Status::Pending => {}
        Status::Completed | Status::Cancelled => return Ok(Claim::Over { failed: false }),
        Status::Failed => return Ok(Claim::Over { failed: true }),
    }
    let Seconds(due_in) = first.try_get("due_in_seconds")?;
    if !due_in.is_zero() {
        return Ok(Claim::Early { due_in });
    }
    let attempts = rows.iter().filter_map(|row| read_attempt(row).transpose());
    let attempts = attempts.collect::<Result<Vec<_>, _>>()?;
    let free_in: Option<Seconds> = first.try_get("free_in_seconds")?;
    let free_in = free_in.map(|Seconds(free_in)| free_in);
    if attempts.is_empty() && first.try_get("held")? {
        return Ok(Claim::Held);
    }
    if attempts.is_empty() {
        return Ok(Claim::Busy {
            free_in: free_in.unwrap_or_default(),
        });
    }
    let result: Option<Value> = first.try_get("result")?;
    let (code, token): (Option<_>, Option<_>) = (first.try_get("email_code")?, first.try_get("token")?);
    Ok(Claim::Claimed(Box::new(Due {
        notification,
        kind: first.try_get("kind")?,
        campaign: first.try_get("campaign")?,
        lead: first.try_get("lead_id")?,
        name: first.try_get("name")?,
        email: first.try_get("email")?,
        phone: first.try_get("phone")?,
        quiz_result: result.as_ref().and_then(result_from_json),
        code: first.try_get("code")?,
        email_code: code.unwrap_or(links.0),
        token: token.unwrap_or(links.1),
        failed: first.try_get("failed")?,
        attempts,
        rest_free_in: free_in,
    })))
}

fn read_attempt(row: &Row) -> Result<Option<Attempt>, PgError> {
    let Some(channel) = row.try_get("channel")? else {
        return Ok(None);
    };
    let unknown_for: Option<Seconds> = row.try_get("unknown_for_seconds")?;
    Ok(Some(Attempt {
        channel,
        number: row.try_get("attempt")?,
        retries: row.try_get("retries")?,
        before: unknown_for.map_or(Before::NotSent, |Seconds(since)| Before::Unknown { since }),
        content: row.try_get("content")?,
        batch: row.try_get("batch_id")?,
        suppressed: row.try_get::<_, Option<bool>>("suppressed")?.unwrap_or_default(),
    }))
}
