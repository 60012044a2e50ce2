//! Saving a lead.

use super::WAKE_GRACE;
use super::pool::{Store, StoreError};
use super::types::{Seconds, param};
use crate::domain::contact::{Email, Name, Phone};
use crate::domain::delivery::{Channel, Kind};
use crate::domain::ids::{LeadId, NotificationId, ShortCode};
use crate::domain::metadata::Metadata;
use crate::failpoint::Step;
use jiff::Timestamp;
use std::time::Duration;
use tokio_postgres::types::Json;

/// A parsed lead from the form.
#[derive(Debug, Clone)]
pub struct NewLead {
    /// For greetings.
    pub name: Name,
    /// Identifies the person, together with `phone`.
    pub email: Email,
    /// Identifies the person, together with `email`.
    pub phone: Phone,
    /// `proftest_<campaign>`.
    pub source: String,
    /// The rest of the form.
    pub metadata: Metadata,
    /// The same key again changes nothing.
    pub idempotency_key: Option<String>,
}

/// A committed lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Saved {
    /// The person's one id.
    pub lead: LeadId,
    /// Whether this submission changed something that the CRM must learn.
    pub changed: bool,
    /// The waiting message; `None` if this submission's message has gone out already.
    pub notification: Option<Pending>,
}

/// A waiting notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    /// The notification's id.
    pub id: NotificationId,
    /// By the database's clock.
    pub due: Timestamp,
    /// By the database's clock.
    pub due_in: Duration,
}

impl Store {
    /// Saves a lead with its notification, deliveries, short link and CRM task, in one statement.
    ///
    /// The same person is the same lead. While a notification of the kind waits, no second one is made. After it has
    /// gone out, a new submission (not a repeated one) makes a new one, due after `delay`.
    pub async fn save_lead(&self, lead: NewLead, kind: Kind, delay: Duration) -> Result<Saved, StoreError> {
        let code = ShortCode::new()
            .map_err(|error| StoreError::Unavailable(format!("no randomness for a short link: {error}")))?;
        let (id, notification) = (LeadId::new(), NotificationId::new());
        let (delay, grace) = (Seconds(delay), Seconds(WAKE_GRACE));
        let channels: &[Channel] = kind.channels();
        let metadata = Json(lead.metadata.into_json());
        let params = [
            param(&id),
            param(&lead.name),
            param(&lead.email),
            param(&lead.phone),
            param(&lead.source),
            param(&metadata),
            param(&notification),
            param(&delay),
            param(&code),
            param(&lead.idempotency_key),
            param(&grace),
            param(&kind),
            param(&channels),
        ];
        self.one(Step::Intake, include_str!("intake.sql"), &params, |row| {
            let notification = match row.try_get("notification_id")? {
                None => None,
                Some(id) => Some(Pending {
                    id,
                    due: row.try_get("scheduled_for")?,
                    due_in: row.try_get::<_, Seconds>("due_in_seconds")?.0,
                }),
            };
            Ok(Saved {
                lead: row.try_get("lead_id")?,
                changed: row.try_get("changed")?,
                notification,
            })
        })
        .await
    }
}
