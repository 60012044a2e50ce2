//! What vendors report of our messages after they have accepted them.

mod signature;

pub use signature::{MobizonSecret, ResendSecret, is_fresh};

use super::delivery::{Channel, State};
use serde_json::{Value, json};
use std::time::Duration;

/// One report, for `funnel.take_receipts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub channel: Channel,
    /// The vendor's id of the report: the same at each repetition.
    pub event: String,
    /// The vendor's id of the message.
    pub message: String,
    pub state: State,
    /// Words of the vendor's contract, never a person's.
    pub reason: Option<String>,
    /// Of a bounce: the address will never take anything.
    pub is_permanent: bool,
    /// Whether a message that we do not know yet may be ours: its acceptance may not be recorded yet.
    pub keep: bool,
}

impl Report {
    pub fn to_json(&self) -> Value {
        let vendor = match self.channel {
            Channel::Email => "resend",
            Channel::Sms => "mobizon",
        };
        json!({
            "vendor": vendor,
            "event": self.event,
            "channel": self.channel.as_str(),
            "id": self.message,
            "state": self.state.as_str(),
            "reason": self.reason,
            "permanent": self.is_permanent,
            "keep": self.keep,
        })
    }

    /// What the vendor said when it was asked. Asked again, the same answer is the same report.
    pub fn polled(channel: Channel, message: String, state: State, reason: Option<String>) -> Self {
        Self {
            channel,
            event: format!("poll:{message}:{}", state.as_str()),
            message,
            state,
            reason,
            // An answer to a question does not say it.
            is_permanent: false,
            keep: false,
        }
    }
}

words! {
    /// Of a report.
    pub enum Became {
        /// It raised the state of its delivery.
        Changed = "changed",
        /// Something as grave was known already.
        Unchanged = "unchanged",
        /// It came before.
        Repeated = "repeated",
        /// The message is not ours, or not yet.
        Unknown = "unknown",
    }
}

impl State {
    /// Whether a vendor's report of this state leaves nothing to ask about.
    pub const fn is_reported(self) -> bool {
        matches!(
            self,
            Self::Expired | Self::Undelivered | Self::Delivered | Self::Bounced | Self::Complained
        )
    }
}

/// When a vendor is asked about a message without a final report, counted from its acceptance; after the last time nothing is
/// expected any more. `funnel.record` knows the first of each.
///
/// An SMS is tried for at most a day. Source: Mobizon, «List of possible SMS statuses». Resend tells its events by webhooks,
/// and is asked one e-mail at a time.
pub const fn polls(channel: Channel) -> &'static [Duration] {
    match channel {
        Channel::Sms => &SMS_POLLS,
        Channel::Email => &EMAIL_POLLS,
    }
}

const SMS_POLLS: [Duration; 5] = [
    Duration::from_mins(2),
    Duration::from_mins(15),
    Duration::from_hours(1),
    Duration::from_hours(6),
    Duration::from_hours(26),
];
const EMAIL_POLLS: [Duration; 2] = [Duration::from_hours(1), Duration::from_hours(26)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_final_is_graver_than_accepted() {
        for state in State::ALL.into_iter().filter(|state| state.is_reported()) {
            assert!(state.severity() > State::Delayed.severity(), "{state:?}");
        }
        assert!(!State::Accepted.is_reported() && !State::Delayed.is_reported());
        assert!(!State::Failed.is_reported());
    }

    #[test]
    fn the_same_answer_is_the_same_report() {
        let polled = |state| Report::polled(Channel::Sms, "7".to_owned(), state, None).event;
        assert_eq!(polled(State::Delivered), polled(State::Delivered));
        assert_ne!(polled(State::Delivered), polled(State::Expired));
    }

    #[test]
    fn a_message_is_asked_about_ever_later() {
        for channel in Channel::ALL {
            assert!(polls(channel).is_sorted() && polls(channel).len() > 1);
        }
    }
}
