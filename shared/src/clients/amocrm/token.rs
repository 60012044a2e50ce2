//! Reads the expiry of a long-lived token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::time::{SystemTime, UNIX_EPOCH};

/// Days until a JWT's `exp` (RFC 7519 §4.1.4); `None` when the token has none.
#[allow(clippy::cast_precision_loss, reason = "seconds of a century fit a double")]
pub fn days_left(token: &str, now: SystemTime) -> Option<f64> {
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
    use std::time::Duration;

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
