//! CRM tasks: claiming a lead and its person, saving the deal, ending the attempt.

use super::pool::{Store, StoreError};
use super::{WAKE_GRACE, overdue};
use crate::domain::ids::LeadId;
use serde_json::{Map, Value};
use std::time::Duration;
use tokio_postgres::Row;
use tokio_postgres::types::{Json, Type};

/// How long a claim on a task and its person holds. Longer than the function may live (`CrmFunction.Timeout`
/// in template.yaml), so that no living worker's claim is ever taken over.
pub const CRM_LEASE: Duration = Duration::from_mins(2);

/// What a claim found.
#[derive(Debug)]
pub enum CrmClaim {
    /// No task; its person was erased, or all is told.
    Nothing,
    /// It failed for good.
    Failed,
    /// It waits, or somebody works on it or on its person.
    Busy {
        /// How long until it may be free.
        free_in: Duration,
    },
    /// Nobody may call amoCRM.
    Shut(Shut),
    /// Ours until the lease ends.
    Claimed(Box<CrmWork>),
}

/// Why, and for how long, nobody may call amoCRM.
#[derive(Debug, Clone, PartialEq)]
pub struct Shut {
    /// How long; `None`: until it is opened by hand.
    pub opens_in: Option<Duration>,
    /// Why.
    pub reason: String,
}

/// What has to be told about a lead.
#[derive(Debug)]
pub struct CrmWork {
    /// Whose.
    pub lead: LeadId,
    /// The claim's fencing token.
    pub attempt: i32,
    /// How often it was refused and put off before.
    pub retries: i16,
    /// The state of the lead that is worked on.
    pub revision: i32,
    /// Whether the deal is not yet as the lead is.
    pub deal_due: bool,
    /// Notes that are not written yet.
    pub notes: Vec<String>,
    /// Whether an earlier attempt may have written them.
    pub maybe_noted: bool,
    /// How long ago an earlier attempt began to create a deal whose id was never saved.
    pub creating_for: Option<Duration>,
    /// The person's contact, once it is known.
    pub contact: Option<i64>,
    /// The lead's deal, once it is known.
    pub deal: Option<i64>,
    /// Its name.
    pub name: String,
    /// Its e-mail.
    pub email: String,
    /// Its phone, E.164.
    pub phone: String,
    /// Where it came from.
    pub source: String,
    /// What the form brought.
    pub metadata: Map<String, Value>,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CrmOutcome {
    /// Everything is told.
    Done,
    /// Refused; counts towards giving up.
    Retry {
        /// Not before.
        after: Duration,
        /// Why.
        reason: String,
    },
    /// Somebody or something else has to come first; does not count.
    Wait {
        /// Not before.
        after: Duration,
        /// Why.
        reason: String,
    },
    /// It can never succeed.
    Failed {
        /// Why.
        reason: String,
    },
}

impl Store {
    /// Takes a lead's task and its person, under a lease of [`CRM_LEASE`].
    pub async fn claim_crm(&self, lead: LeadId) -> Result<CrmClaim, StoreError> {
        let params = [
            (lead.as_uuid() as _, Type::UUID),
            (&CRM_LEASE.as_secs_f64() as _, Type::FLOAT8),
        ];
        let rows = self
            .run("crm_claim", include_str!("crm_claim.sql"), &params)
            .await?;
        let Some(row) = rows.first() else {
            return Ok(CrmClaim::Nothing);
        };
        read_claim(lead, row).map_err(StoreError::Refused)
    }

    /// Notes that a deal is about to be created (`true`), or that it certainly was not (`false`), so that
    /// whoever comes after a crash searches before creating. `false`: the claim is no longer ours.
    pub async fn mark_creating(&self, work: &CrmWork, creating: bool) -> Result<bool, StoreError> {
        const SQL: &str = "update crm_tasks set creating_since = case when $3 then now() end \
             where lead_id = $1 and attempt = $2 and state = 'working' returning true";
        self.fenced("mark_creating", SQL, work, &[(&creating, Type::BOOL)])
            .await
    }

    /// Notes that the notes are about to be written. `false`: the claim is no longer ours.
    pub async fn mark_noting(&self, work: &CrmWork) -> Result<bool, StoreError> {
        const SQL: &str = "update crm_tasks set noting_since = coalesce(noting_since, now()) \
             where lead_id = $1 and attempt = $2 and state = 'working' returning true";
        self.fenced("mark_noting", SQL, work, &[]).await
    }

    /// Saves the deal and the contact, before anything else is told. `false`: the claim is no longer ours.
    pub async fn save_deal(
        &self,
        work: &CrmWork,
        deal: i64,
        contact: Option<i64>,
    ) -> Result<bool, StoreError> {
        let params = [
            (&deal as _, Type::INT8),
            (&contact as _, Type::INT8),
            (&work.revision as _, Type::INT4),
        ];
        self.fenced("crm_save", include_str!("crm_save.sql"), work, &params)
            .await
    }

