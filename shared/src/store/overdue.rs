//! Finding what nobody has woken.

use super::pool::{Param, Store, StoreError};
use crate::domain::ids::NotificationId;
use std::time::Duration;
use tokio_postgres::types::Type;

/// How the funnel stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backlog {
    /// How long the oldest overdue notification has been due, in seconds; 0 when none is.
    pub oldest_overdue_seconds: f64,
    /// Notifications that are due and not completed.
    pub overdue: i64,
    /// Notifications that wait, due or not.
    pub pending: i64,
    /// Notifications of the last day that failed.
    pub failed_last_day: i64,
    /// People who left their contacts during the last day.
    pub leads_last_day: i64,
    /// Those of them who have clicked.
    pub clicked_last_day: i64,
    /// Notifications of the last day all of whose channels were accepted.
    pub delivered_last_day: i64,
    /// Those of them that were within a minute.
    pub on_time_last_day: i64,
    /// Deliveries that wait for a human.
    pub parked: i64,
    /// CRM tasks that should have been done.
    pub crm_overdue: i64,
    /// CRM tasks that failed for good.
    pub crm_failed: i64,
    /// 1 while nobody may call amoCRM.
    pub crm_gate_shut: i64,
}

/// The parameters that both kinds of overdue rows are taken with.
pub(super) fn params<'a>(limit: &'a i64, again_after: &'a f64) -> [Param<'a>; 2] {
    [(limit, Type::INT8), (again_after, Type::FLOAT8)]
}

impl Store {
    /// Takes at most `limit` overdue notifications, oldest first; none of them is given out again for
    /// `again_after`. Rows that another sweep holds are skipped.
    pub async fn take_overdue(
        &self,
        limit: u16,
        again_after: Duration,
    ) -> Result<Vec<NotificationId>, StoreError> {
        let (limit, again_after) = (i64::from(limit), again_after.as_secs_f64());
        let rows = self
            .run(
                "overdue",
                include_str!("overdue.sql"),
                &params(&limit, &again_after),
            )
            .await?;
        rows.iter()
            .map(|row| {
                row.try_get("id")
                    .map(NotificationId::from_uuid)
                    .map_err(StoreError::Refused)
            })
            .collect()
    }

    /// Counts what waits.
    pub async fn backlog(&self) -> Result<Backlog, StoreError> {
        let rows = self.run("backlog", include_str!("backlog.sql"), &[]).await?;
        let row = rows
            .first()
            .ok_or_else(|| StoreError::Unavailable("no row came back".to_owned()))?;
        let read = || -> Result<Backlog, tokio_postgres::Error> {
            Ok(Backlog {
                oldest_overdue_seconds: row.try_get("oldest_overdue_seconds")?,
                overdue: row.try_get("overdue")?,
                pending: row.try_get("pending")?,
                failed_last_day: row.try_get("failed_last_day")?,
                leads_last_day: row.try_get("leads_last_day")?,
                clicked_last_day: row.try_get("clicked_last_day")?,
                delivered_last_day: row.try_get("delivered_last_day")?,
                on_time_last_day: row.try_get("on_time_last_day")?,
                parked: row.try_get("parked")?,
                crm_overdue: row.try_get("crm_overdue")?,
                crm_failed: row.try_get("crm_failed")?,
                crm_gate_shut: row.try_get("crm_gate_shut")?,
            })
        };
        read().map_err(StoreError::Refused)
    }
}
