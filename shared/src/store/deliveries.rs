//! Claiming a notification's channels, pinning what is sent, recording what became of it.

use super::WAKE_GRACE;
use super::pool::{Store, StoreError};
use crate::domain::delivery::{Before, Channel, Doubt, LEASE, Settlement};
use crate::domain::ids::{BatchId, LeadId, NotificationId, ShortCode};
use crate::domain::quiz::Outcome;
use serde_json::Value;
use std::time::Duration;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

/// What a claim found.
#[derive(Debug)]
pub enum Claim {
    /// No such notification; its person was erased.
    Missing,
    /// Not due yet.
    Early {
        /// How long until it is, by the database's clock.
        due_in: Duration,
    },
    /// Completed, failed or cancelled: nothing is left to do.
    Over {
        /// Whether some channel failed for good.
        failed: bool,
    },
    /// Another worker holds it, or a backoff runs.
    Busy {
        /// How long until something is free.
        free_in: Duration,
    },
    /// Ours until the lease ends.
    Claimed(Box<Due>),
}

/// A notification to send now.
#[derive(Debug)]
pub struct Due {
    /// Its id.
    pub notification: NotificationId,
    /// Whose it is.
    pub lead: LeadId,
    /// How to address the person; parsed when it came in.
    pub name: String,
    /// Where the e-mail goes.
    pub email: String,
    /// Where the SMS goes, E.164.
    pub phone: String,
    /// What the test found, as `intake` kept it; absent without a scorable test.
    pub outcome: Option<Outcome>,
    /// The code of the SMS's link.
    pub code: Option<ShortCode>,
    /// Whether the other channel has failed for good already.
    pub failed: bool,
    /// The channels that are ours to send.
    pub attempts: Vec<Attempt>,
    /// How long until an open channel that is not ours now can be claimed; `None` when there is none.
    pub rest_free_in: Option<Duration>,
}

/// One claimed channel.
#[derive(Debug)]
pub struct Attempt {
    /// Which.
    pub channel: Channel,
    /// Its number, from 1: the fencing token under which the outcome is recorded.
    pub number: i32,
    /// How often it was refused and put off before.
    pub retries: i16,
    /// What is known of earlier attempts.
    pub before: Before,
    /// What an earlier attempt pinned, if one came so far.
    pub content: Option<Value>,
    /// The batch in which an earlier attempt may have been sent.
    pub batch: Option<BatchId>,
}

/// Content pinned for a channel, the same at every attempt.
#[derive(Debug)]
pub struct Pinned {
    /// The channel.
    pub channel: Channel,
    /// The content; opaque here.
    pub content: Value,
}

impl Store {
    /// Takes what may be sent now of one notification, under a lease of [`LEASE`].
    pub async fn claim(&self, notification: NotificationId) -> Result<Claim, StoreError> {
        let params = [
            (notification.as_uuid() as _, Type::UUID),
            (&LEASE.as_secs_f64() as _, Type::FLOAT8),
        ];
        let rows = self.run("claim", include_str!("claim.sql"), &params).await?;
        let Some(first) = rows.first() else {
            return Ok(Claim::Missing);
        };
        read_claim(notification, first, &rows).map_err(StoreError::Refused)
    }

    /// Pins the content of claimed channels, before anything is sent.
    ///
    /// The first pin wins: what comes back is what is pinned, whoever did it.
    pub async fn pin(
        &self,
        notification: NotificationId,
        contents: &[Pinned],
    ) -> Result<Vec<Pinned>, StoreError> {
        let channels: Vec<&str> = contents.iter().map(|pinned| pinned.channel.as_str()).collect();
        let values: Vec<&Value> = contents.iter().map(|pinned| &pinned.content).collect();
        let params = [
            (notification.as_uuid() as _, Type::UUID),
            (&channels as _, Type::TEXT_ARRAY),
            (&values as _, Type::JSONB_ARRAY),
        ];
        let rows = self.run("pin", include_str!("pin.sql"), &params).await?;
        let read = |row: &Row| -> Result<Pinned, tokio_postgres::Error> {
            Ok(Pinned {
                channel: channel(row.try_get("channel")?),
                content: row.try_get("content")?,
            })
        };
        rows.iter()
            .map(|row| read(row).map_err(StoreError::Refused))
            .collect()
    }

