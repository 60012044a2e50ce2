//! The guard, as the sweep sees it: holds that are over, and what is used of the budgets.

use super::pool::{PgError, Store, StoreError};
use super::types::param;
use crate::failpoint::Step;
use tokio_postgres::Row;

/// Counts of messages; money in hundredths of the currency of Mobizon's account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GuardState {
    pub sms_hour: i64,
    pub sms_day: i64,
    pub money_day: i64,
    pub mail_hour: i64,
    pub mail_day: i64,
    pub sms_ten_minutes: i64,
    pub mail_ten_minutes: i64,
    /// Deliveries that wait for a decision.
    pub held: i64,
    /// Of them, those held within the last hour.
    pub held_last_hour: i64,
    /// SMS of the last day to one country, or to all, of which none was clicked.
    pub sms_without_click: i64,
}

impl Store {
    /// Ends at most `limit` holds whose time is over, oldest first: their deliveries fail. Returns how many.
    pub async fn end_holds(&self, limit: u16) -> Result<usize, StoreError> {
        let limit = i64::from(limit);
        let params = [param(&limit)];
        let rows = self.run(Step::HoldsOver, include_str!("holds_over.sql"), &params);
        Ok(rows.await?.len())
    }

    pub async fn guard_state(&self) -> Result<GuardState, StoreError> {
        self.one(Step::GuardState, include_str!("guard_state.sql"), &[], read_state)
            .await
    }
}

fn read_state(row: &Row) -> Result<GuardState, PgError> {
    Ok(GuardState {
        sms_hour: row.try_get("sms_hour")?,
        sms_day: row.try_get("sms_day")?,
        money_day: row.try_get("money_day")?,
        mail_hour: row.try_get("mail_hour")?,
        mail_day: row.try_get("mail_day")?,
        sms_ten_minutes: row.try_get("sms_ten_minutes")?,
        mail_ten_minutes: row.try_get("mail_ten_minutes")?,
        held: row.try_get("held")?,
        held_last_hour: row.try_get("held_last_hour")?,
        sms_without_click: row.try_get("sms_without_click")?,
    })
}
