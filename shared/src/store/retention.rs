//! Does away with what is old: see `funnel.expire` (migrations).

use super::pool::{Store, StoreError};
use super::types::param;
use crate::domain::retention::{Age, Expiring};
use crate::failpoint::Step;

/// What one batch did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expired {
    pub rows: i64,
    pub more: bool,
}

impl Store {
    /// Takes a kind of rows that nobody has looked through for an hour, so that one sweep of all does; `None`: every kind
    /// has been. A sweep that dies meanwhile leaves its kind for an hour.
    pub async fn take_expiring(&self) -> Result<Option<Expiring>, StoreError> {
        const SQL: &str = "update retention set next_at = now() + interval '1 hour' \
             where what = (select what from retention where what = any ($1) and next_at <= now() \
                           order by next_at, what limit 1 for update skip locked) \
             returning what";
        // A later release may know more of them.
        let known: &[Expiring] = &Expiring::ALL;
        self.first(Step::RetentionDue, SQL, &[param(&known)], |row| {
            Ok(row.try_get("what")?)
        })
        .await
    }

    /// Does away with at most `most` rows that are older than `age`.
    pub async fn expire(&self, what: Expiring, age: Age, most: i32) -> Result<Expired, StoreError> {
        const SQL: &str = "select done, more from funnel.expire($1, cast($2 as interval), $3)";
        let age = age.to_string();
        let params = [param(&what), param(&age), param(&most)];
        self.one(Step::Expire, SQL, &params, |row| {
            Ok(Expired {
                rows: row.try_get("done")?,
                more: row.try_get("more")?,
            })
        })
        .await
    }
}
