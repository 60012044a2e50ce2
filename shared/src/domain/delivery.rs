//! The life of one channel of one notification, as pure decisions.
//!
//! ```text
//! pending ──claim──▶ sending ──▶ accepted ──▶ delivered | bounced
//!    ▲                 │ ├─────▶ retrying ──claim──▶ sending
//!    │                 │ ├─────▶ parked   ──claim──▶ sending     (a human must act; resumes by itself)
//!    │                 │ ├─────▶ unknown  ──claim──▶ reconcile ──▶ accepted | sending | unknown
//!    │                 │ └─────▶ failed (reason)
//!    └── never again   └─ lease expired: as unknown, for nobody knows what the dead worker did
//! ```
//!
//! `claim` is the one statement in `store::deliveries` that moves a row to `sending`; its attempt number is
//! the fencing token with which the outcome is recorded.

mod words;

pub use words::{Channel, Kind, State};

use super::retry::{self, BACKOFF, Backoff, spread};
use crate::failure::{Failure, Reaction};
use std::time::Duration;

/// How long a claim holds. Longer than a function may live (`DeliverFunction.Timeout` in template.yaml), so
/// that no living worker's claim is ever taken over.
pub const LEASE: Duration = Duration::from_mins(1);

/// How long Resend remembers an idempotency key is 24 h; an attempt may itself take a minute.
/// Source: Resend, docs/dashboard/emails/idempotency-keys.
pub const EMAIL_KEY_LIFETIME: Duration = Duration::from_hours(23);

/// When a delivery is tried again, as data.
#[derive(Debug, Clone, Copy)]
pub struct DeliveryTiming {
    /// How long after the first doubt an e-mail may be repeated: the vendor's memory of its key must outlast the
    /// last repetition.
    pub email_key: Duration,
    /// Delays after refusals.
    pub backoff: Backoff,
    /// How often a request that came too fast is repeated at once, after the short pause that the vendor asks for.
    pub repeats: u32,
    /// Delay while a human has to act. Parked attempts do not count towards giving up.
    pub parked: Duration,
    /// Delay before an unknown SMS is looked up again.
    pub look_up: Duration,
    /// How long an unknown SMS must stay absent from the vendor's list before it counts as not sent.
    pub absent: Duration,
    /// After so long an SMS that could never be looked up is given up: a blind repetition is worse.
    pub unknown_max: Duration,
}

impl DeliveryTiming {
    /// Production's.
    pub const PRODUCTION: Self = Self {
        email_key: EMAIL_KEY_LIFETIME,
        backoff: BACKOFF,
        repeats: 4,
        parked: Duration::from_mins(5),
        look_up: Duration::from_secs(30),
        absent: Duration::from_mins(10),
        unknown_max: Duration::from_hours(24),
    };
}

/// What is known of the attempts before this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// Nothing was sent: this is the first attempt, or every earlier one was certainly refused.
    NotSent,
    /// An earlier attempt may have been accepted, this long ago.
    Unknown {
        /// Time since that attempt.
        since: Duration,
    },
}

/// What an attempt begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opening {
    /// Send it.
    Send,
    /// Look it up first, and let [`reconcile`] decide.
    LookUp {
        /// Time since the attempt of unknown outcome.
        since: Duration,
    },
    /// Record this and send nothing.
    Over(Outcome),
}

/// Decides what an attempt begins with, by what is known of those before it.
pub fn open(timing: &DeliveryTiming, channel: Channel, before: Before) -> Opening {
    match (channel, before) {
        (_, Before::NotSent) => Opening::Send,
        (Channel::Email, Before::Unknown { since }) if since > timing.email_key => {
            let reason = "outcome unknown, and the idempotency key has expired".to_owned();
            Opening::Over(Outcome::Failed { reason })
        }
        // Until then the key makes a repetition harmless.
        (Channel::Email, Before::Unknown { .. }) => Opening::Send,
        (Channel::Sms, Before::Unknown { since }) => Opening::LookUp { since },
    }
}

/// What became of one attempt, as it is written to the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The vendor has it.
    Accepted {
        /// The vendor's id for the message.
        provider_id: String,
    },
    /// Certainly not sent; try again.
    Retrying {
        /// Why.
        reason: String,
        /// Not before.
        after: Duration,
    },
    /// A human must act first; the sweep tries again.
    Parked {
        /// Why.
        reason: String,
        /// Not before.
        after: Duration,
    },
    /// Nobody knows whether it was sent; look it up.
    Unknown {
        /// Why.
        reason: String,
        /// Not before.
        after: Duration,
    },
    /// Over, unsent.
    Failed {
        /// Why.
        reason: String,
    },
}

impl Outcome {
    /// The row's state after it.
    pub const fn state(&self) -> State {
        match self {
            Self::Accepted { .. } => State::Accepted,
            Self::Retrying { .. } => State::Retrying,
            Self::Parked { .. } => State::Parked,
            Self::Unknown { .. } => State::Unknown,
            Self::Failed { .. } => State::Failed,
        }
    }

