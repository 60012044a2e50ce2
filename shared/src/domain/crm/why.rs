//! Why a message did not arrive, for the sales team: in our words, never a vendor's.

use crate::domain::delivery::Channel;
use crate::texts::crm::WhyTexts;

/// What a delivery's row says of its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fate {
    /// The state's word. One that this version does not know is no reason to keep the rest from the sales team.
    pub state: String,
    pub reason: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    NoMailbox,
    MailboxFull,
    WrongAddress,
    NumberRefuses,
    PhoneOff,
    WrongNumber,
    Complained,
    Unwanted,
    Held,
    Unknown,
    Service,
}

impl Why {
    /// `None`: the row does not say.
    pub fn of(channel: Channel, fate: &Fate) -> Option<Self> {
        let reason = fate.reason.as_deref().unwrap_or_default().to_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| reason.contains(word));
        Some(match (fate.state.as_str(), channel) {
            ("complained", _) => Self::Complained,
            ("bounced", _) if says(&["full", "quota", "transient"]) => Self::MailboxFull,
            ("bounced", Channel::Email) => Self::NoMailbox,
            ("expired", _) => Self::PhoneOff,
            ("undelivered", Channel::Sms) if says(&["expired"]) => Self::PhoneOff,
            ("undelivered" | "bounced", Channel::Sms) => Self::NumberRefuses,
            ("failed", _) => Self::of_failed(channel, &reason)?,
            _ => return None,
        })
    }

    /// Our own reasons: see docs/errors.md.
    fn of_failed(channel: Channel, reason: &str) -> Option<Self> {
        if let Some(held) = reason.strip_prefix("held: ") {
            return Some(match held {
                "suppressed" | "consent" => Self::Unwanted,
                _ => Self::Held,
            });
        }
        // Of what was given up after many refusals, the last one is no refusal of the address.
        let is_last_word = |codes: &[&str]| codes.contains(&reason);
        Some(match channel {
            _ if reason == "cancelled" || reason.is_empty() => return None,
            _ if reason.contains("suppress") || reason.contains("unsubscribed") => Self::Unwanted,
            _ if reason.starts_with("outcome unknown") => Self::Unknown,
            Channel::Email if reason.starts_with("resend 422") || reason.starts_with("resend 400") => {
                Self::WrongAddress
            }
            Channel::Sms if is_last_word(&["mobizon code 1", "mobizon code 12"]) => Self::WrongNumber,
            _ => Self::Service,
        })
    }

    pub const fn words(self, texts: &WhyTexts) -> &'static str {
        match self {
            Self::NoMailbox => texts.no_mailbox,
            Self::MailboxFull => texts.mailbox_full,
            Self::WrongAddress => texts.wrong_address,
            Self::NumberRefuses => texts.number_refuses,
            Self::PhoneOff => texts.phone_off,
            Self::WrongNumber => texts.wrong_number,
            Self::Complained => texts.complained,
            Self::Unwanted => texts.unwanted,
            Self::Held => texts.held,
            Self::Unknown => texts.unknown,
            Self::Service => texts.service,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_end_has_its_words() {
        let (email, sms) = (Channel::Email, Channel::Sms);
        for (channel, state, reason, expected) in [
            (
                email,
                "bounced",
                "resend bounce permanent general",
                Some(Why::NoMailbox),
            ),
            (email, "bounced", "Transient MailboxFull", Some(Why::MailboxFull)),
            (email, "bounced", "", Some(Why::NoMailbox)),
            (email, "complained", "", Some(Why::Complained)),
            (sms, "undelivered", "mobizon UNDELIV", Some(Why::NumberRefuses)),
            (sms, "undelivered", "", Some(Why::NumberRefuses)),
            (sms, "undelivered", "mobizon EXPIRED", Some(Why::PhoneOff)),
            (sms, "expired", "", Some(Why::PhoneOff)),
            (
                email,
                "failed",
                "resend 422 invalid_parameter",
                Some(Why::WrongAddress),
            ),
            (
                email,
                "failed",
                "gave up after 12 retries: resend 500",
                Some(Why::Service),
            ),
            (
                email,
                "failed",
                "outcome unknown, and the idempotency key has expired",
                Some(Why::Unknown),
            ),
            (sms, "failed", "mobizon code 1", Some(Why::WrongNumber)),
            (sms, "failed", "mobizon code 11", Some(Why::Service)),
            (sms, "failed", "held: country", Some(Why::Held)),
            (sms, "failed", "held: suppressed", Some(Why::Unwanted)),
            (sms, "failed", "cancelled", None),
            (sms, "accepted", "", None),
            (sms, "a state of tomorrow", "", None),
        ] {
            let fate = Fate {
                state: state.to_owned(),
                reason: Some(reason.to_owned()).filter(|reason| !reason.is_empty()),
            };
            assert_eq!(Why::of(channel, &fate), expected, "{state}: {reason}");
        }
    }
}
