//! Batches: e-mails that go out in one request. The members are pinned before anything is sent.

use super::pool::{Fence, Store, StoreError};
use super::types::{Seconds, param};
use crate::domain::delivery::EMAIL_KEY_LIFETIME;
use crate::domain::ids::{BatchId, NotificationId};
use crate::failpoint::Step;
use serde_json::Value;

/// A notification and its content; `None` after its person was erased.
pub type Member = (NotificationId, Option<Value>);

impl Store {
    /// Pins a batch of claimed e-mails in sending order, each with its claim's attempt. If one claim is lost, nothing
    /// is pinned.
    pub async fn compose(
        &self,
        batch: BatchId,
        members: &[(NotificationId, i32)],
    ) -> Result<Fence, StoreError> {
        self.with_claims(
            Step::BatchCompose,
            include_str!("batch_compose.sql"),
            batch,
            members,
        )
        .await
    }

    /// Dissolves a batch that was certainly not sent. If one claim is lost, the batch stays.
    pub async fn dissolve(
        &self,
        batch: BatchId,
        members: &[(NotificationId, i32)],
    ) -> Result<Fence, StoreError> {
        self.with_claims(
            Step::BatchDissolve,
            include_str!("batch_dissolve.sql"),
            batch,
            members,
        )
        .await
    }

    async fn with_claims(
        &self,
        step: Step,
        sql: &str,
        batch: BatchId,
        members: &[(NotificationId, i32)],
    ) -> Result<Fence, StoreError> {
        let (ids, attempts): (Vec<NotificationId>, Vec<i32>) = members.iter().copied().unzip();
        self.fenced(step, sql, &[param(&batch), param(&ids), param(&attempts)])
            .await
    }

    /// The members in sending order; none when the batch is closed.
    pub async fn members(&self, batch: BatchId) -> Result<Vec<Member>, StoreError> {
        const SQL: &str = "select m.id, d.content \
             from email_batches b cross join unnest(b.notifications) with ordinality as m (id, place) \
             left join deliveries d \
                 on d.notification_id = m.id and d.channel = 'email' and d.batch_id = b.id \
             where b.id = $1 order by m.place";
        self.all(Step::BatchMembers, SQL, &[param(&batch)], |row| {
            Ok((row.try_get("id")?, row.try_get("content")?))
        })
        .await
    }

    /// Deletes a batch if the outcome of all its e-mails is known.
    pub async fn close(&self, batch: BatchId) -> Result<(), StoreError> {
        let lifetime = Seconds(EMAIL_KEY_LIFETIME);
        let params = [param(&batch), param(&lifetime)];
        self.run(Step::BatchClose, include_str!("batch_close.sql"), &params)
            .await
            .map(|_| ())
    }

    /// Deletes the finished batches of workers that died after their last record.
    pub async fn close_left_behind(&self) -> Result<(), StoreError> {
        const SQL: &str = "select id from email_batches where created_at < now() - interval '1 hour' \
             order by created_at limit 100";
        for batch in self
            .all(Step::BatchesLeft, SQL, &[], |row| Ok(row.try_get("id")?))
            .await?
        {
            self.close(batch).await?;
        }
        Ok(())
    }
}
