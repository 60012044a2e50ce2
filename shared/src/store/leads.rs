//! Saving a lead.

use super::WAKE_GRACE;
use super::pool::{Fence, PgError, Store, StoreError};
use super::types::{Seconds, param};
use crate::domain::contact::{Email, Name, Phone};
use crate::domain::delivery::{Channel, Kind};
use crate::domain::guard::Evidence;
use crate::domain::ids::{LeadId, NotificationId, ShortCode, SubmissionId};
use crate::domain::metadata::Metadata;
use crate::failpoint::Step;
use jiff::Timestamp;
use std::time::Duration;
use tokio_postgres::Row;
use tokio_postgres::types::Json;

#[derive(Debug, Clone)]
pub struct NewLead {
    pub name: Name,
    /// Identifies the person, together with `phone`.
    pub email: Email,
    /// Identifies the person, together with `email`.
    pub phone: Phone,
    /// `proftest_<campaign>`.
    pub source: String,
    pub metadata: Metadata,
    /// The same key again changes nothing.
    pub idempotency_key: Option<String>,
    /// For the decision at the claim.
    pub evidence: Evidence,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Saved {
    pub lead: LeadId,
    /// Whether this submission changed something that the CRM must learn.
    pub changed: bool,
    /// The waiting message; `None` if this submission's message has gone out already.
    pub notification: Option<Pending>,
    /// The submission that a proof of work is asked for.
    pub challenged: Option<SubmissionId>,
    /// How often its network address submitted.
    pub address: AddressUse,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AddressUse {
    /// Submissions in this second.
    pub in_second: u32,
    /// Whether a limit of an hour or a day is passed.
    pub is_over: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    pub id: NotificationId,
    /// By the database's clock.
    pub due: Timestamp,
    /// By the database's clock.
    pub due_in: Duration,
}

impl Store {
    /// Saves a lead with its submission, consent, notification, deliveries, short link and CRM task, in one statement.
    ///
    /// The same person is the same lead, with the first name. While a notification of the kind waits, no second one is
    /// made. After it has gone out, a new submission (not a repeated one) makes a new one, due after `delay`.
    pub async fn save_lead(&self, lead: NewLead, kind: Kind, delay: Duration) -> Result<Saved, StoreError> {
        let code = ShortCode::new()
            .map_err(|error| StoreError::Unavailable(format!("no randomness for a short link: {error}")))?;
        let (id, submission, notification) = (LeadId::new(), SubmissionId::new(), NotificationId::new());
        let (delay, grace) = (Seconds(delay), Seconds(WAKE_GRACE));
        let channels: &[Channel] = kind.channels();
        let metadata = Json(lead.metadata.into_json());
        let evidence = Json(lead.evidence);
        let params = [
            param(&id),
            param(&submission),
            param(&notification),
            param(&lead.name),
            param(&lead.email),
            param(&lead.phone),
            param(&lead.source),
            param(&metadata),
            param(&lead.idempotency_key),
            param(&kind),
            param(&channels),
            param(&code),
            param(&delay),
            param(&grace),
            param(&evidence),
        ];
        self.one(Step::Intake, include_str!("intake.sql"), &params, read_saved)
            .await
    }

    /// Notes that a submission's challenge was solved. [`Fence::Lost`]: there is no such submission, or it was asked for
    /// nothing.
    pub async fn prove(&self, submission: SubmissionId) -> Result<Fence, StoreError> {
        let params = [param(&submission)];
        self.fenced(Step::Prove, "select * from funnel.prove($1)", &params)
            .await
    }
}

fn read_saved(row: &Row) -> Result<Saved, PgError> {
    let notification = match row.try_get("notification_id")? {
        None => None,
        Some(id) => Some(Pending {
            id,
            due: row.try_get("scheduled_for")?,
            due_in: row.try_get::<_, Seconds>("due_in_seconds")?.0,
        }),
    };
    let submission: Option<SubmissionId> = row.try_get("submission_id")?;
    // Null where no limit was near: SQL's `or` of nothing and no.
    let challenged: Option<bool> = row.try_get("challenged")?;
    let in_second: i32 = row.try_get("address_second")?;
    Ok(Saved {
        lead: row.try_get("lead_id")?,
        changed: row.try_get("changed")?,
        notification,
        challenged: submission.filter(|_| challenged == Some(true)),
        address: AddressUse {
            in_second: u32::try_from(in_second).unwrap_or_default(),
            is_over: row.try_get("address_over")?,
        },
    })
}
