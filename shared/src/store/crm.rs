//! CRM tasks: claiming a lead and its person, saving the deal, ending the attempt.

use super::WAKE_GRACE;
use super::pool::{Fence, PgError, Store, StoreError};
use super::types::{Param, Seconds, param};
use crate::domain::contact::{Email, Name, Phone};
use crate::domain::crm::{CrmOutcome, Fate, NoteKind, TaskState};
use crate::domain::delivery::Channel;
use crate::domain::ids::{ContactId, DealId, LeadId, UserId};
use crate::domain::metadata::Metadata;
use crate::failpoint::Step;
use serde_json::{Map, Value};
use std::time::Duration;
use tokio_postgres::Row;
use tokio_postgres::types::Json;

/// How long a claim on a task and its person holds. It is longer than the function can run (`CrmFunction.Timeout` in
/// template.yaml), so no claim of a live worker is taken over.
pub const CRM_LEASE: Duration = Duration::from_mins(2);

#[derive(Debug)]
pub enum CrmClaim {
    /// There is no task: the person was erased, or amoCRM is up to date.
    Nothing,
    Failed,
    /// The task waits, or a worker holds it or its person.
    Busy {
        /// How long until it may be free.
        free_in: Duration,
    },
    Shut(Shut),
    /// Claimed until the lease ends.
    Claimed(Box<CrmWork>),
}

/// A shut gate: no calls to amoCRM.
#[derive(Debug, Clone, PartialEq)]
pub struct Shut {
    /// `None`: until it is opened by hand.
    pub opens_in: Option<Duration>,
    pub reason: String,
}

/// A claimed task: what amoCRM does not know about a lead.
#[derive(Debug)]
pub struct CrmWork {
    pub lead: LeadId,
    /// The claim's fencing token.
    pub attempt: i32,
    /// Refusals and delays so far.
    pub retries: u16,
    /// The version of the lead's row that this work is based on.
    pub revision: i32,
    /// Whether the deal differs from the lead.
    pub deal_due: bool,
    pub notes: Vec<NoteKind>,
    /// Time since an earlier attempt may have written `notes`.
    pub noting_for: Option<Duration>,
    pub task: TaskDue,
    /// Whether the deal was met behind our stage, and waits there for a human click.
    pub move_due: bool,
    /// Whether a human has clicked a link of the lead's messages.
    pub clicked: bool,
    /// Time since an earlier attempt began to create a deal whose id was never saved.
    pub creating_for: Option<Duration>,
    pub contact: Option<ContactId>,
    pub deal: Option<DealId>,
    pub name: Name,
    pub email: Email,
    pub phone: Phone,
    /// `proftest_<campaign>`, of the first touch.
    pub source: String,
    /// Its answers and result are those of the newest submission that has some.
    pub metadata: Metadata,
    /// How the e-mail of the newest notification ended, or stands.
    pub email_fate: Option<Fate>,
    pub sms_fate: Option<Fate>,
}

impl CrmWork {
    pub const fn fate(&self, channel: Channel) -> Option<&Fate> {
        match channel {
            Channel::Email => self.email_fate.as_ref(),
            Channel::Sms => self.sms_fate.as_ref(),
        }
    }
}

/// The task of a claimed lead's deal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskDue {
    /// Whether the deal still lacks it.
    pub is_due: bool,
    /// Whose it is to be; `None`: amoCRM chooses.
    pub user: Option<UserId>,
    /// Time since an earlier attempt may have made it.
    pub tasking_for: Option<Duration>,
}

/// What became of a lead's deal in this attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DealSaved {
    pub deal: DealId,
    /// `None`: the remembered one stays.
    pub contact: Option<ContactId>,
    /// Whether we made it, in this attempt or in one whose answer was lost.
    pub made: bool,
    /// Whether it lacks a task.
    pub task_due: bool,
    /// Whose task it is to be; `None`: amoCRM chooses.
    pub user: Option<UserId>,
    /// Whether it stands behind our stage, and waits there for a human click.
    pub move_due: bool,
}

/// What an attempt has told amoCRM, whatever stopped it afterwards.
#[derive(Debug, Clone, Copy, Default)]
pub struct Told<'a> {
    pub notes: &'a [NoteKind],
    /// The deal has its task, or is to have none.
    pub task: bool,
}

impl Store {
    pub async fn claim_crm(&self, lead: LeadId) -> Result<CrmClaim, StoreError> {
        let lease = Seconds(CRM_LEASE);
        let params = [param(&lead), param(&lease)];
        let read = |row: &Row| read_claim(lead, row);
        let claim = self
            .first(Step::CrmClaim, include_str!("crm_claim.sql"), &params, read)
            .await?;
        Ok(claim.unwrap_or(CrmClaim::Nothing))
    }

    /// Marks that a deal is about to be created (`true`) or certainly was not (`false`). After a crash the next
    /// attempt then searches before it creates.
    pub async fn mark_creating(&self, work: &CrmWork, creating: bool) -> Result<Fence, StoreError> {
        const SQL: &str = "update crm_tasks set creating_since = case when $3 then now() end \
             where lead_id = $1 and attempt = $2 and state = 'working' returning true";
        self.as_holder(Step::MarkCreating, SQL, work, &[param(&creating)])
            .await
    }

