//! Counting clicks.

use super::pool::{Store, StoreError};
use crate::domain::delivery::Channel;
use crate::domain::ids::{ClickId, LeadId, ShortCode};
use tokio_postgres::types::Type;
use uuid::Uuid;

/// What a tracked link names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `/l/{code}`: the code knows the lead and the channel.
    Code(ShortCode),
    /// `/api/landing/track/{leadId}?source=…`.
    Lead(LeadId, Channel),
}

/// A click to count.
#[derive(Debug, Clone)]
pub struct Click {
    /// Its id, made once: recording it twice counts once.
    pub id: ClickId,
    /// What was clicked.
    pub target: Target,
    /// The browser's name, at most 256 characters.
    pub user_agent: Option<String>,
}

/// Whose click it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clicked {
    /// The lead.
    pub lead: LeadId,
    /// Over which channel the link had come.
    pub source: Channel,
}

impl Store {
    /// Counts a click. `None`: no lead has this id or code, and nothing was counted.
    pub async fn record_click(&self, click: &Click) -> Result<Option<Clicked>, StoreError> {
        let (code, lead, source): (Option<&str>, Option<Uuid>, Option<&str>) = match &click.target {
            Target::Code(code) => (Some(code.as_str()), None, None),
            Target::Lead(lead, channel) => (None, Some(*lead.as_uuid()), Some(channel.as_str())),
        };
        let rows = self
            .run(
                "click",
                include_str!("click.sql"),
                &[
                    (click.id.as_uuid(), Type::UUID),
                    (&code, Type::TEXT),
                    (&lead, Type::UUID),
                    (&source, Type::TEXT),
                    (&click.user_agent, Type::TEXT),
                ],
            )
            .await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let source: String = row.try_get("source").map_err(StoreError::Refused)?;
        Ok(Some(Clicked {
            lead: LeadId::from_uuid(row.try_get("lead_id").map_err(StoreError::Refused)?),
            source: if source == "sms" {
                Channel::Sms
            } else {
                Channel::Email
            },
        }))
    }
}
