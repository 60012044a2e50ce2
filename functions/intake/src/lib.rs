//! `POST /api/landing/proftest`: saves a lead and schedules its message.
//!
//! After the one SQL statement commits, nothing can fail the request: if no schedule can be made, the message is sent
//! with a delay; if that fails too, the sweep finds the row.

mod evidence;
mod flood;
mod wire;

use flood::Floods;
use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response};
use proftest::aws::queue::Queue;
use proftest::aws::scheduler::Scheduler;
use proftest::config;
use proftest::domain::delivery::Kind;
use proftest::domain::guard::Challenge;
use proftest::domain::limits::Limit;
use proftest::failure::chain;
use proftest::http::{Refusal, json_response};
use proftest::store::{Saved, Store, StoreError};
use proftest::task::{CrmTask, DeliverTask};
use proftest::texts::{Locale, Texts, texts};
use std::net::IpAddr;
use std::time::{Duration, Instant, SystemTime};

/// For the database, connecting included. After it the visitor is asked to try again.
const DATABASE_DEADLINE: Duration = Duration::from_millis(2500);

pub struct App {
    store: Store,
    scheduler: Scheduler,
    queue: Queue,
    crm: Queue,
    delay: Duration,
    guard: config::Guard,
    floods: Floods,
    texts: &'static Texts,
}

impl App {
    /// Builds the clients without opening a connection.
    pub fn new(config: &config::Intake, sdk: &proftest::aws::SdkConfig) -> Result<Self, StoreError> {
        Ok(Self {
            // An instance serves one request at a time; the second connection replaces a dead first one.
            store: Store::new(&config.database, 2, DATABASE_DEADLINE)?,
            scheduler: Scheduler::new(sdk, &config.schedule),
            queue: Queue::new(sdk, &config.queue_url),
            crm: Queue::new(sdk, &config.crm_queue_url),
            delay: config.delay,
            guard: config.guard.clone(),
            floods: Floods::default(),
            texts: texts(Locale::Ru),
        })
    }

    /// Opens the connections before the first request. Both queues share one to SQS.
    pub async fn warm_up(&self) {
        futures::future::join3(self.store.warm_up(), self.scheduler.warm_up(), self.crm.warm_up()).await;
    }
}

/// 200 with the lead's id once it is committed, or a refusal that says what to do.
pub async fn handle(app: &App, request: Request) -> Response<Body> {
    let address = evidence::address(&request, &app.guard);
    if is_flood(app, address) {
        tracing::info!("Refused a submission of a flood");
        return Refusal::TooMany.response(app.texts);
    }
    let wire::Submission {
        mut lead,
        result,
        posted,
    } = match wire::parse(&request, app.texts) {
        Ok(submission) => submission,
        Err(refusal) => {
            tracing::info!(status = %refusal.response(app.texts).status(), "Refused a submission");
            return refusal.response(app.texts);
        }
    };
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    let contact = (&lead.email, &lead.phone);
    lead.evidence = evidence::collect(&app.guard, contact, &posted, request.headers(), address, now);
    let saved = match app.store.save_lead(lead, Kind::Result, app.delay).await {
        Ok(saved) => saved,
        Err(error) => {
            tracing::error!(error = chain(&error), "A lead could not be saved");
            return Refusal::Unavailable.response(app.texts);
        }
    };
    // They run side by side, and neither can fail the request: the sweep finds the rows.
    futures::future::join(
        wake_later(&app.scheduler, &app.queue, &saved),
        tell_crm(&app.crm, &saved),
    )
    .await;
    note_address(app, address, &saved);
    let accepted = wire::Accepted::new(saved.lead, result);
    json_response(
        StatusCode::OK,
        &accepted.with_challenge(challenge(app, &saved, now)),
    )
}

fn is_flood(app: &App, address: Option<IpAddr>) -> bool {
    let (limits, now) = (&app.guard.limits, Instant::now());
    let most = limits.get(Limit::AddressSecond);
    limits.is_on() && address.is_some_and(|address| app.floods.is_flood(address, most, now))
}

/// Remembers a flood that the database saw, and tells of a limit that was passed.
fn note_address(app: &App, address: Option<IpAddr>, saved: &Saved) {
    let most = app.guard.limits.get(Limit::AddressSecond);
    if let Some(address) = address.filter(|_| saved.address.in_second > most) {
        app.floods.refuse(address, Instant::now());
    }
    if saved.address.is_over {
        let holds = app.guard.addresses == config::Addresses::On;
        tracing::warn!(lead.id = %saved.lead, holds, "A network address has passed its limit");
    }
}

/// A proof of work to solve before the message is due.
fn challenge(app: &App, saved: &Saved, now: Duration) -> Option<String> {
    let (submission, pending) = (saved.challenged?, saved.notification?);
    Some(Challenge::issue(&app.guard.key, submission, now + pending.due_in))
}

/// Arranges the delivery at its due time. Three ways, each the fallback of the one before.
async fn wake_later(scheduler: &Scheduler, queue: &Queue, saved: &Saved) {
    let Some(pending) = saved.notification else {
        return;
    };
    let (lead, notification) = (saved.lead, pending.id);
    let refused = match scheduler.wake_at(notification, pending.due).await {
        Ok(()) => {
            tracing::info!(lead.id = %lead, notification.id = %notification, "Saved and scheduled");
            return;
        }
        Err(error) => error,
    };
    tracing::warn!(lead.id = %lead, notification.id = %notification, error = %refused,
        "No schedule; sending the message itself, delayed");
    if let Err(error) = queue
        .send(&DeliverTask::DeliverV1 { notification }, pending.due_in)
        .await
    {
        tracing::error!(lead.id = %lead, notification.id = %notification, error = %error,
            "No message either; the sweep will wake the row");
    }
}

/// Wakes `crm` if this submission changed something.
async fn tell_crm(crm: &Queue, saved: &Saved) {
    if !saved.changed {
        return;
    }
    let lead = saved.lead;
    if let Err(error) = crm.send(&CrmTask::CrmV1 { lead }, Duration::ZERO).await {
        tracing::warn!(lead.id = %lead, error = %error, "The CRM was not told; the sweep will");
    }
}
