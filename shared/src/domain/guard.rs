//! The guard: what is known of a submission besides what it says, for the decision at the claim.
//!
//! Addresses and numbers are counted under keyed hashes, so that what is counted cannot be read back.

mod fingerprint;
mod token;

pub use fingerprint::{GuardKey, WeakKey};
pub use token::{BITS, Challenge, FILL_MIN, Proof, ProofError, Ticket};

use super::limits::{Limit, Limits};
use crate::texts::Texts;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::net::IpAddr;

/// What `funnel.intake` takes as `p_guard`. The default counts nothing, and leaves the consent to the caller.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "members of a JSON object that SQL reads"
)]
pub struct Evidence {
    /// Of the number, as `Country` writes it.
    pub country: Option<&'static str>,
    pub is_mobile: bool,
    /// HMAC of the address without its aliases, in hexadecimal digits, as all keys here.
    pub email_key: Option<String>,
    pub phone_key: Option<String>,
    /// Why both channels are held, whatever the claim finds.
    pub hold: Option<&'static str>,
    /// `None`: the caller of the API collected it.
    pub consent: Option<Consent>,
    /// Cut to /24 or /48.
    pub address: Option<String>,
    /// At most 256 characters.
    pub user_agent: Option<String>,
    pub counted: Vec<Counted>,
    /// Whether the limits of addresses hold messages, or only count.
    pub addresses_count: bool,
    /// Whether the sender can solve a challenge, and one may be asked.
    pub may_challenge: bool,
    /// Whether the sender skipped the trap for programs.
    pub is_suspicious: bool,
    /// Different e-mails on a phone, or phones on an e-mail, in a day, above which a challenge is asked.
    pub pair_soft: u32,
}

/// What was agreed to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Consent {
    /// `page` or `caller`.
    pub collected_by: &'static str,
    pub email: bool,
    pub sms: bool,
    pub text_version: Option<String>,
    /// Of the exact text, in hexadecimal digits; `None` for a version that this release does not know.
    pub text_sha256: Option<String>,
    pub language: Option<String>,
    /// The path of the page.
    pub page: Option<String>,
}

/// SHA-256 of the text that the page shows or has shown under this version, in hexadecimal digits.
pub fn text_sha256(texts: &Texts, version: &str) -> Option<String> {
    let consent = texts.consents.iter().find(|consent| consent.version == version)?;
    Some(fingerprint::hex(&Sha256::digest(consent.text)))
}

/// One key that a submission counts under.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Counted {
    pub key: String,
    /// `address`: one subscriber. `network`: the /48 around it. `block`: of phone numbers.
    pub what: &'static str,
    /// Of an hour, above which a challenge is asked.
    pub soft: u32,
    /// Above which messages are held.
    pub hour: u32,
    pub day: u32,
}

impl Counted {
    /// A network address: itself if IPv4, its /64 and /48 if IPv6.
    pub fn addresses(key: &GuardKey, limits: &Limits, address: IpAddr) -> Vec<Self> {
        let one = |key: String, what: &'static str, [soft, hour, day]: [u32; 3]| Self {
            key,
            what,
            soft,
            hour,
            day,
        };
        let all = |soft, hour, day| [limits.get(soft), limits.get(hour), day];
        match address.to_canonical() {
            IpAddr::V4(address) => {
                let day = limits.get(Limit::AddressDay);
                let most = all(Limit::AddressSoft, Limit::AddressHour, day);
                vec![one(key.network(&address.octets()), "address", most)]
            }
            IpAddr::V6(address) => {
                let octets = address.octets();
                // A day has no limit of its own.
                let net64 = all(Limit::Net64Soft, Limit::Net64Hour, i32::MAX.unsigned_abs());
                let net48 = all(Limit::Net48Soft, Limit::Net48Hour, i32::MAX.unsigned_abs());
                vec![
                    one(key.network(&octets[..8]), "address", net64),
                    one(key.network(&octets[..6]), "network", net48),
                ]
            }
        }
    }

    /// The block of 10,000 numbers around a phone.
    pub fn block(key: &GuardKey, limits: &Limits, phone: &super::contact::Phone) -> Self {
        Self {
            key: key.block(phone),
            what: "block",
            soft: limits.get(Limit::BlockSoft),
            hour: limits.get(Limit::BlockHour),
            day: i32::MAX.unsigned_abs(),
        }
    }
}

/// The network that an address belongs to: /24 or /48, as text.
pub fn cut(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}::/48")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::SecretString;

    #[test]
    fn an_address_is_cut_and_counted_by_its_network() {
        let key = GuardKey::new(&SecretString::from("0".repeat(32))).unwrap();
        let limits = Limits::default();
        let counted = |raw: &str| Counted::addresses(&key, &limits, raw.parse().unwrap());
        assert_eq!(cut("203.0.113.77".parse().unwrap()), "203.0.113.0/24");
        assert_eq!(cut("2001:db8:1:2::7".parse().unwrap()), "2001:db8:1::/48");
        assert_eq!(counted("203.0.113.77"), counted("::ffff:203.0.113.77"));
        assert_ne!(counted("203.0.113.77"), counted("203.0.113.78"));
        let (one, other) = (counted("2001:db8:1:2::7"), counted("2001:db8:1:2:ffff::8"));
        assert_eq!((one.len(), &one), (2, &other));
        let neighbour = counted("2001:db8:1:3::7");
        assert_ne!(one[0], neighbour[0]);
        assert_eq!(one[1], neighbour[1]);
        assert_eq!((one[0].what, one[0].soft, one[0].hour), ("address", 20, 60));
        assert_eq!((one[1].what, one[1].hour), ("network", 300));
    }
}
