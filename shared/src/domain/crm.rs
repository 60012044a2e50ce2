//! Decisions about CRM tasks, without side effects.

mod deadline;
mod source;
mod why;

pub use deadline::WorkHours;
pub use source::source_in_words;
pub use why::{Fate, Why};

use super::retry::{self, BACKOFF, Backoff};
use crate::failure::{Failure, Reaction};
use std::time::Duration;

#[derive(Debug, Clone, Copy)]
pub struct CrmTiming {
    pub backoff: Backoff,
    /// How long a deal of unknown outcome must be missing from the search before it is created again. The search lags
    /// behind writes.
    pub absent: Duration,
}

impl CrmTiming {
    pub const PRODUCTION: Self = Self {
        backoff: BACKOFF,
        absent: Duration::from_mins(2),
    };
}

words! {
    /// A note on a deal, in the order in which they are written. A task has each kind at most once.
    pub enum NoteKind {
        /// The quiz result, what to say first, the answers.
        Result = "result",
        /// The same: rows of releases before V0012 call it so.
        Answers = "answers",
        /// Where the person came from.
        Utm = "utm",
        /// Somebody else typed these contacts.
        NotMe = "not_me",
        Unsubscribed = "unsubscribed",
        /// The e-mail was given up.
        EmailFailed = "email_failed",
        SmsFailed = "sms_failed",
        /// The e-mail came back.
        EmailBounced = "email_bounced",
        SmsUndelivered = "sms_undelivered",
        /// The first human click.
        EmailClick = "email_click",
        SmsClick = "sms_click",
    }
}

words! {
    /// The state of a CRM task.
    pub enum TaskState {
        /// amoCRM is behind the lead's row.
        Pending = "pending",
        /// Under a lease.
        Working = "working",
        /// amoCRM is up to date.
        Done = "done",
        Failed = "failed",
    }
}

/// The outcome of an attempt at a CRM task, as recorded in the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CrmOutcome {
    /// amoCRM is up to date.
    Done,
    /// Refused; counts towards giving up.
    Retry {
        /// Earliest next attempt.
        after: Duration,
        /// For a log: vendor, status, name of the error.
        reason: String,
    },
    /// Something else must come first; does not count.
    Wait {
        /// Earliest next attempt. Zero: when the gate opens; the sweep wakes it.
        after: Duration,
        /// For a log: vendor, status, name of the error.
        reason: String,
    },
    /// It can never succeed.
    Failed {
        /// For a log: vendor, status, name of the error.
        reason: String,
    },
}

impl CrmOutcome {
    /// The state of the task, unless the lead has changed meanwhile.
    pub const fn state(&self) -> TaskState {
        match self {
            Self::Done => TaskState::Done,
            Self::Retry { .. } | Self::Wait { .. } => TaskState::Pending,
            Self::Failed { .. } => TaskState::Failed,
        }
    }

    /// Delay before the next attempt; zero when there is none.
    pub const fn after(&self) -> Duration {
        match self {
            Self::Done | Self::Failed { .. } => Duration::ZERO,
            Self::Retry { after, .. } | Self::Wait { after, .. } => *after,
        }
    }

    /// `None` when done.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Done => None,
            Self::Retry { reason, .. } | Self::Wait { reason, .. } | Self::Failed { reason } => Some(reason),
        }
    }
}

/// The outcome of an attempt that amoCRM refused after `retries` earlier refusals. For `jitter` see
/// [`retry::spread`].
pub fn judge(timing: &CrmTiming, retries: u16, failure: Failure, jitter: f64) -> CrmOutcome {
    let reason = failure.reason;
    let at_least = match failure.reaction {
        Reaction::GiveUp | Reaction::Undeliverable => return CrmOutcome::Failed { reason },
        // The refusal shut the gate.
        Reaction::Park | Reaction::Block => {
            return CrmOutcome::Wait {
                after: Duration::ZERO,
                reason,
            };
        }
        Reaction::Retry { after } => after,
        Reaction::Unknown => None,
    };
    match retry::delay(timing.backoff, retries, at_least, jitter) {
        Some(after) => CrmOutcome::Retry { after, reason },
        None => CrmOutcome::Failed {
            reason: format!("gave up after {retries} retries: {reason}"),
        },
    }
}

