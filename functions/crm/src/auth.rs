//! Tokens: a long-lived one, or OAuth pairs that are rotated once for the whole fleet.

use crate::calls::in_slot;
use crate::{App, Stop};
use proftest::clients::amocrm::days_left;
use proftest::config::{self, Auth};
use proftest::store::Rotation;
use proftest::telemetry::{self, Unit};
use secrecy::{ExposeSecret as _, SecretString};
use std::time::{Duration, SystemTime};
use tokio::sync::Mutex;

/// Below so many days a long-lived token's end is worth a warning.
const WARN_DAYS: f64 = 14.0;
/// An access token is renewed this long before it ends.
const RENEW_BEFORE: Duration = Duration::from_mins(5);
/// Between two looks at a rotation that another worker is doing.
const ROTATION_PAUSE: Duration = Duration::from_secs(2);

/// The token of this process, so that not every call asks the database.
#[derive(Default)]
pub struct TokenCache(Mutex<Option<Cached>>);

struct Cached {
    token: SecretString,
    until: tokio::time::Instant,
}

impl TokenCache {
    /// A token that is good for now.
    pub async fn token(&self, app: &App) -> Result<SecretString, Stop> {
        let Auth::OAuth(_, first) = &app.settings.auth else {
            return Ok(long_lived(&app.settings.auth));
        };
        let mut cached = self.0.lock().await;
        if let Some(good) = cached
            .as_ref()
            .filter(|good| good.until > tokio::time::Instant::now())
        {
            return Ok(good.token.clone());
        }
        let fresh = rotate(app, first, None).await?;
        let token = fresh.token.clone();
        *cached = Some(fresh);
        Ok(token)
    }

    /// A token other than `refused`, which amoCRM no longer takes.
    pub async fn refreshed(&self, app: &App, refused: &SecretString) -> Result<SecretString, Stop> {
        let Auth::OAuth(_, first) = &app.settings.auth else {
            return Ok(long_lived(&app.settings.auth));
        };
        let mut cached = self.0.lock().await;
        if let Some(other) = cached
            .as_ref()
            .filter(|good| good.token.expose_secret() != refused.expose_secret())
        {
            return Ok(other.token.clone());
        }
        let fresh = rotate(app, first, Some(refused)).await?;
        let token = fresh.token.clone();
        *cached = Some(fresh);
        Ok(token)
    }
}

fn long_lived(auth: &Auth) -> SecretString {
    match auth {
        Auth::LongLived(token) => token.clone(),
        Auth::OAuth(_, refresh) => refresh.clone(),
    }
}

/// The stored access token, or a new pair when it ends soon or was refused. One worker rotates, under a lease
/// in the database; the old pair stays until the new one is stored, because amoCRM honours it until then.
async fn rotate(app: &App, first: &SecretString, refused: Option<&SecretString>) -> Result<Cached, Stop> {
    let Auth::OAuth(client, _) = &app.settings.auth else {
        return Err(Stop::Shut);
    };
    match app.store.begin_rotation(RENEW_BEFORE, refused).await? {
        Rotation::Good { access, lives } => Ok(cached(access, lives)),
        Rotation::Busy => Err(Stop::Wait(ROTATION_PAUSE, "another worker renews the token")),
        Rotation::Ours { refresh } => {
            let refresh = refresh.unwrap_or_else(|| first.clone());
            let tokens = in_slot(app, app.amocrm.refresh(client, &refresh)).await?;
            app.store
                .end_rotation(&tokens.access, &tokens.refresh, tokens.lives)
                .await?;
            tracing::info!("The amoCRM token was renewed");
            Ok(cached(tokens.access, tokens.lives))
        }
    }
}

fn cached(token: SecretString, lives: Duration) -> Cached {
    Cached {
        token,
        until: tokio::time::Instant::now() + lives.saturating_sub(RENEW_BEFORE),
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