    /// Why, when it was not accepted.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Accepted { .. } => None,
            Self::Retrying { reason, .. }
            | Self::Parked { reason, .. }
            | Self::Unknown { reason, .. }
            | Self::Failed { reason } => Some(reason),
        }
    }

    /// How long to wait before the next attempt; `None` when there is none.
    pub const fn after(&self) -> Option<Duration> {
        match self {
            Self::Accepted { .. } | Self::Failed { .. } => None,
            Self::Retrying { after, .. } | Self::Parked { after, .. } | Self::Unknown { after, .. } => {
                Some(*after)
            }
        }
    }
}

/// Decides the outcome of an attempt by the vendor's answer.
///
/// `retries` counts the refusals before it; `jitter` is in `0.0..1.0` and spreads a delay over its upper half, so that a
/// thousand messages refused together do not come back together.
pub fn judge(
    timing: &DeliveryTiming,
    channel: Channel,
    retries: u16,
    answer: Result<String, Failure>,
    jitter: f64,
) -> Outcome {
    let failure = match answer {
        Ok(provider_id) => return Outcome::Accepted { provider_id },
        Err(failure) => failure,
    };
    let reason = failure.reason;
    match (failure.reaction, channel) {
        (Reaction::GiveUp, _) => Outcome::Failed { reason },
        (Reaction::Park | Reaction::Block, _) => Outcome::Parked {
            reason,
            after: spread(timing.parked, jitter),
        },
        (Reaction::Unknown, Channel::Sms) => Outcome::Unknown {
            reason,
            after: timing.look_up,
        },
        // The idempotency key makes repeating an e-mail of unknown outcome safe.
        (Reaction::Unknown, Channel::Email) => retry(timing, retries, reason, None, jitter),
        (Reaction::Retry { after }, _) => retry(timing, retries, reason, after, jitter),
    }
}

fn retry(
    timing: &DeliveryTiming,
    retries: u16,
    reason: String,
    after: Option<Duration>,
    jitter: f64,
) -> Outcome {
    match retry::delay(timing.backoff, retries, after, jitter) {
        Some(after) => Outcome::Retrying { reason, after },
        None => Outcome::Failed {
            reason: format!("gave up after {retries} retries: {reason}"),
        },
    }
}

/// What an attempt does to our knowledge of whether the message is out already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// Nothing new.
    Keep,
    /// This attempt may have been accepted.
    Start,
    /// All is certain again.
    Clear,
}

impl Doubt {
    /// The doubt after an attempt that really went out to the vendor.
    ///
    /// `unknown`: its outcome is. An e-mail's doubt counts from the oldest such attempt, because its
    /// idempotency key ages from there, and no later refusal removes it; an SMS is only sent again once every
    /// earlier attempt is known to have failed, so its doubt counts from this one.
    pub const fn after_sending(channel: Channel, before: Before, unknown: bool) -> Self {
        match (channel, before, unknown) {
            (Channel::Email, Before::NotSent, true) | (Channel::Sms, _, true) => Self::Start,
            (Channel::Email, _, _) => Self::Keep,
            (Channel::Sms, _, false) => Self::Clear,
        }
    }

    /// The word for it in SQL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Start => "start",
            Self::Clear => "clear",
        }
    }

    /// Reads that word; any other is `None`.
    pub fn parse(raw: &str) -> Option<Self> {
        [Self::Keep, Self::Start, Self::Clear]
            .into_iter()
            .find(|doubt| doubt.as_str() == raw)
    }
}

/// What an attempt that really went out to the vendor writes to its row: what became of it, and what is known now.
/// The arguments are those of [`judge`].
pub fn conclude(
    timing: &DeliveryTiming,
    channel: Channel,
    before: Before,
    retries: u16,
    answer: Result<String, Failure>,
    jitter: f64,
) -> (Outcome, Doubt) {
    let unknown = matches!(&answer, Err(failure) if failure.reaction == Reaction::Unknown);
    let doubt = Doubt::after_sending(channel, before, unknown);
    (judge(timing, channel, retries, answer, jitter), doubt)
}

/// What to do with an SMS of unknown outcome, once the vendor's list was searched for its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reconciled {
    /// It was sent after all, or must wait: record this and send nothing.
    Over(Outcome),
    /// It is certainly absent: send it now.
    SendAgain,
}

/// Decides on a look-up: `found` is the vendor's id when its list holds the text.
pub fn reconcile(
    timing: &DeliveryTiming,
    since: Duration,
    found: Result<Option<String>, Failure>,
    jitter: f64,
) -> Reconciled {
    let still_unknown = |reason: String| {
        Reconciled::Over(Outcome::Unknown {
            reason,
            after: spread(timing.look_up * 2, jitter),
        })
    };
    match found {
        Ok(Some(provider_id)) => Reconciled::Over(Outcome::Accepted { provider_id }),
        Ok(None) if since >= timing.absent => Reconciled::SendAgain,
        // The list may lag behind what was accepted.
        Ok(None) => still_unknown("outcome unknown: not in the vendor's list yet".to_owned()),
        Err(failure) if since >= timing.unknown_max => {
            let reason = format!("outcome unknown, and every look-up failed: {}", failure.reason);
            Reconciled::Over(Outcome::Failed { reason })
        }
        Err(failure) => still_unknown(format!("look-up failed: {}", failure.reason)),
    }
}

#[cfg(test)]
mod tests;
