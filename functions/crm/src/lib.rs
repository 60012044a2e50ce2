//! Brings amoCRM in line with each lead's row: one contact per person, one active deal per lead, its notes.
//!
//! A task is claimed together with its person, so two workers never change one contact. The deal's id is saved before
//! notes are written; one call then writes the notes of the whole batch. Every call passes the gate and the governor.

mod account;
mod app;
mod auth;
mod deal;
mod governor;
mod notes;
mod stop;

pub use app::{App, StartError};

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use notes::WithDeal;
use proftest::batch::{self, Handled, NamelessRecord};
use proftest::domain::ids::LeadId;
use proftest::failure::chain;
use proftest::store::CrmClaim;
use proftest::task::CrmTask;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use stop::DATABASE_PAUSE;

/// Handles each message of a batch on its own, then writes all notes.
pub async fn handle(app: &App, event: SqsEvent) -> Result<SqsBatchResponse, NamelessRecord> {
    app.account.warn_before_expiry();
    let to_note = Mutex::new(Vec::new());
    let response = batch::each(event, &app.queue, &to_note, async |task: CrmTask, to_note| {
        let CrmTask::CrmV1 { lead } = task;
        bring_in_line(app, lead, to_note).await
    })
    .await?;
    let to_note = to_note.into_inner().unwrap_or_else(PoisonError::into_inner);
    notes::write(&app.store, &app.account, &app.timing, app.texts, to_note).await;
    Ok(response)
}

async fn bring_in_line(app: &App, lead: LeadId, to_note: &Mutex<Vec<WithDeal>>) -> Handled {
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
            to_note
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(WithDeal { work, deal });
            // If the notes fail, the row waits and the sweep wakes it.
            Handled::Done
        }
        Err(stop) => stop.record(&app.store, &app.timing, &work).await,
    }
}
