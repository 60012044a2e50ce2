//! Tokens: a long-lived one, or OAuth pairs that are rotated once for the whole fleet.

use crate::calls::in_slot;
use crate::{App, Stop};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proftest::config::Auth;
use proftest::store::Rotation;
use proftest::telemetry::{self, Unit};
use secrecy::{ExposeSecret as _, SecretString};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
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

/// Warns, by log and metric, when a long-lived token ends soon.
pub fn warn_before_expiry(auth: &Auth) {
    let Auth::LongLived(token) = auth else { return };
    let Some(days) = days_left(token.expose_secret(), SystemTime::now()) else {
        return;
    };
    if days < WARN_DAYS {
        tracing::warn!(
            days,
            "The amoCRM token ends soon: make a new one in the integration's settings"
        );
        telemetry::metrics("crm", &[("CrmTokenDaysLeft", days, Unit::Count)]);
    }
}

/// Days until a JWT's `exp` (RFC 7519 §4.1.4); `None` when the token has none.
#[allow(clippy::cast_precision_loss, reason = "seconds of a century fit a double")]
fn days_left(token: &str, now: SystemTime) -> Option<f64> {
    let payload = URL_SAFE_NO_PAD
        .decode(token.split('.').nth(1)?.trim_end_matches('='))
        .ok()?;
    let payload: serde_json::Value = serde_json::from_slice(&payload).ok()?;
    let ends = payload.get("exp")?.as_i64()?;
    let now = i64::try_from(now.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()?;
    Some((ends - now) as f64 / 86_400.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_token_is_read_from_it() {
        let now = UNIX_EPOCH + Duration::from_secs(1_000_000);
        let token = |payload: &str| format!("x.{}.y", URL_SAFE_NO_PAD.encode(payload));
        assert_eq!(days_left(&token(r#"{"exp":1864000}"#), now), Some(10.0));
        assert_eq!(days_left(&token(r#"{"exp":913600}"#), now), Some(-1.0));
        for odd in ["", "opaque", "a.b.c", &token("{}"), &token(r#"{"exp":"soon"}"#)] {
            assert_eq!(days_left(odd, now), None, "{odd}");
        }
    }
}
