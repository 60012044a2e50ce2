//! Whether a webhook comes from its vendor. All comparisons take the same time for any wrong signature.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::digest::{CtOutput, Output};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha1::{Digest as _, Sha1};
use sha2::Sha256;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How far a webhook's time may be from ours. Source: Svix, «Verifying webhooks manually».
const TOLERANCE: Duration = Duration::from_mins(5);
/// Shorter keys can be guessed. Svix's have 24 bytes and more.
const KEY_MIN_BYTES: usize = 16;
/// Mobizon's signature is a plain hash: whoever has seen one can try secrets at leisure.
const SECRET_MIN_CHARS: usize = 32;
/// Mobizon's panel takes no longer ones.
const SECRET_MAX_CHARS: usize = 255;

/// A signing secret of Resend, as its panel shows it: `whsec_` and a key in base64. Contract: Svix, «Verifying webhooks
/// manually».
#[derive(Clone)]
pub struct ResendSecret(Hmac<Sha256>);

impl ResendSecret {
    pub fn parse(raw: &str) -> Option<Self> {
        let key = STANDARD.decode(raw.strip_prefix("whsec_")?).ok()?;
        if key.len() < KEY_MIN_BYTES {
            return None;
        }
        Hmac::new_from_slice(&key).ok().map(Self)
    }

    /// `signatures` is the header's value: while a secret is replaced there are several.
    pub fn has_signed(&self, id: &str, timestamp: &str, body: &[u8], signatures: &str) -> bool {
        let mut mac = self.0.clone();
        for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
            mac.update(part);
        }
        signatures.split(' ').any(|one| {
            let given = one
                .strip_prefix("v1,")
                .and_then(|given| STANDARD.decode(given).ok());
            given.is_some_and(|given| mac.clone().verify_slice(&given).is_ok())
        })
    }
}

/// Whether this time, seconds since 1970 as the header writes them, is now.
pub fn is_fresh(timestamp: &str, now: SystemTime) -> bool {
    let Ok(sent) = timestamp.parse::<u64>() else {
        return false;
    };
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    now.abs_diff(sent) <= TOLERANCE.as_secs()
}

/// The secret of a webhook, as it was typed into Mobizon's panel. Contract: Mobizon, «Request authenticity verification».
#[derive(Clone)]
pub struct MobizonSecret(SecretString);

impl MobizonSecret {
    pub fn parse(raw: &str) -> Option<Self> {
        let fits = (SECRET_MIN_CHARS..=SECRET_MAX_CHARS).contains(&raw.chars().count());
        fits.then(|| Self(raw.into()))
    }

    /// It signs the report's id, try and time, **not what it says**.
    pub fn has_signed(&self, event: &str, attempt: &str, created: &str, sign: &str) -> bool {
        let Some(given) = bytes(sign) else {
            return false;
        };
        let mut hash = Sha1::new();
        for part in [event, "|", attempt, "|", created, "|", self.0.expose_secret()] {
            hash.update(part.as_bytes());
        }
        CtOutput::<Sha1>::new(hash.finalize()) == CtOutput::new(given)
    }
}

/// Of forty hexadecimal digits.
fn bytes(hex: &str) -> Option<Output<Sha1>> {
    let mut bytes = Output::<Sha1>::default();
    if hex.len() != 2 * bytes.len() || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(2 * place..2 * place + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Svix's own vector.
    const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    const ID: &str = "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk";
    const TIME: &str = "1649367553";
    const BODY: &[u8] = br#"{"email":"test@example.com","username":"test_user"}"#;
    const SIGNATURE: &str = "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=";

    #[test]
    fn svix_s_vector_is_good_and_nothing_near_it() {
        let secret = ResendSecret::parse(SECRET).unwrap();
        let other = ResendSecret::parse("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").unwrap();
        assert!(secret.has_signed(ID, TIME, BODY, SIGNATURE));
        let several = format!("v1,AAAA v1a,{0} {SIGNATURE} v1,", &SIGNATURE[3..]);
        assert!(secret.has_signed(ID, TIME, BODY, &several));
        assert!(!other.has_signed(ID, TIME, BODY, SIGNATURE));
        assert!(!secret.has_signed("msg_28", TIME, BODY, SIGNATURE));
        assert!(!secret.has_signed(ID, "1649367554", BODY, SIGNATURE));
        assert!(!secret.has_signed(ID, TIME, b"{}", SIGNATURE));
        let short = STANDARD.encode([0; 8]);
        for wrong in [
            "",
            "v1,",
            &SIGNATURE[3..],
            &format!("v2,{}", &SIGNATURE[3..]),
            &format!("v1,{short}"),
        ] {
            assert!(!secret.has_signed(ID, TIME, BODY, wrong), "{wrong}");
        }
    }

    #[test]
    fn a_secret_is_one_of_the_vendor_s_form() {
        for wrong in [
            "",
            "whsec_",
            "C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            "whsec_AAAA",
            "whsec_не",
        ] {
            assert!(ResendSecret::parse(wrong).is_none(), "{wrong}");
        }
        assert!(MobizonSecret::parse(&"x".repeat(31)).is_none());
        assert!(MobizonSecret::parse(&"x".repeat(256)).is_none());
        assert!(MobizonSecret::parse(&"x".repeat(32)).is_some());
    }

    #[test]
    fn a_webhook_is_fresh_for_five_minutes_both_ways() {
        let at = |seconds: u64| UNIX_EPOCH + Duration::from_secs(seconds);
        for (now, fresh) in [
            (1_649_367_553, true),
            (1_649_367_553 + 300, true),
            (1_649_367_553 - 300, true),
            (1_649_367_553 + 301, false),
            (1_649_367_553 - 301, false),
        ] {
            assert_eq!(is_fresh(TIME, at(now)), fresh, "{now}");
        }
        for odd in ["", "-1", "1e9", "99999999999999999999"] {
            assert!(!is_fresh(odd, at(0)), "{odd}");
        }
    }

    #[test]
    fn mobizon_s_signature_is_of_id_try_and_time() {
        let secret = MobizonSecret::parse("0123456789abcdef0123456789abcdef").unwrap();
        // printf '26|1|2026-01-15 11:42:28|0123456789abcdef0123456789abcdef' | sha1sum
        let sign = "e6aafe8ffb6ca1e9708af52cdeb2a9156577688b";
        let signed = |event: &str, attempt: &str, created: &str, sign: &str| {
            secret.has_signed(event, attempt, created, sign)
        };
        let created = "2026-01-15 11:42:28";
        assert!(signed("26", "1", created, sign));
        assert!(signed("26", "1", created, &sign.to_uppercase()));
        assert!(!signed("27", "1", created, sign));
        assert!(!signed("26", "2", created, sign));
        assert!(!signed("26", "1", "2026-01-15 11:42:29", sign));
        for wrong in [
            "",
            &sign[1..],
            &format!("{sign}00"),
            &"ж".repeat(20),
            &"0".repeat(40),
        ] {
            assert!(!signed("26", "1", created, wrong), "{wrong}");
        }
    }
}
