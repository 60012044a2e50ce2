//! Tokens: a long-lived one, or OAuth pairs that one process rotates for all.

use crate::stop::Stop;
use proftest::clients::amocrm::{Tokens, days_left};
use proftest::config::{self, Auth};
use proftest::store::{Rotation, Store};
use proftest::telemetry::{self, Unit};
use secrecy::{ExposeSecret as _, SecretString};
use std::time::{Duration, SystemTime};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// A long-lived token with fewer days left gets a warning.
const WARN_DAYS: f64 = 14.0;
/// How long before its end an access token is renewed.
const RENEW_BEFORE: Duration = Duration::from_mins(5);
/// Pause before checking again whether another worker has finished a rotation.
const ROTATION_PAUSE: Duration = Duration::from_secs(2);

/// The OAuth token of this process. It saves a database query per call.
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

    /// Whether the token can be used after `refused` was not accepted.
    fn is_good(&self, refused: Option<&SecretString>) -> bool {
        match refused {
            Some(refused) => refused.expose_secret() != self.token.expose_secret(),
            None => self.until > Instant::now(),
        }
    }
}

impl TokenCache {
    /// A valid token that is not the `refused` one. `first` is the refresh token of the settings.
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
/// database. The old pair stays until the new one is stored; amoCRM accepts it until then.
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

/// Writes the days left of a long-lived token as a metric, and warns when it ends soon. It does so at every batch:
/// with a metric that only comes in trouble, an alarm cannot tell health from silence.
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
