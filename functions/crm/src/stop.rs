//! Why the work on a task stopped, and what is recorded.

use crate::app::App;
use proftest::batch::Handled;
use proftest::domain::crm::{CrmOutcome, CrmTiming, judge};
use proftest::failure::{Failure, chain};
use proftest::random::jitter;
use proftest::store::{CrmWork, StoreError, Told};
use std::time::Duration;

/// A message whose row could not be read or written comes back after this pause.
pub const DATABASE_PAUSE: Duration = Duration::from_secs(15);

#[derive(Debug)]
pub enum Stop {
    /// amoCRM refused, or its answer was lost.
    Failed(Failure),
    Shut,
    /// Wait this long, for this reason.
    Wait(Duration, &'static str),
    /// Another worker holds the claim: touch nothing.
    Lost,
    /// The database failed; the lease ends the claim.
    Store(StoreError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Stop {
    /// The outcome to record; `None` when the claim is lost or the database fails.
    fn outcome(&self, timing: &CrmTiming, retries: u16, jitter: f64) -> Option<CrmOutcome> {
        let wait = |after, reason: &str| CrmOutcome::Wait {
            after,
            reason: reason.to_owned(),
        };
        match self {
            Self::Failed(failure) => Some(judge(timing, retries, failure.clone(), jitter)),
            Self::Shut => Some(wait(Duration::ZERO, "the gate is shut")),
            Self::Wait(after, reason) => Some(wait(*after, reason)),
            Self::Lost | Self::Store(_) => None,
        }
    }

    /// Records why a task stopped, after it has told so much, and decides about its message.
    pub async fn record(&self, app: &App, work: &CrmWork, told: Told<'_>) -> Handled {
        let lead = work.lead;
        let Some(outcome) = self.outcome(&app.timing, work.retries, jitter()) else {
            if let Self::Store(error) = self {
                tracing::error!(lead.id = %lead, error = chain(error), "The task stopped");
                return Handled::Again(DATABASE_PAUSE);
            }
            tracing::warn!(lead.id = %lead, "The claim had passed to another worker");
            return Handled::Done;
        };
        let handled = handled(&outcome);
        match &outcome {
            CrmOutcome::Failed { reason } => {
                tracing::error!(lead.id = %lead, reason, "The CRM task failed for good");
            }
            CrmOutcome::Retry { reason, .. } | CrmOutcome::Wait { reason, .. } => {
                tracing::warn!(lead.id = %lead, reason, "The CRM task has to wait");
            }
            CrmOutcome::Done => {}
        }
        match app.store.record_crm(work, &outcome, told).await {
            Ok(_) => handled,
            Err(error) => {
                tracing::error!(lead.id = %lead, error = chain(&error), "The outcome could not be recorded");
                Handled::Again(DATABASE_PAUSE)
            }
        }
    }
}

const fn handled(outcome: &CrmOutcome) -> Handled {
    match outcome {
        CrmOutcome::Done => Handled::Done,
        // The sweep wakes the row when the gate opens.
        CrmOutcome::Wait { after, .. } if after.is_zero() => Handled::Done,
        CrmOutcome::Retry { after, .. } | CrmOutcome::Wait { after, .. } => Handled::Again(*after),
        CrmOutcome::Failed { .. } => Handled::Refuse,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proftest::failure::Reaction;

    fn outcome(stop: &Stop) -> Option<CrmOutcome> {
        stop.outcome(&CrmTiming::PRODUCTION, 0, 1.0)
    }

    #[test]
    fn a_lost_claim_and_a_failing_database_record_nothing() {
        assert_eq!(outcome(&Stop::Lost), None);
        let broken = Stop::Store(StoreError::Unavailable("down".to_owned()));
        assert_eq!(outcome(&broken), None);
    }

    #[test]
    fn a_message_waits_for_a_time_but_not_for_the_gate() {
        let pause = Duration::from_secs(7);
        let told = |stop: Stop| outcome(&stop).map(|outcome| handled(&outcome));
        assert_eq!(told(Stop::Shut), Some(Handled::Done));
        assert_eq!(told(Stop::Wait(pause, "why")), Some(Handled::Again(pause)));
        let blocked = Failure::new(Reaction::Block, "amocrm 403");
        assert_eq!(told(Stop::Failed(blocked)), Some(Handled::Done));
        let malformed = Failure::new(Reaction::GiveUp, "amocrm 400");
        assert_eq!(told(Stop::Failed(malformed)), Some(Handled::Refuse));
    }
}
