//! Counting clicks.

use super::pool::{Store, StoreError};
use super::types::param;
use crate::domain::delivery::Channel;
use crate::domain::ids::{ClickId, LeadId, ShortCode};
use crate::failpoint::Step;

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