    /// Marks that notes, or the task, or both are about to be written.
    pub async fn mark_telling(&self, work: &CrmWork, notes: bool, task: bool) -> Result<Fence, StoreError> {
        const SQL: &str = "update crm_tasks set \
                 noting_since = case when $3 then coalesce(noting_since, now()) else noting_since end, \
                 tasking_since = case when $4 then coalesce(tasking_since, now()) else tasking_since end \
             where lead_id = $1 and attempt = $2 and state = 'working' returning true";
        self.as_holder(Step::MarkTelling, SQL, work, &[param(&notes), param(&task)])
            .await
    }

    /// Saves the ids of deal and contact before anything else is written.
    pub async fn save_deal(&self, work: &CrmWork, saved: &DealSaved) -> Result<Fence, StoreError> {
        let params = [
            param(&saved.deal),
            param(&saved.contact),
            param(&work.revision),
            param(&saved.made),
            param(&saved.task_due),
            param(&saved.user),
            param(&saved.move_due),
        ];
        self.as_holder(Step::CrmSave, include_str!("crm_save.sql"), work, &params)
            .await
    }

    /// Records the outcome and what was told, and releases the person.
    pub async fn record_crm(
        &self,
        work: &CrmWork,
        outcome: &CrmOutcome,
        told: Told<'_>,
    ) -> Result<Fence, StoreError> {
        let (state, reason) = (outcome.state(), outcome.reason());
        let (after, grace) = (Seconds(outcome.after()), Seconds(WAKE_GRACE));
        let counts = matches!(outcome, CrmOutcome::Retry { .. });
        let params = [
            param(&state),
            param(&work.revision),
            param(&told.notes),
            param(&after),
            param(&reason),
            param(&grace),
            param(&counts),
            param(&told.task),
        ];
        self.as_holder(Step::CrmRecord, include_str!("crm_record.sql"), work, &params)
            .await
    }

    /// Runs a statement whose first two parameters are the lead and the claim's attempt.
    async fn as_holder(
        &self,
        step: Step,
        sql: &str,
        work: &CrmWork,
        more: &[Param<'_>],
    ) -> Result<Fence, StoreError> {
        let mut params = vec![param(&work.lead), param(&work.attempt)];
        params.extend_from_slice(more);
        self.fenced(step, sql, &params).await
    }
}

/// Reads the gate's two columns; `infinity` arrives as such.
pub(super) fn read_shut(row: &Row) -> Result<Option<Shut>, PgError> {
    let Some(shut_for) = row.try_get::<_, Option<f64>>("shut_for_seconds")? else {
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

fn read_claim(lead: LeadId, row: &Row) -> Result<CrmClaim, PgError> {
    match row.try_get("state")? {
        TaskState::Pending | TaskState::Working => {}
        TaskState::Done => return Ok(CrmClaim::Nothing),
        TaskState::Failed => return Ok(CrmClaim::Failed),
    }
    if let Some(shut) = read_shut(row)? {
        return Ok(CrmClaim::Shut(shut));
    }
    if !row.try_get::<_, bool>("claimed")? {
        let free_in: Option<Seconds> = row.try_get("free_in_seconds")?;
        return Ok(CrmClaim::Busy {
            free_in: free_in.map_or(Duration::ZERO, |Seconds(free_in)| free_in),
        });
    }
    let Json(metadata): Json<Map<String, Value>> = row.try_get("metadata")?;
    let since = |column: &str| {
        let since: Option<Seconds> = row.try_get(column)?;
        Ok::<_, PgError>(since.map(|Seconds(since)| since))
    };
    let fate = |state: &str, reason: &str| {
        let state: Option<String> = row.try_get(state)?;
        let reason = row.try_get(reason)?;
        Ok::<_, PgError>(state.map(|state| Fate { state, reason }))
    };
    Ok(CrmClaim::Claimed(Box::new(CrmWork {
        lead,
        attempt: row.try_get("attempt")?,
        retries: u16::try_from(row.try_get::<_, i16>("retries")?).unwrap_or_default(),
        revision: row.try_get("revision")?,
        deal_due: row.try_get("deal_due")?,
        notes: row.try_get("pending_notes")?,
        noting_for: since("noting_for_seconds")?,
        task: TaskDue {
            is_due: row.try_get("task_due")?,
            user: row.try_get("task_user")?,
            tasking_for: since("tasking_for_seconds")?,
        },
        move_due: row.try_get("move_due")?,
        clicked: row.try_get("clicked")?,
        creating_for: since("creating_for_seconds")?,
        contact: row.try_get("contact_id")?,
        deal: row.try_get("amocrm_lead_id")?,
        name: row.try_get("name")?,
        email: row.try_get("email")?,
        phone: row.try_get("phone")?,
        source: row.try_get("source")?,
        metadata: Metadata::from_json(metadata),
        email_fate: fate("email_state", "email_reason")?,
        sms_fate: fate("sms_state", "sms_reason")?,
    })))
}
