//! Keyed hashes of contacts and addresses.

use crate::domain::contact::{Email, Phone};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use std::fmt::Write as _;

/// Bytes kept of a hash. 128 bits do not collide.
const BYTES: usize = 16;
/// Shorter keys can be guessed.
const KEY_MIN_CHARS: usize = 32;

/// `GUARD_KEY`. A hash without it could be reversed by trying all numbers. With another key every budget begins anew, and no
/// suppression is found.
#[derive(Clone)]
pub struct GuardKey(Hmac<Sha256>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key needs at least {KEY_MIN_CHARS} characters")]
pub struct WeakKey;

impl GuardKey {
    pub fn new(secret: &SecretString) -> Result<Self, WeakKey> {
        let secret = secret.expose_secret();
        if secret.chars().count() < KEY_MIN_CHARS {
            return Err(WeakKey);
        }
        // HMAC takes a key of any length.
        let mac = Hmac::new_from_slice(secret.as_bytes()).map_err(|_| WeakKey)?;
        Ok(Self(mac))
    }

    /// The same for all aliases of an address: without `+tag`, and for Gmail without dots.
    pub fn email(&self, email: &Email) -> String {
        self.hex("email", without_alias(email.as_str()).as_bytes())
    }

    pub fn phone(&self, phone: &Phone) -> String {
        self.hex("phone", phone.as_str().as_bytes())
    }

    /// The same for the 10,000 numbers that differ in the last four digits.
    pub fn block(&self, phone: &Phone) -> String {
        let phone = phone.as_str().as_bytes();
        self.hex("block", &phone[..phone.len().saturating_sub(4)])
    }

    pub(super) fn network(&self, octets: &[u8]) -> String {
        self.hex("network", octets)
    }

    /// `purpose` keeps a value of one kind from meaning another.
    pub(super) fn mac(&self, purpose: &str, value: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        mac.update(value);
        mac
    }

    pub(super) fn hex(&self, purpose: &str, value: &[u8]) -> String {
        hex(&self.mac(purpose, value).finalize().into_bytes()[..BYTES])
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// An address in lower case, as people receive it: Gmail ignores dots, and most providers what follows a plus.
fn without_alias(email: &str) -> String {
    let Some((local, domain)) = email.rsplit_once('@') else {
        return email.to_owned();
    };
    let local = local
        .split('+')
        .next()
        .filter(|name| !name.is_empty())
        .unwrap_or(local);
    match domain {
        "gmail.com" | "googlemail.com" => format!("{}@gmail.com", local.replace('.', "")),
        _ => format!("{local}@{domain}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> GuardKey {
        GuardKey::new(&SecretString::from("0123456789abcdef0123456789abcdef")).unwrap()
    }

    #[test]
    fn a_short_key_is_refused() {
        assert!(GuardKey::new(&SecretString::from("0".repeat(31))).is_err());
    }

    #[test]
    fn aliases_of_an_address_are_one() {
        let hash = |email: &str| key().email(&Email::parse(email).unwrap());
        let one = hash("anna.b@gmail.com");
        assert_eq!(one.len(), 2 * BYTES);
        for alias in [
            "annab@gmail.com",
            "a.n.n.a.b+proftest@gmail.com",
            "Anna.B@googlemail.com",
        ] {
            assert_eq!(hash(alias), one, "{alias}");
        }
        assert_eq!(hash("anna+1@mail.kz"), hash("anna+2@mail.kz"));
        assert_ne!(hash("anna.b@mail.kz"), hash("annab@mail.kz"));
        assert_ne!(hash("+1@mail.kz"), hash("+2@mail.kz"));
    }

    #[test]
    fn a_block_is_ten_thousand_numbers() {
        let phone = |raw: &str| Phone::parse(raw).unwrap();
        let block = |raw: &str| key().block(&phone(raw));
        assert_eq!(block("+77011230000"), block("+77011239999"));
        assert_ne!(block("+77011230000"), block("+77011240000"));
        // A number's hash says nothing of another purpose.
        assert_ne!(key().phone(&phone("+77011230000")), block("+77011230000"));
    }
}
