//! Opening again what was given up, for the command that empties the dead-letter queues.

use proftest::domain::delivery::EMAIL_KEY_LIFETIME;
use proftest::domain::ids::{LeadId, NotificationId};
use proftest::store::{Store, StoreError, WAKE_GRACE};
use tokio_postgres::Row;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;

/// How a notification stood when it was looked at, and what is done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Whose it is.
    pub lead: LeadId,
    /// `pending`, `completed`, `failed` or `cancelled`.
    pub status: String,
    /// Whether the person has a newer notification; an older one is then not sent any more.
    pub replaced: bool,
    /// Its channels.
    pub channels: Vec<ChannelStanding>,
}

/// One channel of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelStanding {
    /// `email` or `sms`.
    pub channel: String,
    /// The state, as the column has it.
    pub state: String,
    /// Why it is in that state. Never personal data.
    pub reason: Option<String>,
    /// Whether an attempt may have been accepted without our knowing.
    pub in_doubt: bool,
    /// The state after reopening; `None` when it stays as it is.
    pub becomes: Option<String>,
}

/// How a lead's CRM task stood when it was looked at. One that had `failed` is opened again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrmStanding {
    /// `pending`, `working`, `done` or `failed`.
    pub state: String,
    /// Why. Never personal data.
    pub reason: Option<String>,
}

/// Opens a failed notification again for the channels that may be tried again; `None` when there is no such
/// notification. With `apply` false nothing is changed, and what is returned would be done.
pub async fn reopen(
    store: &Store,
    notification: NotificationId,
    apply: bool,
) -> Result<Option<Standing>, StoreError> {
    let params = [
        (notification.as_uuid() as _, Type::UUID),
        (&EMAIL_KEY_LIFETIME.as_secs_f64() as _, Type::FLOAT8),
        (&WAKE_GRACE.as_secs_f64() as _, Type::FLOAT8),
        (&apply as _, Type::BOOL),
    ];
    let look = async || store.run("reopen", include_str!("reopen.sql"), &params).await;
    let rows = match look().await {
        // The person took the test again at this very moment, and the new message waits already: the next look
        // sees it.
        Err(StoreError::Refused(error)) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => {
            look().await?
        }
        rows => rows?,
    };
    read(&rows).map_err(StoreError::Refused)
}

/// Opens a lead's failed CRM task again; `None` when there is no task. With `apply` false nothing is changed.
pub async fn reopen_crm(store: &Store, lead: LeadId, apply: bool) -> Result<Option<CrmStanding>, StoreError> {
    let params = [
        (lead.as_uuid() as _, Type::UUID),
        (&WAKE_GRACE.as_secs_f64() as _, Type::FLOAT8),
        (&apply as _, Type::BOOL),
    ];
    let rows = store
        .run("crm_reopen", include_str!("crm_reopen.sql"), &params)
        .await?;
    let read = |row: &Row| -> Result<CrmStanding, tokio_postgres::Error> {
        Ok(CrmStanding {
            state: row.try_get("state")?,
            reason: row.try_get("reason")?,
        })
    };
    rows.first().map(read).transpose().map_err(StoreError::Refused)
}

fn read(rows: &[Row]) -> Result<Option<Standing>, tokio_postgres::Error> {
    let Some(first) = rows.first() else {
        return Ok(None);
    };
    let channel = |row: &Row| -> Result<ChannelStanding, tokio_postgres::Error> {
        Ok(ChannelStanding {
            channel: row.try_get("channel")?,
            state: row.try_get("state")?,
            reason: row.try_get("reason")?,
            in_doubt: row.try_get("in_doubt")?,
            becomes: row.try_get("becomes")?,
        })
    };
    Ok(Some(Standing {
        lead: LeadId::from_uuid(first.try_get("lead_id")?),
        status: first.try_get("status")?,
        replaced: first.try_get("replaced")?,
        channels: rows.iter().map(channel).collect::<Result<_, _>>()?,
    }))
}
