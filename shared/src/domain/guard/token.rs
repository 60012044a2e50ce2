//! Signed texts that the page carries: when the test was opened, and a proof of work to solve.
//!
//! They hold no personal data. Times are seconds since 1970 by the caller's clock.

use super::GuardKey;
use crate::domain::ids::SubmissionId;
use hmac::Mac as _;
use sha2::{Digest as _, Sha256};
use std::time::Duration;

/// The least time for test and form.
pub const FILL_MIN: Duration = Duration::from_secs(3);
/// A page may stay open for a day.
const TICKET_LIFETIME: Duration = Duration::from_hours(24);
/// Leading zero bits of the proof: 65,536 hashes on average, a second or two in a browser.
pub const BITS: u32 = 16;
/// Longest nonce.
const NONCE_MAX: usize = 20;

/// When the page was opened, as `<seconds>.<signature>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket;

impl Ticket {
    pub fn issue(key: &GuardKey, now: Duration) -> String {
        let issued = now.as_secs().to_string();
        let signature = key.hex("ticket", issued.as_bytes());
        format!("{issued}.{signature}")
    }

    /// Whether it is ours, and as old as a person needs for the form.
    pub fn is_good(key: &GuardKey, ticket: &str, now: Duration) -> bool {
        let Some((issued, signature)) = ticket.split_once('.') else {
            return false;
        };
        let Some(age) = issued
            .parse()
            .ok()
            .and_then(|issued| now.as_secs().checked_sub(issued))
        else {
            return false;
        };
        is_signed(key, "ticket", issued, signature)
            && (FILL_MIN.as_secs()..TICKET_LIFETIME.as_secs()).contains(&age)
    }
}

/// A proof of work for one submission, as `<submission>.<bits>.<expires>.<signature>`: every part is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Challenge;

impl Challenge {
    pub fn issue(key: &GuardKey, submission: SubmissionId, expires: Duration) -> String {
        let signed = format!("{submission}.{BITS}.{}", expires.as_secs());
        let signature = key.hex("challenge", signed.as_bytes());
        format!("{signed}.{signature}")
    }
}

/// A solved challenge: SHA-256 of `<challenge>.<nonce>` begins with as many zero bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    pub challenge: String,
    pub nonce: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    #[error("the challenge is not ours")]
    NotOurs,
    #[error("the challenge has expired")]
    Expired,
    #[error("the nonce does not solve it")]
    Unsolved,
}

impl Proof {
    pub fn check(&self, key: &GuardKey, now: Duration) -> Result<SubmissionId, ProofError> {
        let (signed, signature) = self.challenge.rsplit_once('.').ok_or(ProofError::NotOurs)?;
        if !is_signed(key, "challenge", signed, signature) {
            return Err(ProofError::NotOurs);
        }
        let parts: Vec<&str> = signed.split('.').collect();
        let [submission, bits, expires] = parts[..] else {
            return Err(ProofError::NotOurs);
        };
        let submission = SubmissionId::parse(submission).ok_or(ProofError::NotOurs)?;
        let bits: u32 = bits.parse().map_err(|_| ProofError::NotOurs)?;
        let expires: u64 = expires.parse().map_err(|_| ProofError::NotOurs)?;
        if now.as_secs() > expires {
            return Err(ProofError::Expired);
        }
        if self.nonce.len() > NONCE_MAX || leading_zeros(&format!("{}.{}", self.challenge, self.nonce)) < bits
        {
            return Err(ProofError::Unsolved);
        }
        Ok(submission)
    }
}

fn leading_zeros(text: &str) -> u32 {
    let hash = Sha256::digest(text.as_bytes());
    let mut zeros = 0;
    for byte in hash {
        zeros += byte.leading_zeros();
        if byte != 0 {
            break;
        }
    }
    zeros
}

/// Compares in constant time.
fn is_signed(key: &GuardKey, purpose: &str, signed: &str, signature: &str) -> bool {
    let bytes: Option<Vec<u8>> = (0..signature.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(signature.get(at..at + 2)?, 16).ok())
        .collect();
    let Some(bytes) = bytes.filter(|bytes| bytes.len() == signature.len() / 2 && bytes.len() == 16) else {
        return false;
    };
    key.mac(purpose, signed.as_bytes())
        .verify_truncated_left(&bytes)
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::SecretString;

    const NOW: Duration = Duration::from_hours(500_000);

    fn key() -> GuardKey {
        GuardKey::new(&SecretString::from("0123456789abcdef0123456789abcdef")).unwrap()
    }

    #[test]
    fn a_ticket_is_good_after_three_seconds_and_for_a_day() {
        let ticket = Ticket::issue(&key(), NOW);
        let good = |after: u64| Ticket::is_good(&key(), &ticket, NOW + Duration::from_secs(after));
        assert_eq!(
            [0, 2, 3, 86_399, 86_400].map(good),
            [false, false, true, true, false]
        );
        let future = Ticket::issue(&key(), NOW + Duration::from_mins(1));
        assert!(!Ticket::is_good(&key(), &future, NOW));
        let (_, signature) = ticket.split_once('.').unwrap();
        for forged in [
            "",
            ".",
            "x",
            &format!("1799990000.{signature}"),
            &ticket[..ticket.len() - 2],
            "1.zz",
            "1.é",
        ] {
            assert!(!Ticket::is_good(&key(), forged, NOW), "{forged}");
        }
    }

    #[test]
    fn a_proof_counts_for_its_challenge_and_in_time() {
        let (submission, expires) = (SubmissionId::new(), NOW + Duration::from_mins(10));
        let challenge = Challenge::issue(&key(), submission, expires);
        let solve = |challenge: &str| {
            (0..u64::MAX)
                .map(|nonce| nonce.to_string())
                .find(|nonce| leading_zeros(&format!("{challenge}.{nonce}")) >= BITS)
                .unwrap()
        };
        let proof = Proof {
            nonce: solve(&challenge),
            challenge: challenge.clone(),
        };
        assert_eq!(proof.check(&key(), NOW), Ok(submission));
        assert_eq!(
            proof.check(&key(), expires + Duration::from_secs(1)),
            Err(ProofError::Expired)
        );
        let unsolved = Proof {
            nonce: "x".to_owned(),
            ..proof.clone()
        };
        assert_eq!(unsolved.check(&key(), NOW), Err(ProofError::Unsolved));
        // Another submission, or an easier challenge, under the same signature.
        let (_, signature) = challenge.rsplit_once('.').unwrap();
        for signed in [
            format!("{}.{BITS}.{}", SubmissionId::new(), expires.as_secs()),
            format!("{submission}.0.{}", expires.as_secs()),
        ] {
            let challenge = format!("{signed}.{signature}");
            let forged = Proof {
                nonce: "0".to_owned(),
                challenge,
            };
            assert_eq!(forged.check(&key(), NOW), Err(ProofError::NotOurs));
        }
    }
}