    /// Records what became of an attempt, and completes the notification when it was the last channel.
    ///
    /// `false`: the claim was no longer ours (another worker took it over, or this very outcome is recorded
    /// already), and nothing was changed.
    pub async fn record(
        &self,
        notification: NotificationId,
        channel: Channel,
        attempt: i32,
        settlement: &Settlement,
        doubt: Doubt,
    ) -> Result<bool, StoreError> {
        let provider_id = match settlement {
            Settlement::Accepted { provider_id } => Some(provider_id.as_str()),
            _ => None,
        };
        let after = settlement.after().map(|after| after.as_secs_f64());
        // A parked delivery's message is acknowledged: the sweep alone wakes it, so without a grace.
        let parked = matches!(settlement, Settlement::Parked { .. });
        let grace = if parked { 0.0 } else { WAKE_GRACE.as_secs_f64() };
        let rows = self
            .run(
                "record",
                include_str!("record.sql"),
                &[
                    (notification.as_uuid(), Type::UUID),
                    (&channel.as_str(), Type::TEXT),
                    (&attempt, Type::INT4),
                    (&settlement.state(), Type::TEXT),
                    (&provider_id, Type::TEXT),
                    (&settlement.reason(), Type::TEXT),
                    (&after, Type::FLOAT8),
                    (&doubt.as_str(), Type::TEXT),
                    (&grace, Type::FLOAT8),
                ],
            )
            .await?;
        Ok(!rows.is_empty())
    }
}

fn read_claim(
    notification: NotificationId,
    first: &Row,
    rows: &[Row],
) -> Result<Claim, tokio_postgres::Error> {
    let status: &str = first.try_get("status")?;
    if status != "pending" {
        return Ok(Claim::Over {
            failed: status == "failed",
        });
    }
    let due_in: f64 = first.try_get("due_in_seconds")?;
    if due_in > 0.0 {
        return Ok(Claim::Early {
            due_in: Duration::from_secs_f64(due_in),
        });
    }
    let attempts = rows
        .iter()
        .filter_map(|row| read_attempt(row).transpose())
        .collect::<Result<Vec<_>, _>>()?;
    let free_in: Option<f64> = first.try_get("free_in_seconds")?;
    let free_in = free_in.map(|seconds| Duration::from_secs_f64(seconds.max(0.0)));
    if attempts.is_empty() {
        return Ok(Claim::Busy {
            free_in: free_in.unwrap_or_default(),
        });
    }
    let code: Option<&str> = first.try_get("code")?;
    let result: Option<Value> = first.try_get("result")?;
    Ok(Claim::Claimed(Box::new(Due {
        notification,
        lead: LeadId::from_uuid(first.try_get("lead_id")?),
        name: first.try_get("name")?,
        email: first.try_get("email")?,
        phone: first.try_get("phone")?,
        outcome: result.as_ref().and_then(read_outcome),
        code: code.and_then(ShortCode::parse),
        failed: first.try_get("failed")?,
        attempts,
        rest_free_in: free_in,
    })))
}

/// Reads `{"types": ["S", "A"]}`.
fn read_outcome(result: &Value) -> Option<Outcome> {
    let letters = result.get("types")?.as_array()?;
    let letters = letters.iter().map(Value::as_str).collect::<Option<Vec<_>>>()?;
    Outcome::from_letters(&letters)
}

fn read_attempt(row: &Row) -> Result<Option<Attempt>, tokio_postgres::Error> {
    let Some(word) = row.try_get::<_, Option<&str>>("channel")? else {
        return Ok(None);
    };
    let unknown_for: Option<f64> = row.try_get("unknown_for_seconds")?;
    Ok(Some(Attempt {
        channel: channel(word),
        number: row.try_get("attempt")?,
        retries: row.try_get("retries")?,
        before: unknown_for.map_or(Before::NotSent, |seconds| Before::Unknown {
            since: Duration::from_secs_f64(seconds.max(0.0)),
        }),
        content: row.try_get("content")?,
        batch: row.try_get::<_, Option<_>>("batch_id")?.map(BatchId::from_uuid),
    }))
}

/// The column's CHECK allows two words.
fn channel(word: &str) -> Channel {
    Channel::parse(word).unwrap_or(Channel::Email)
}
