//! Tokens: a long-lived one, or OAuth pairs that are rotated once for the whole fleet.

use crate::stop::Stop;
use proftest::clients::amocrm::{Tokens, days_left};
use proftest::config::{self, Auth};
use proftest::store::{Rotation, Store};
use proftest::telemetry::{self, Unit};
use secrecy::{ExposeSecret as _, SecretString};
use std::time::{Duration, SystemTime};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// Below so many days a long-lived token's end is worth a warning.
const WARN_DAYS: f64 = 14.0;
/// An access token is renewed this long before it ends.
const RENEW_BEFORE: Duration = Duration::from_mins(5);
/// Between two looks at a rotation that another worker is doing.
const ROTATION_PAUSE: Duration = Duration::from_secs(2);

/// The OAuth token of this process, so that not every call asks the database.
#[derive(Default)]
pub struct TokenCache(Mutex<Option<Cached>>);

struct Cached {
    token: SecretString,
    until: Instant,
}

impl Cached {
    fn new(token: SecretString, lives: Duration) -> Self {
        Self {
            token,
            until: Instant::now() + lives.saturating_sub(RENEW_BEFORE),
        }
    }

    /// Whether it can be used, after `refused` was not accepted.
    fn is_good(&self, refused: Option<&SecretString>) -> bool {
        match refused {
            Some(refused) => refused.expose_secret() != self.token.expose_secret(),
            None => self.until > Instant::now(),
        }
    }
}

impl TokenCache {
    /// A token that is good for now, and not the `refused` one. `first`: the refresh token of the settings.
    pub async fn token(
        &self,
        store: &Store,
        first: &SecretString,
        refused: Option<&SecretString>,
        exchange: impl AsyncFn(&SecretString) -> Result<Tokens, Stop>,
    ) -> Result<SecretString, Stop> {
        let mut cached = self.0.lock().await;
        if let Some(good) = cached.as_ref().filter(|good| good.is_good(refused)) {
            return Ok(good.token.clone());
        }
        let fresh = rotate(store, first, refused, exchange).await?;
        let token = fresh.token.clone();
        *cached = Some(fresh);
        Ok(token)
    }
}

/// The stored access token, or a new pair when it ends soon or was refused. One worker rotates, under a lease in the
/// database; the old pair stays until the new one is stored, because amoCRM honours it until then.
async fn rotate(
    store: &Store,
    first: &SecretString,
    refused: Option<&SecretString>,
    exchange: impl AsyncFn(&SecretString) -> Result<Tokens, Stop>,
) -> Result<Cached, Stop> {
    match store.begin_rotation(RENEW_BEFORE, refused).await? {
        Rotation::Good { access, lives } => Ok(Cached::new(access, lives)),
        Rotation::Busy => Err(Stop::Wait(ROTATION_PAUSE, "another worker renews the token")),
        Rotation::Ours { refresh } => {
            let tokens = exchange(refresh.as_ref().unwrap_or(first)).await?;
            store
                .end_rotation(&tokens.access, &tokens.refresh, tokens.lives)
                .await?;
            tracing::info!("The amoCRM token was renewed");
            Ok(Cached::new(tokens.access, tokens.lives))
        }
    }
}

/// Writes for how many days a long-lived token still lives, and warns when it ends soon. At every batch: an alarm whose
/// figure comes only in bad times cannot tell a good one from silence.
pub fn warn_before_expiry(auth: &Auth) {
    let Auth::LongLived(token) = auth else { return };
    let Some(days) = days_left(token.expose_secret(), SystemTime::now()) else {
        return;
    };
    telemetry::metrics(
        &config::function_name(),
        &[("CrmTokenDaysLeft", days, Unit::Count)],
    );
    if days < WARN_DAYS {
        tracing::warn!(
            days,
            "The amoCRM token ends soon: make a new one in the integration's settings"
        );
    }
}
