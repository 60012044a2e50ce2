//! Bringing amoCRM in line with a lead, as pure decisions.

use super::retry::{self, BACKOFF, Backoff};
use crate::failure::{Failure, Reaction};
use std::time::Duration;

/// When a CRM task is tried again, as data.
#[derive(Debug, Clone, Copy)]
pub struct CrmTiming {
    /// Delays after refusals.
    pub backoff: Backoff,
    /// How long a deal of unknown outcome must stay absent from the search before it is created again: the search lags
    /// behind what was written.
    pub absent: Duration,
}

impl CrmTiming {
    /// Production's.
    pub const PRODUCTION: Self = Self {
        backoff: BACKOFF,
        absent: Duration::from_mins(2),
    };
}

/// A note on a deal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NoteKind {
    /// The answers of the test.
    Answers,
    /// Where the lead came from.
    Utm,
    /// The first click in the e-mail.
    EmailClick,
    /// The first click in the SMS.
    SmsClick,
}

impl NoteKind {
    /// All of them. A task has each at most once.
    pub const ALL: [Self; 4] = [Self::Answers, Self::Utm, Self::EmailClick, Self::SmsClick];

    /// The word for it in SQL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answers => "answers",
            Self::Utm => "utm",
            Self::EmailClick => "email_click",
            Self::SmsClick => "sms_click",
        }
    }

    /// Reads that word; any other is `None`.
    pub fn parse(raw: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == raw)
    }
}

/// What became of an attempt at a CRM task, as it is written to the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CrmOutcome {
    /// amoCRM knows everything.
    Done,
    /// Refused; counts towards giving up.
    Retry {
        /// Not before.
        after: Duration,
        /// Why.
        reason: String,
    },
    /// Something else has to come first; does not count.
    Wait {
        /// Not before. Zero: when the gate opens; the sweep wakes it.
        after: Duration,
        /// Why.
        reason: String,
    },
    /// It can never succeed.
    Failed {
        /// Why.
        reason: String,
    },
}

/// Decides the outcome of an attempt that amoCRM refused. `retries` counts the refusals before it; `jitter` is as in
/// [`retry::spread`].
pub fn judge(timing: &CrmTiming, retries: u16, failure: Failure, jitter: f64) -> CrmOutcome {
    let reason = failure.reason;
    let at_least = match failure.reaction {
        Reaction::GiveUp => return CrmOutcome::Failed { reason },
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
    fn words_read_back() {
        for kind in NoteKind::ALL {
            assert_eq!(NoteKind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(NoteKind::parse("fax"), None);
    }
}
