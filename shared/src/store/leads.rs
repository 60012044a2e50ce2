//! Saving a lead.

use super::WAKE_GRACE;
use super::pool::{Store, StoreError};
use crate::domain::contact::{Email, Name, Phone};
use crate::domain::ids::{LeadId, NotificationId, ShortCode};
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::time::Duration;
use tokio_postgres::types::Type;

/// A lead as the form gave it, parsed.
#[derive(Debug, Clone)]
pub struct NewLead {
    /// How to address the person.
    pub name: Name,
    /// Half of the identity.
    pub email: Email,
    /// The other half.
    pub phone: Phone,
    /// Where the person came from: `proftest_<campaign>`.
    pub source: String,
    /// Answers, UTM parameters and every field that is not known here.
    pub metadata: Map<String, Value>,
    /// The submission's key: the same key again changes nothing.
    pub idempotency_key: Option<String>,
}

/// A lead that is committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Saved {
    /// The person's one id.
    pub lead: LeadId,
    /// Whether this submission changed anything: the CRM has then to be told.
    pub changed: bool,
    /// The message that waits for the person; `None` when this submission's message has gone out already.
    pub notification: Option<Pending>,
}

/// A notification that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    /// Its id.
    pub id: NotificationId,
    /// When it is due, by the database's clock.
    pub due: Timestamp,
    /// How long that is from now, by the database's clock too.
    pub due_in: Duration,
}

impl Store {
    /// Saves a lead with its notification, deliveries, short link and CRM task, in one statement.
    ///
    /// The same person again is the same lead. While a notification waits for the person, no second one is
    /// made; once it has gone out, a new submission (not a repeated one) makes a new one, due after `delay`.
    pub async fn save_lead(&self, lead: &NewLead, delay: Duration) -> Result<Saved, StoreError> {
        let id = LeadId::new();
        let notification = NotificationId::new();
        let code = ShortCode::new()
            .map_err(|error| StoreError::Unavailable(format!("no randomness for a short link: {error}")))?;
        let metadata = tokio_postgres::types::Json(&lead.metadata);
        let rows = self
            .run(
                "intake",
                include_str!("intake.sql"),
                &[
                    (id.as_uuid(), Type::UUID),
                    (&lead.name.as_str(), Type::TEXT),
                    (&lead.email.as_str(), Type::TEXT),
                    (&lead.phone.as_str(), Type::TEXT),
                    (&lead.source, Type::TEXT),
                    (&metadata, Type::JSONB),
                    (notification.as_uuid(), Type::UUID),
                    (&delay.as_secs_f64(), Type::FLOAT8),
                    (&code.as_str(), Type::TEXT),
                    (&lead.idempotency_key, Type::TEXT),
                    (&WAKE_GRACE.as_secs_f64(), Type::FLOAT8),
                ],
            )
            .await?;
        let row = rows
            .first()
            .ok_or_else(|| StoreError::Unavailable("no row came back".to_owned()))?;
        let notification: Option<uuid::Uuid> = row.try_get("notification_id").map_err(StoreError::Refused)?;
        Ok(Saved {
            lead: LeadId::from_uuid(row.try_get("lead_id").map_err(StoreError::Refused)?),
            changed: row.try_get("changed").map_err(StoreError::Refused)?,
            notification: match notification {
                None => None,
                Some(id) => Some(Pending {
                    id: NotificationId::from_uuid(id),
                    due: row.try_get("scheduled_for").map_err(StoreError::Refused)?,
                    due_in: Duration::from_secs_f64(
                        row.try_get::<_, f64>("due_in_seconds")
                            .map_err(StoreError::Refused)?,
                    ),
                }),
            },
        })
    }
}
