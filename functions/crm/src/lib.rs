//! Brings amoCRM in line with each lead's row: one contact per person, one active deal per lead, its notes, and a task for
//! the salesperson.
//!
//! A task is claimed together with its person, so two workers never change one contact. The deal's id is saved before
//! anything is told of it; one call then writes the notes of the whole batch, and one makes its tasks. Every call passes the
//! gate and the governor.

mod account;
mod app;
mod auth;
mod deal;
mod governor;
mod handover;
mod stop;
mod tasks;
mod words;

pub use app::{App, StartError};

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use handover::WithDeal;
use proftest::batch::{self, Handled, NamelessRecord};
use proftest::domain::ids::LeadId;
use proftest::failure::chain;
use proftest::store::{CrmClaim, Told};
use proftest::task::CrmTask;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use stop::DATABASE_PAUSE;

/// Handles each message of a batch on its own, then tells the sales team of all.
pub async fn handle(app: &App, event: SqsEvent) -> Result<SqsBatchResponse, NamelessRecord> {
    app.account.warn_before_expiry();
    let to_tell = Mutex::new(Vec::new());
    let response = batch::each(event, &app.queue, &to_tell, async |task: CrmTask, to_tell| {
        let CrmTask::CrmV1 { lead } = task;
        bring_in_line(app, lead, to_tell).await
    })
    .await?;
    let to_tell = to_tell.into_inner().unwrap_or_else(PoisonError::into_inner);
    handover::tell(app, to_tell).await;
    Ok(response)
}

async fn bring_in_line(app: &App, lead: LeadId, to_tell: &Mutex<Vec<WithDeal>>) -> Handled {
    let work = match app.store.claim_crm(lead).await {
        Ok(CrmClaim::Claimed(work)) => *work,
        Ok(CrmClaim::Nothing) => return Handled::Done,
        Ok(CrmClaim::Failed) => return Handled::Refuse,
        Ok(CrmClaim::Busy { free_in }) => return Handled::Again(free_in + Duration::from_secs(1)),
        // The row waits; the sweep wakes it when the gate opens.
        Ok(CrmClaim::Shut(_)) => return Handled::Done,
        Err(error) => {
            tracing::error!(lead.id = %lead, error = chain(&error), "Nothing could be claimed");
            return Handled::Again(DATABASE_PAUSE);
        }
    };
    match app.deals.ensure(&app.store, &app.account, &work).await {
        Ok(deal) => {
            to_tell
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(WithDeal { work, deal });
            // If the telling fails, the row waits and the sweep wakes it.
            Handled::Done
        }
        Err(stop) => stop.record(app, &work, Told::default()).await,
    }
}
