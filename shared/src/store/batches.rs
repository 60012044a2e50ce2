//! E-mails that go out in one request: who belongs together, pinned before anything is sent.

use super::pool::{Store, StoreError};
use crate::domain::delivery::EMAIL_KEY_LIFETIME;
use crate::domain::ids::{BatchId, NotificationId};
use serde_json::Value;
use tokio_postgres::types::Type;

/// One e-mail of a batch: its notification, and its content unless that is gone (its person was erased).
pub type Member = (NotificationId, Option<Value>);

impl Store {
    /// Pins a batch of claimed e-mails, each with its claim's attempt, in the order in which they will be sent.
    ///
    /// `false`: one of the claims has passed to another worker, and nothing was pinned.
    pub async fn compose(
        &self,
        batch: BatchId,
        members: &[(NotificationId, i32)],
    ) -> Result<bool, StoreError> {
        self.with_claims("batch_compose", include_str!("batch_compose.sql"), batch, members)
            .await
    }

    /// Takes apart a batch that was certainly not sent.
    ///
    /// `false`: one of the claims has passed to another worker, and the batch stands.
    pub async fn dissolve(
        &self,
        batch: BatchId,
        members: &[(NotificationId, i32)],
    ) -> Result<bool, StoreError> {
        self.with_claims(
            "batch_dissolve",
            include_str!("batch_dissolve.sql"),
            batch,
            members,
        )
        .await
    }

    async fn with_claims(
        &self,
        name: &str,
        sql: &str,
        batch: BatchId,
        members: &[(NotificationId, i32)],
    ) -> Result<bool, StoreError> {
        let ids: Vec<_> = members.iter().map(|(id, _)| id.as_uuid()).collect();
        let attempts: Vec<_> = members.iter().map(|(_, attempt)| *attempt).collect();
        let params = [
            (batch.as_uuid() as _, Type::UUID),
            (&ids as _, Type::UUID_ARRAY),
            (&attempts as _, Type::INT4_ARRAY),
        ];
        Ok(!self.run(name, sql, &params).await?.is_empty())
    }

    /// The members of a batch in their order; none when it is over.
    pub async fn members(&self, batch: BatchId) -> Result<Vec<Member>, StoreError> {
        const SQL: &str = "select m.id, d.content \
             from email_batches b cross join unnest(b.notifications) with ordinality as m (id, place) \
             left join deliveries d \
                 on d.notification_id = m.id and d.channel = 'email' and d.batch_id = b.id \
             where b.id = $1 order by m.place";
        let rows = self
            .run("batch_members", SQL, &[(batch.as_uuid() as _, Type::UUID)])
            .await?;
        let read = |row: &tokio_postgres::Row| -> Result<Member, tokio_postgres::Error> {
            Ok((
                NotificationId::from_uuid(row.try_get("id")?),
                row.try_get("content")?,
            ))
        };
        rows.iter()
            .map(|row| read(row).map_err(StoreError::Refused))
            .collect()
    }

    /// Forgets a batch, if the fate of all its e-mails is known.
    pub async fn close(&self, batch: BatchId) -> Result<(), StoreError> {
        let params = [
            (batch.as_uuid() as _, Type::UUID),
            (&EMAIL_KEY_LIFETIME.as_secs_f64() as _, Type::FLOAT8),
        ];
        self.run("batch_close", include_str!("batch_close.sql"), &params)
            .await
            .map(|_| ())
    }

    /// Forgets the batches that a worker left behind when it died after its last record.
    pub async fn close_left_behind(&self) -> Result<(), StoreError> {
        const SQL: &str = "select id from email_batches where created_at < now() - interval '1 hour' \
             order by created_at limit 100";
        for row in self.run("batches_left", SQL, &[]).await? {
            let batch: uuid::Uuid = row.try_get("id").map_err(StoreError::Refused)?;
            self.close(BatchId::from_uuid(batch)).await?;
        }
        Ok(())
    }
}
