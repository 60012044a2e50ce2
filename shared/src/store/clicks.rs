//! Counting clicks.

use super::pool::{Store, StoreError};
use super::types::param;
use crate::domain::delivery::Channel;
use crate::domain::ids::{ClickId, LeadId, ShortCode};
use crate::failpoint::Step;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `/l/{code}`: the code determines lead and channel.
    Code(ShortCode),
    /// `/api/landing/track/{leadId}?source=…`.
    Lead(LeadId, Channel),
}

#[derive(Clone)]
pub struct Click {
    /// Made once: recording the same id twice counts once.
    pub id: ClickId,
    pub target: Target,
    /// The user agent, at most 256 characters.
    pub user_agent: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clicked {
    pub lead: LeadId,
    pub source: Channel,
}

impl Store {
    /// Counts a click. `None`: the id or code is unknown, and nothing was counted.
    pub async fn record_click(&self, click: &Click) -> Result<Option<Clicked>, StoreError> {
        let (code, lead, source) = match &click.target {
            Target::Code(code) => (Some(code), None, None),
            Target::Lead(lead, channel) => (None, Some(lead), Some(channel)),
        };
        let params = [
            param(&click.id),
            param(&code),
            param(&lead),
            param(&source),
            param(&click.user_agent),
        ];
        self.first(Step::Click, include_str!("click.sql"), &params, |row| {
            Ok(Clicked {
                lead: row.try_get("lead_id")?,
                source: row.try_get("source")?,
            })
        })
        .await
    }
}
