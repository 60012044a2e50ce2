use proftest::domain::crm::TaskState;
use proftest::domain::delivery::{Channel, EMAIL_KEY_LIFETIME, State, Status};
use proftest::domain::ids::{LeadId, NotificationId};
use proftest::failpoint::Step;
use proftest::store::{PgError, Row, Seconds, Store, StoreError, WAKE_GRACE, param};
use tokio_postgres::error::SqlState;

/// A notification's state before the command, and what the command does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub lead: LeadId,
    pub status: Status,
    /// Whether the person has a newer notification; the older one is then never sent.
    pub replaced: bool,
    pub channels: Vec<ChannelStanding>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelStanding {
    pub channel: Channel,
    pub state: State,
    /// Why it is in that state. Never personal data.
    pub reason: Option<String>,
    /// Whether the vendor may have accepted an attempt without our knowing.
    pub in_doubt: bool,
    /// The state after reopening; `None` if it does not change.
    pub becomes: Option<State>,
}

impl ChannelStanding {
    /// Whether it was cancelled, or nobody released it: then it is never sent.
    pub fn is_decided(&self) -> bool {
        let reason = self.reason.as_deref().unwrap_or_default();
        reason == "cancelled" || reason.starts_with("held: ")
    }
}

/// A lead's CRM task before the command. A `failed` one is reopened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrmStanding {
    pub state: TaskState,
    /// Why. Never personal data.
    pub reason: Option<String>,
}

/// Reopens a failed notification for the channels that may be retried; `None` if there is no such notification. With
/// `apply` false it changes nothing and returns what it would do.
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
        // The person took the test again at this moment, and the new message already waits: the next look sees it.
        Err(StoreError::Refused(error)) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => {
            look().await?
        }
        rows => rows?,
    };
    read(&rows).map_err(StoreError::Unreadable)
}

/// Reopens a lead's failed CRM task; `None` if there is no task. With `apply` false it changes nothing.
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
