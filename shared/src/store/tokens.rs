//! OAuth tokens of amoCRM: rotated by one worker at a time, the old pair kept until the new one is stored.

use super::pool::{Store, StoreError};
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;
use tokio_postgres::types::Type;

/// How long a rotation may take before another worker may try.
const ROTATION_LEASE: Duration = Duration::from_secs(30);

/// What asking for a token gave.
pub enum Rotation {
    /// The stored one is good.
    Good {
        /// The access token.
        access: SecretString,
        /// How long it lives.
        lives: Duration,
    },
    /// Another worker is about to store a new one.
    Busy,
    /// It is ours to exchange this refresh token (`None`: none is stored yet) for a new pair.
    Ours {
        /// The stored refresh token.
        refresh: Option<SecretString>,
    },
}

impl Store {
    /// The stored token, if it lives longer than `renew_before` and is not the `refused` one; else the right to
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
        let (renew_before, lease) = (renew_before.as_secs_f64(), ROTATION_LEASE.as_secs_f64());
        let params = [
            (&renew_before as _, Type::FLOAT8),
            (&refused as _, Type::TEXT),
            (&lease as _, Type::FLOAT8),
        ];
        let rows = self.run("begin_rotation", SQL, &params).await?;
        let row = rows
            .first()
            .ok_or_else(|| StoreError::Unavailable("no row came back".to_owned()))?;
        let read = || -> Result<Rotation, tokio_postgres::Error> {
            if let Some(access) = row.try_get::<_, Option<String>>("access")? {
                let lives: f64 = row.try_get("lives")?;
                return Ok(Rotation::Good {
                    access: access.into(),
                    lives: Duration::from_secs_f64(lives.max(0.0)),
                });
            }
            let refresh: Option<String> = row.try_get("refresh")?;
            Ok(refresh.map_or(Rotation::Busy, |refresh| Rotation::Ours {
                refresh: (!refresh.is_empty()).then(|| refresh.into()),
            }))
        };
        read().map_err(StoreError::Refused)
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
        let params = [
            (&access.expose_secret() as _, Type::TEXT),
            (&refresh.expose_secret() as _, Type::TEXT),
            (&lives.as_secs_f64() as _, Type::FLOAT8),
        ];
        self.run("end_rotation", SQL, &params).await.map(|_| ())
    }
}
