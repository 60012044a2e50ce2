//! `POST /api/landing/proftest`: saves a lead and schedules its message.
//!
//! After the one SQL statement commits, nothing can fail the request: if no schedule can be made, the message is sent
//! with a delay; if that fails too, the sweep finds the row.
//!
//! `GET /api/landing/challenge` gives the page its ticket, and `POST` takes the solved challenge of a suspicious submission.

mod evidence;
mod flood;
mod wire;

use flood::Floods;
use lambda_http::http::{Method, StatusCode};
use lambda_http::{Body, Request, RequestExt as _, Response};
use proftest::aws::queue::Queue;
use proftest::aws::scheduler::Scheduler;
use proftest::clients;
use proftest::clients::turnstile::Turnstile;
use proftest::config;
use proftest::domain::delivery::Kind;
use proftest::domain::guard::{Challenge, ProofError, Ticket};
use proftest::domain::ids::SubmissionId;
use proftest::domain::limits::Limit;
use proftest::failure::chain;
use proftest::http::{Refusal, client_address, json_response, segments};
use proftest::store::{Fence, Saved, Store, StoreError};
use proftest::task::{CrmTask, DeliverTask};
use proftest::texts::{Locale, Texts, texts};
use serde_json::json;
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
    /// The site key and the client, where Turnstile is asked too.
    turnstile: Option<(String, Turnstile)>,
    floods: Floods,
    texts: &'static Texts,
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("no HTTP client can be built")]
    Http(#[from] reqwest::Error),
}

impl App {
    /// Builds the clients without opening a connection.
    pub fn new(config: &config::Intake, sdk: &proftest::aws::SdkConfig) -> Result<Self, StartError> {
        let turnstile = match &config.turnstile {
            Some(settings) => {
                let client = Turnstile::new(clients::http_client()?, settings);
                Some((settings.site_key.clone(), client))
            }
            None => None,
        };
        Ok(Self {
            // An instance serves one request at a time; the second connection replaces a dead first one.
            store: Store::new(&config.database, 2, DATABASE_DEADLINE)?,
            scheduler: Scheduler::new(sdk, &config.schedule),
            queue: Queue::new(sdk, &config.queue_url),
            crm: Queue::new(sdk, &config.crm_queue_url),
            delay: config.delay,
            guard: config.guard.clone(),
            turnstile,
            floods: Floods::default(),
            texts: texts(Locale::Ru),
        })
    }

    /// Opens the connections before the first request. Both queues share one to SQS.
    pub async fn warm_up(&self) {
        futures::future::join3(self.store.warm_up(), self.scheduler.warm_up(), self.crm.warm_up()).await;
    }
}

pub async fn handle(app: &App, request: Request) -> Response<Body> {
    let is_challenge = matches!(segments(request.raw_http_path())[..], [.., "challenge"]);
    match *request.method() {
        Method::GET if is_challenge => ticket(app),
        _ if is_challenge => prove(app, &request).await,
        _ => save(app, &request).await,
    }
}

/// 200 with the lead's id once it is committed, or a refusal that says what to do.
async fn save(app: &App, request: &Request) -> Response<Body> {
    let address = client_address(request, app.guard.behind_cloudfront);
    if is_flood(app, address) {
        tracing::info!("Refused a submission of a flood");
        return Refusal::TooMany.response(app.texts);
    }
    let wire::Submission {
        mut lead,
        result,
        posted,
    } = match wire::parse(request, app.texts) {
        Ok(submission) => submission,
        Err(refusal) => {
            tracing::info!(status = %refusal.response(app.texts).status(), "Refused a submission");
            return refusal.response(app.texts);
        }
    };
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    let contact = (&lead.email, &lead.phone);
    let headers = request.headers();
    lead.evidence = evidence::collect(&app.guard, contact, &posted, headers, address, now, app.texts);
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
    json_response(StatusCode::OK, &accepted.asking(challenge(app, &saved, now)))
}

/// What the page shows later to prove when the test was begun.
fn ticket(app: &App) -> Response<Body> {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    let ticket = Ticket::issue(&app.guard.key, now);
    json_response(StatusCode::OK, &json!({"ticket": ticket}))
}

/// Notes that a submission's challenge is solved. The same proof again changes nothing.
async fn prove(app: &App, request: &Request) -> Response<Body> {
    match check_proof(app, request).await {
        Ok(submission) => {
            tracing::info!(submission.id = %submission, "A challenge is solved");
            json_response(StatusCode::OK, &json!({"success": true}))
        }
        Err(refusal) => {
            let response = refusal.response(app.texts);
            tracing::info!(status = %response.status(), "Refused a proof");
            response
        }
    }
}

/// The cheapest check first: only a solved challenge of ours costs a call or a statement.
async fn check_proof(app: &App, request: &Request) -> Result<SubmissionId, Refusal> {
    if is_flood(app, client_address(request, app.guard.behind_cloudfront)) {
        return Err(Refusal::TooMany);
    }
    let errors = &app.texts.errors;
    let solved = wire::solved(request, app.texts)?;
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    let submission = solved.proof.check(&app.guard.key, now);
    let submission = submission.map_err(|error| match error {
        ProofError::Expired => wire::wrong(errors.proof_expired),
        ProofError::NotOurs | ProofError::Unsolved => wire::wrong(errors.proof_wrong),
    })?;
    if let Some((_, turnstile)) = &app.turnstile {
        let token = solved.turnstile.unwrap_or_default();
        match turnstile.confirms(&token).await {
            Ok(true) => {}
            Ok(false) => return Err(wire::wrong_token(errors.turnstile_wrong)),
            Err(failure) => {
                tracing::error!(submission.id = %submission, error = %failure, "Turnstile could not be asked");
                return Err(Refusal::Unavailable);
            }
        }
    }
    match app.store.prove(submission).await {
        Ok(Fence::Held) => Ok(submission),
        Ok(Fence::Lost) => Err(wire::wrong(errors.proof_wrong)),
        Err(error) => {
            tracing::error!(error = chain(&error), "A proof could not be noted");
            Err(Refusal::Unavailable)
        }
    }
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
fn challenge(app: &App, saved: &Saved, now: Duration) -> Option<wire::Asked> {
    let (submission, pending) = (saved.challenged?, saved.notification?);
    Some(wire::Asked {
        challenge: Challenge::issue(&app.guard.key, submission, now + pending.due_in),
        site_key: app.turnstile.as_ref().map(|(site_key, _)| site_key.clone()),
    })
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