    /// Ends the attempt and lets go of the person. `false`: the claim was no longer ours.
    pub async fn settle_crm(
        &self,
        work: &CrmWork,
        outcome: &CrmOutcome,
        written: &[String],
    ) -> Result<bool, StoreError> {
        let (end, after, reason) = match outcome {
            CrmOutcome::Done => ("done", Duration::ZERO, None),
            CrmOutcome::Retry { after, reason } => ("retry", *after, Some(reason)),
            CrmOutcome::Wait { after, reason } => ("wait", *after, Some(reason)),
            CrmOutcome::Failed { reason } => ("failed", Duration::ZERO, Some(reason)),
        };
        let params: [super::pool::Param<'_>; 6] = [
            (&end, Type::TEXT),
            (&work.revision, Type::INT4),
            (&written, Type::TEXT_ARRAY),
            (&after.as_secs_f64(), Type::FLOAT8),
            (&reason, Type::TEXT),
            (&WAKE_GRACE.as_secs_f64(), Type::FLOAT8),
        ];
        self.fenced("crm_settle", include_str!("crm_settle.sql"), work, &params)
            .await
    }

    /// Takes at most `limit` CRM tasks that nobody has woken; none of them is given out again for
    /// `again_after`.
    pub async fn take_overdue_crm(
        &self,
        limit: u16,
        again_after: Duration,
    ) -> Result<Vec<LeadId>, StoreError> {
        let rows = self
            .run(
                "crm_overdue",
                include_str!("crm_overdue.sql"),
                &overdue::params(&i64::from(limit), &again_after.as_secs_f64()),
            )
            .await?;
        rows.iter()
            .map(|row| {
                row.try_get("lead_id")
                    .map(LeadId::from_uuid)
                    .map_err(StoreError::Refused)
            })
            .collect()
    }

    /// Runs a statement whose first two parameters are the lead and the claim's attempt.
    async fn fenced(
        &self,
        name: &str,
        sql: &str,
        work: &CrmWork,
        more: &[super::pool::Param<'_>],
    ) -> Result<bool, StoreError> {
        let mut params: Vec<super::pool::Param<'_>> =
            vec![(work.lead.as_uuid(), Type::UUID), (&work.attempt, Type::INT4)];
        params.extend_from_slice(more);
        self.run(name, sql, &params).await.map(|rows| !rows.is_empty())
    }
}

fn seconds(row: &Row, column: &str) -> Result<Option<f64>, tokio_postgres::Error> {
    row.try_get(column)
}

/// A shut gate as its two columns say it; `infinity` comes as such.
pub(super) fn read_shut(row: &Row) -> Result<Option<Shut>, tokio_postgres::Error> {
    let Some(shut_for) = seconds(row, "shut_for_seconds")? else {
        return Ok(None);
    };
    let reason: Option<String> = row.try_get("shut_reason")?;
    Ok(Some(Shut {
        opens_in: shut_for
            .is_finite()
            .then(|| Duration::from_secs_f64(shut_for.max(0.0))),
        reason: reason.unwrap_or_default(),
    }))
}

fn read_claim(lead: LeadId, row: &Row) -> Result<CrmClaim, tokio_postgres::Error> {
    let state: &str = row.try_get("state")?;
    match state {
        "done" => return Ok(CrmClaim::Nothing),
        "failed" => return Ok(CrmClaim::Failed),
        _ => {}
    }
    if let Some(shut) = read_shut(row)? {
        return Ok(CrmClaim::Shut(shut));
    }
    if !row.try_get::<_, bool>("claimed")? {
        let free_in = seconds(row, "free_in_seconds")?.unwrap_or_default();
        return Ok(CrmClaim::Busy {
            free_in: Duration::from_secs_f64(free_in.max(0.0)),
        });
    }
    let metadata: Json<Map<String, Value>> = row.try_get("metadata")?;
    Ok(CrmClaim::Claimed(Box::new(CrmWork {
        lead,
        attempt: row.try_get("attempt")?,
        retries: row.try_get("retries")?,
        revision: row.try_get("revision")?,
        deal_due: row.try_get("deal_due")?,
        notes: row.try_get("pending_notes")?,
        maybe_noted: row.try_get("maybe_noted")?,
        creating_for: seconds(row, "creating_for_seconds")?.map(|s| Duration::from_secs_f64(s.max(0.0))),
        contact: row.try_get("contact_id")?,
        deal: row.try_get("amocrm_lead_id")?,
        name: row.try_get("name")?,
        email: row.try_get("email")?,
        phone: row.try_get("phone")?,
        source: row.try_get("source")?,
        metadata: metadata.0,
    })))
}
