//! amoCRM's OAuth tokens. One worker at a time rotates them; the old pair stays until the new one is stored.

use super::pool::{Store, StoreError};
use super::types::{Seconds, param};
use crate::failpoint::Step;
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;

/// How long a rotation may take before another worker may try.
const ROTATION_LEASE: Duration = Duration::from_secs(30);

/// The result of a request for a token.
pub enum Rotation {
    /// The stored token is valid.
    Good {
        /// For calls.
        access: SecretString,
        /// Remaining lifetime.
        lives: Duration,
    },
    /// Another worker is renewing the token.
    Busy,
    /// This worker must renew the token.
    Ours {
        /// `None`: none is stored yet; use the one of the settings.
        refresh: Option<SecretString>,
    },
}

impl Store {
    /// The stored token if it lives longer than `renew_before` and is not the `refused` one. Otherwise the right to
    /// renew it, for one worker at a time.
    pub async fn begin_rotation(
        &self,
        renew_before: Duration,
        refused: Option<&SecretString>,
    ) -> Result<Rotation, StoreError> {
        const SQL: &str = "with good as ( \
                 select access_token, extract(epoch from expires_at - now())::float8 as lives from crm_tokens \
                 where expires_at > now() + $1 * interval '1 second' and access_token is distinct from $2 \
             ), ours as ( \
                 update crm_tokens set refreshing_until = now() + $3 * interval '1 second' \
                 where not exists (select from good) and refreshing_until <= now() \
                 returning refresh_token \
             ) select (select access_token from good) as access, (select lives from good) as lives, \
                      (select refresh_token from ours) as refresh";
        let refused = refused.map(ExposeSecret::expose_secret);
        let (renew_before, lease) = (Seconds(renew_before), Seconds(ROTATION_LEASE));
        let params = [param(&renew_before), param(&refused), param(&lease)];
        self.one(Step::BeginRotation, SQL, &params, |row| {
            if let Some(access) = row.try_get::<_, Option<String>>("access")? {
                return Ok(Rotation::Good {
                    access: access.into(),
                    lives: row.try_get::<_, Seconds>("lives")?.0,
                });
            }
            let refresh: Option<String> = row.try_get("refresh")?;
            Ok(refresh.map_or(Rotation::Busy, |refresh| Rotation::Ours {
                refresh: (!refresh.is_empty()).then(|| refresh.into()),
            }))
        })
        .await
    }

    /// Stores a new pair and ends the rotation.
    pub async fn end_rotation(
        &self,
        access: &SecretString,
        refresh: &SecretString,
        lives: Duration,
    ) -> Result<(), StoreError> {
        const SQL: &str = "update crm_tokens set access_token = $1, refresh_token = $2, \
             expires_at = now() + $3 * interval '1 second', refreshing_until = '-infinity'";
        let (access, refresh, lives) = (access.expose_secret(), refresh.expose_secret(), Seconds(lives));
        self.run(
            Step::EndRotation,
            SQL,
            &[param(&access), param(&refresh), param(&lives)],
        )
        .await
        .map(|_| ())
    }
}
