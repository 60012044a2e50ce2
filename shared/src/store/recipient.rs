//! What the people who get our messages ask for.

use super::pool::{Store, StoreError};
use super::types::param;
use crate::domain::ids::{LeadId, RecipientToken, ShortCode};
use crate::domain::metadata::result_from_json;
use crate::domain::quiz::QuizResult;
use crate::domain::recipient::Stop;
use crate::failpoint::Step;
use serde_json::Value;

/// What the page of a message's link shows. It holds no contacts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldResult {
    /// `None` without a scored test.
    pub result: Option<QuizResult>,
    /// As a visitor sent it.
    pub campaign: Option<String>,
    /// Of the page where the person stops our messages. `None` until the first claim.
    pub token: Option<RecipientToken>,
}

impl Store {
    /// Stops our messages to the person with this token. `None`: nobody has it, and nothing changed.
    pub async fn stop(&self, token: &RecipientToken, what: Stop) -> Result<Option<LeadId>, StoreError> {
        let params = [param(token), param(&what)];
        self.first(Step::Stop, include_str!("stop.sql"), &params, |row| {
            Ok(row.try_get("lead_id")?)
        })
        .await
    }

    /// What the message with this link told. `None`: no link has the code.
    pub async fn result_of(&self, code: &ShortCode) -> Result<Option<ToldResult>, StoreError> {
        self.first(
            Step::ResultOf,
            include_str!("result_of.sql"),
            &[param(code)],
            |row| {
                let result: Option<Value> = row.try_get("result")?;
                Ok(ToldResult {
                    result: result.as_ref().and_then(result_from_json),
                    campaign: row.try_get("campaign")?,
                    token: row.try_get("token")?,
                })
            },
        )
        .await
    }
}