/// How long the gate stays shut after a 401, a 402 or a stage that does not exist, before one call tries again.
const PARKED: Duration = Duration::from_mins(5);

/// What shuts the gate to amoCRM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shutting {
    /// `None`: until it is opened by hand.
    pub opens_in: Option<Duration>,
    pub metric: &'static str,
}

/// Whether a refusal shuts the gate. `block` is how long after a 403; `None`: until it is opened by hand.
pub fn shutting(failure: &Failure, block: Option<Duration>) -> Option<Shutting> {
    let (opens_in, metric) = match failure.reaction {
        Reaction::Block => (block, "CrmBlocked"),
        Reaction::Park => (Some(PARKED), "CrmParked"),
        // Other pauses concern one task.
        Reaction::Retry { after: Some(after) } if failure.status == Some(429) => (Some(after), "CrmLimited"),
        Reaction::Retry { .. } | Reaction::GiveUp | Reaction::Undeliverable | Reaction::Unknown => {
            return None;
        }
    };
    Some(Shutting { opens_in, metric })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(retries: u16, reaction: Reaction) -> CrmOutcome {
        judge(
            &CrmTiming::PRODUCTION,
            retries,
            Failure::new(reaction, "amocrm 400"),
            1.0,
        )
    }

    #[test]
    fn each_reaction_has_its_outcome() {
        let reason = "amocrm 400".to_owned();
        let retry = |seconds| CrmOutcome::Retry {
            after: Duration::from_secs(seconds),
            reason: "amocrm 400".to_owned(),
        };
        let wait = CrmOutcome::Wait {
            after: Duration::ZERO,
            reason: reason.clone(),
        };
        let asked = |seconds| Reaction::Retry {
            after: Some(Duration::from_secs(seconds)),
        };
        assert_eq!(refused(0, Reaction::GiveUp), CrmOutcome::Failed { reason });
        assert_eq!(refused(0, Reaction::Park), wait);
        assert_eq!(refused(0, Reaction::Block), wait);
        assert_eq!(refused(0, Reaction::Unknown), retry(5));
        assert_eq!(refused(1, asked(7)), retry(15));
        assert_eq!(refused(0, asked(7)), retry(7));
    }

    #[test]
    fn it_is_given_up_when_the_backoff_is_used_up() {
        let last = u16::try_from(BACKOFF.len()).unwrap();
        assert!(matches!(
            refused(last - 1, Reaction::Unknown),
            CrmOutcome::Retry { .. }
        ));
        let reason = format!("gave up after {last} retries: amocrm 400");
        assert_eq!(refused(last, Reaction::Unknown), CrmOutcome::Failed { reason });
    }

    #[test]
    fn a_block_a_parking_and_a_limit_shut_the_gate() {
        let (hour, pause) = (Duration::from_hours(1), Duration::from_secs(7));
        let asked = Reaction::Retry { after: Some(pause) };
        let unasked = Reaction::Retry { after: None };
        let shut = |opens_in, metric| Some(Shutting { opens_in, metric });
        for (reaction, status, block, expected) in [
            (Reaction::Block, 403, None, shut(None, "CrmBlocked")),
            (Reaction::Block, 403, Some(hour), shut(Some(hour), "CrmBlocked")),
            (Reaction::Park, 401, None, shut(Some(PARKED), "CrmParked")),
            (Reaction::Park, 402, Some(hour), shut(Some(PARKED), "CrmParked")),
            (asked, 429, Some(hour), shut(Some(pause), "CrmLimited")),
            (asked, 503, None, None),
            (unasked, 429, None, None),
            (Reaction::GiveUp, 400, None, None),
            (Reaction::Unknown, 504, None, None),
        ] {
            let failure = Failure::new(reaction, "amocrm").of_status(status);
            assert_eq!(shutting(&failure, block), expected, "{reaction:?} {status}");
        }
        let without_status = Failure::new(asked, "amocrm");
        assert_eq!(shutting(&without_status, None), None);
    }
}
