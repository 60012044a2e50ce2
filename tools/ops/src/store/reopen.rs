//! Opening again what was given up, for the command that empties the dead-letter queues.

use proftest::domain::delivery::{Channel, EMAIL_KEY_LIFETIME, State};
use proftest::domain::ids::{LeadId, NotificationId};
use proftest::failpoint::Step;
use proftest::store::{PgError, Row, Seconds, Store, StoreError, WAKE_GRACE, param};
use tokio_postgres::error::SqlState;

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
    /// Which.
    pub channel: Channel,
    /// Its state.
    pub state: State,
    /// Why it is in that state. Never personal data.
    pub reason: Option<String>,
    /// Whether an attempt may have been accepted without our knowing.
    pub in_doubt: bool,
    /// The state after reopening; `None` when it stays as it is.
    pub becomes: Option<State>,
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
    let (lifetime, grace) = (Seconds(EMAIL_KEY_LIFETIME), Seconds(WAKE_GRACE));
    let params = [
        param(&notification),
        param(&lifetime),
        param(&grace),
        param(&apply),
    ];
    let look = async || {
        store
            .run(Step::Command("reopen"), include_str!("reopen.sql"), &params)
            .await
    };
    let rows = match look().await {
        // The person took the test again at this very moment, and the new message waits already: the next look
        // sees it.
        Err(StoreError::Refused(error)) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => {
            look().await?
        }
        rows => rows?,
    };
    read(&rows).map_err(StoreError::Unreadable)
}

/// Opens a lead's failed CRM task again; `None` when there is no task. With `apply` false nothing is changed.
pub async fn reopen_crm(store: &Store, lead: LeadId, apply: bool) -> Result<Option<CrmStanding>, StoreError> {
    let grace = Seconds(WAKE_GRACE);
    let params = [param(&lead), param(&grace), param(&apply)];
    let sql = include_str!("crm_reopen.sql");
    store
        .first(Step::Command("crm_reopen"), sql, &params, |row| {
            Ok(CrmStanding {
                state: row.try_get("state")?,
                reason: row.try_get("reason")?,
            })
        })
        .await
}

fn read(rows: &[Row]) -> Result<Option<Standing>, PgError> {
    let Some(first) = rows.first() else {
        return Ok(None);
    };
    let channel = |row: &Row| -> Result<ChannelStanding, PgError> {
        Ok(ChannelStanding {
            channel: row.try_get("channel")?,
            state: row.try_get("state")?,
            reason: row.try_get("reason")?,
            in_doubt: row.try_get("in_doubt")?,
            becomes: row.try_get("becomes")?,
        })
    };
    Ok(Some(Standing {
        lead: first.try_get("lead_id")?,
        status: first.try_get("status")?,
        replaced: first.try_get("replaced")?,
        channels: rows.iter().map(channel).collect::<Result<_, _>>()?,
    }))
}
