//! What vendors report: taken in, asked for, and told back to Resend.

use super::pool::{Store, StoreError};
use super::types::{Seconds, param};
use crate::domain::contact::Email;
use crate::domain::delivery::Channel;
use crate::domain::receipt::{Became, Report, polls};
use crate::failpoint::Step;
use serde_json::Value;
use std::time::Duration;

/// An address that gets nothing any more, which Resend's own list does not have yet.
pub struct Unmirrored {
    /// Of the suppression, in hexadecimal digits.
    pub key: String,
    pub email: Email,
}

impl Store {
    /// Takes reports in; what became of each, ordered by their messages.
    ///
    /// One statement, which may be repeated: each report counts once.
    pub async fn take_receipts(&self, reports: &[Report]) -> Result<Vec<Became>, StoreError> {
        const SQL: &str = "select became from funnel.take_receipts($1)";
        let reports: Value = reports.iter().map(Report::to_json).collect();
        self.all(Step::TakeReceipts, SQL, &[param(&reports)], |row| {
            Ok(row.try_get("became")?)
        })
        .await
    }

    /// Takes at most `most` messages whose vendor is to be asked, and not again for `again_after`. Returns the vendor's ids.
    pub async fn take_polls(
        &self,
        channel: Channel,
        most: u16,
        again_after: Duration,
    ) -> Result<Vec<String>, StoreError> {
        const SQL: &str = "select id from funnel.take_polls($1, $2, $3)";
        let (most, again_after) = (i32::from(most), Seconds(again_after));
        let params = [param(&channel), param(&most), param(&again_after)];
        self.all(Step::TakePolls, SQL, &params, |row| Ok(row.try_get("id")?))
            .await
    }

    /// Their vendor was asked, and said nothing final: they are asked about later, or not any more. Returns how many were
    /// given up. A message whose report came meanwhile is left alone.
    pub async fn end_polls(&self, channel: Channel, ids: &[String]) -> Result<i64, StoreError> {
        const SQL: &str = "select funnel.end_polls($1, $2, $3) as over";
        let after: Vec<Seconds> = polls(channel).iter().copied().map(Seconds).collect();
        let params = [param(&channel), param(&ids), param(&after)];
        self.one(Step::EndPolls, SQL, &params, |row| Ok(row.try_get("over")?))
            .await
    }

    /// Takes at most `most` suppressions that Resend does not know, and not again for `again_after`; of each the addresses
    /// that are known.
    pub async fn take_unmirrored(
        &self,
        most: u16,
        again_after: Duration,
    ) -> Result<Vec<Unmirrored>, StoreError> {
        const SQL: &str = "select key, email from funnel.take_unmirrored($1, $2)";
        let (most, again_after) = (i32::from(most), Seconds(again_after));
        let params = [param(&most), param(&again_after)];
        self.all(Step::TakeUnmirrored, SQL, &params, |row| {
            Ok(Unmirrored {
                key: row.try_get("key")?,
                email: row.try_get("email")?,
            })
        })
        .await
    }

    /// Resend's list has their addresses.
    pub async fn mirrored(&self, keys: &[String]) -> Result<(), StoreError> {
        const SQL: &str = "select funnel.mirrored($1)";
        self.run(Step::Mirrored, SQL, &[param(&keys)]).await.map(drop)
    }
}
