//! Finds rows that were not woken.

use super::pool::{PgError, Store, StoreError};
use super::types::{Seconds, param};
use crate::domain::ids::{LeadId, NotificationId};
use crate::failpoint::Step;
use std::time::Duration;
use tokio_postgres::Row;

/// The state of the funnel, as metrics.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backlog {
    /// Delay of the oldest overdue notification, in seconds; 0 when none is overdue.
    pub oldest_overdue_seconds: f64,
    /// Notifications that are due and not completed.
    pub overdue: i64,
    /// Waiting notifications, due or not.
    pub pending: i64,
    pub failed_last_day: i64,
    /// People who left contacts during the last day.
    pub leads_last_day: i64,
    /// Of them, those who clicked.
    pub clicked_last_day: i64,
    /// Notifications of the last day with all channels accepted.
    pub delivered_last_day: i64,
    /// Of them, those accepted within a minute.
    pub on_time_last_day: i64,
    /// E-mails of the last day that Resend took.
    pub mails_last_day: i64,
    /// Of them, those that came back.
    pub bounced_last_day: i64,
    /// Of them, those that their recipients called spam.
    pub complained_last_day: i64,
    /// Deliveries that wait for a human.
    pub parked: i64,
    /// CRM tasks that should be done by now.
    pub crm_overdue: i64,
    pub crm_failed: i64,
    /// 1 while the gate to amoCRM is shut.
    pub crm_gate_shut: i64,
}

impl Store {
    /// Takes at most `limit` overdue notifications, oldest first, and not again for `again_after`. Rows that another
    /// sweep holds are skipped.
    pub async fn take_overdue(
        &self,
        limit: u16,
        again_after: Duration,
    ) -> Result<Vec<NotificationId>, StoreError> {
        let (limit, again_after) = (i64::from(limit), Seconds(again_after));
        let params = [param(&limit), param(&again_after)];
        self.all(Step::Overdue, include_str!("overdue.sql"), &params, |row| {
            Ok(row.try_get("id")?)
        })
        .await
    }

    /// The same for CRM tasks; none while the gate is shut.
    pub async fn take_overdue_crm(
        &self,
        limit: u16,
        again_after: Duration,
    ) -> Result<Vec<LeadId>, StoreError> {
        let (limit, again_after) = (i64::from(limit), Seconds(again_after));
        let params = [param(&limit), param(&again_after)];
        let sql = include_str!("crm_overdue.sql");
        self.all(Step::CrmOverdue, sql, &params, |row| Ok(row.try_get("lead_id")?))
            .await
    }

    pub async fn backlog(&self) -> Result<Backlog, StoreError> {
        self.one(Step::Backlog, include_str!("backlog.sql"), &[], read_backlog)
            .await
    }
}

fn read_backlog(row: &Row) -> Result<Backlog, PgError> {
    Ok(Backlog {
        oldest_overdue_seconds: row.try_get("oldest_overdue_seconds")?,
        overdue: row.try_get("overdue")?,
        pending: row.try_get("pending")?,
        failed_last_day: row.try_get("failed_last_day")?,
        leads_last_day: row.try_get("leads_last_day")?,
        clicked_last_day: row.try_get("clicked_last_day")?,
        delivered_last_day: row.try_get("delivered_last_day")?,
        on_time_last_day: row.try_get("on_time_last_day")?,
        mails_last_day: row.try_get("mails_last_day")?,
        bounced_last_day: row.try_get("bounced_last_day")?,
        complained_last_day: row.try_get("complained_last_day")?,
        parked: row.try_get("parked")?,
        crm_overdue: row.try_get("crm_overdue")?,
        crm_failed: row.try_get("crm_failed")?,
        crm_gate_shut: row.try_get("crm_gate_shut")?,
    })
}
