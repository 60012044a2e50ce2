//! The life of one channel of one notification, as pure decisions.
//!
//! ```text
//! pending ──claim──▶ sending ──▶ accepted ──report──▶ delayed, expired, undelivered, delivered, bounced, complained
//!    ▲                 │ ├─────▶ retrying ──claim──▶ sending
//!    │                 │ ├─────▶ parked   ──claim──▶ sending     (a human must act; resumes by itself)
//!    │                 │ ├─────▶ unknown  ──claim──▶ reconcile ──▶ accepted | sending | unknown
//!    │                 │ └─────▶ failed (reason)
//!    └── never again   └─ lease expired: as unknown, because the dead worker may have sent it
//! ```
//!
//! `claim` is the one statement in `store::deliveries` that moves a row to `sending`; its attempt number is
//! the fencing token with which the outcome is recorded.

mod words;

pub use words::{Channel, Kind, State, Status};

use super::retry::{self, BACKOFF, Backoff, spread};
use crate::failure::{Failure, Reaction};
use std::time::Duration;

/// How long a claim holds. It is longer than a function can run (`DeliverFunction.Timeout` in template.yaml), so no
/// claim of a live worker is taken over.
pub const LEASE: Duration = Duration::from_mins(1);

/// How long an e-mail may be repeated under its key. Resend remembers a key for 24 h, and an attempt may take a
/// minute. Source: Resend, docs/dashboard/emails/idempotency-keys.
pub const EMAIL_KEY_LIFETIME: Duration = Duration::from_hours(23);

#[derive(Debug, Clone, Copy)]
pub struct DeliveryTiming {
    /// How long after the first doubt an e-mail may be repeated: the vendor must still know the key at the last
    /// repetition.
    pub email_key: Duration,
    pub backoff: Backoff,
    /// How often a request is repeated at once after a 429 with a short pause.
    pub repeats: u32,
    /// Delay while a human must act. Parked attempts do not count towards giving up.
    pub parked: Duration,
    /// Delay before an unknown SMS is looked up again.
    pub look_up: Duration,
    /// How long an unknown SMS must be missing from the vendor's list before it counts as not sent.
    pub absent: Duration,
    /// When to give up an unknown SMS that could not be looked up: a blind repetition is worse.
    pub unknown_max: Duration,
}

impl DeliveryTiming {
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// Certainly nothing was sent.
    NotSent,
    /// An earlier attempt may have been accepted.
    Unknown { since: Duration },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opening {
    Send,
    /// Look the message up first; [`reconcile`] then decides.
    LookUp {
        since: Duration,
    },
    /// Record this and send nothing.
    Over(Outcome),
}

pub fn open(timing: &DeliveryTiming, channel: Channel, before: Before) -> Opening {
    match (channel, before) {
        (_, Before::NotSent) => Opening::Send,
        (Channel::Email, Before::Unknown { since }) if since > timing.email_key => {
            let reason = "outcome unknown, and the idempotency key has expired".to_owned();
            Opening::Over(Outcome::Failed { reason })
        }
        // Until then the key makes a repetition safe.
        (Channel::Email, Before::Unknown { .. }) => Opening::Send,
        (Channel::Sms, Before::Unknown { since }) => Opening::LookUp { since },
    }
}

/// The outcome of one attempt, as recorded in the row. Its reason is for a log: vendor, status, name of the error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Accepted {
        provider_id: String,
    },
    /// Certainly not sent; try again.
    Retrying {
        reason: String,
        after: Duration,
    },
    /// A human must act first; the sweep tries again.
    Parked {
        reason: String,
        after: Duration,
    },
    /// It may have been sent; look it up.
    Unknown {
        reason: String,
        after: Duration,
    },
    /// Given up. If it may have been sent, the reason says so.
    Failed {
        reason: String,
    },
    /// Given up, and the address or number gets nothing any more.
    Undeliverable {
        reason: String,
    },
}

impl Outcome {
    pub const fn state(&self) -> State {
        match self {
            Self::Accepted { .. } => State::Accepted,
            Self::Retrying { .. } => State::Retrying,
            Self::Parked { .. } => State::Parked,
            Self::Unknown { .. } => State::Unknown,
            Self::Failed { .. } | Self::Undeliverable { .. } => State::Failed,
        }
    }

    /// `None` when accepted.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Accepted { .. } => None,
            Self::Retrying { reason, .. }
            | Self::Parked { reason, .. }
            | Self::Unknown { reason, .. }
            | Self::Failed { reason }
            | Self::Undeliverable { reason } => Some(reason),
        }
    }

    /// Delay before the next attempt; `None` when there is none.
    pub const fn after(&self) -> Option<Duration> {
        match self {
            Self::Accepted { .. } | Self::Failed { .. } | Self::Undeliverable { .. } => None,
            Self::Retrying { after, .. } | Self::Parked { after, .. } | Self::Unknown { after, .. } => {
                Some(*after)
            }
        }
    }
}

/// Decides the outcome by the vendor's answer, after `retries` earlier refusals. For `jitter` see
/// [`spread`].
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
        (Reaction::Undeliverable, _) => Outcome::Undeliverable { reason },
        (Reaction::Park | Reaction::Block, _) => Outcome::Parked {
            reason,
            after: spread(timing.parked, jitter),
        },
        (Reaction::Unknown, Channel::Sms) => Outcome::Unknown {
            reason,
            after: timing.look_up,
        },
        // The idempotency key makes it safe to repeat an e-mail of unknown outcome.
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

words! {
    /// How an attempt changes the doubt: whether the message may be out already.
    pub enum Doubt {
        Keep = "keep",
        /// This attempt may have been accepted.
        Start = "start",
        /// Nothing is in doubt any more.
        Clear = "clear",
    }
}

impl Doubt {
    /// The doubt after an attempt that reached the vendor; `unknown` says whether its outcome is unknown.
    ///
    /// An e-mail's doubt counts from the oldest such attempt, because its idempotency key ages from there, and no
    /// later refusal removes it. An SMS is sent again only when every earlier attempt is known to have failed, so its
    /// doubt counts from this one.
    pub const fn after_sending(channel: Channel, before: Before, unknown: bool) -> Self {
        match (channel, before, unknown) {
            (Channel::Email, Before::NotSent, true) | (Channel::Sms, _, true) => Self::Start,
            (Channel::Email, _, _) => Self::Keep,
            (Channel::Sms, _, false) => Self::Clear,
        }
    }
}

/// The outcome and the doubt to record after an attempt that reached the vendor. The arguments are those of
/// [`judge`].
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

/// What to do with an SMS of unknown outcome after a search of the vendor's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reconciled {
    /// It was sent after all, or must wait: record this and send nothing.
    Over(Outcome),
    /// It is certainly absent: send it now.
    SendAgain,
}

/// `found` is the vendor's id if the list holds the text.
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
        // The list may lag behind accepted messages.
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
