//! `POST /hooks/resend` and `POST /hooks/mobizon`: what the vendors report of messages that they have accepted.
//!
//! Nothing that a request says is used before its signature is good. Mobizon does not sign what it says, so of its report only
//! the message's id is taken, and Mobizon is asked. What a report changes is one statement, `funnel.take_receipts`; a report
//! that is repeated, late, or of another system's message changes nothing, and gets the same 200.

mod mobizon;
mod resend;

use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, RequestExt as _, Response};
use mobizon::Hint;
use percent_encoding::percent_decode_str;
use proftest::clients::{self, mobizon::Mobizon};
use proftest::config;
use proftest::domain::delivery::Channel;
use proftest::domain::receipt::{MobizonSecret, Report, ResendSecret};
use proftest::failure::chain;
use proftest::http::{Refusal, json_response, segments};
use proftest::store::{Store, StoreError};
use proftest::texts::{Locale, texts};
use std::time::{Duration, SystemTime};

/// A report has a few hundred bytes; one with many recipients and diagnostics has some thousand.
const BODY_MAX: usize = 256 * 1024;
/// Mobizon repeats what is not answered within five seconds: this and the next together are less.
const ASK_WITHIN: Duration = Duration::from_secs(3);
const DATABASE_DEADLINE: Duration = Duration::from_millis(1500);

pub struct App {
    store: Store,
    resend: Vec<ResendSecret>,
    mobizon: Vec<MobizonSecret>,
    vendor: Mobizon,
}

/// The process cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Http(#[from] reqwest::Error),
}

impl App {
    /// Builds the clients without opening a connection.
    pub fn new(config: &config::Receipts) -> Result<Self, StartError> {
        Ok(Self {
            store: Store::new(&config.database, 2, DATABASE_DEADLINE)?,
            resend: config.resend.clone(),
            mobizon: config.mobizon.clone(),
            vendor: Mobizon::new(clients::http_client()?, &config.vendor),
        })
    }

    pub async fn warm_up(&self) {
        self.store.warm_up().await;
    }
}

/// Takes a report in. A vendor repeats what is not answered with 2xx.
pub async fn handle(app: &App, request: &Request) -> Response<Body> {
    match receive(app, request).await {
        Ok(()) => json_response(StatusCode::OK, &serde_json::json!({"success": true})),
        Err(refusal) => refusal.response(texts(Locale::Ru)),
    }
}

async fn receive(app: &App, request: &Request) -> Result<(), Refusal> {
    let path = percent_decode_str(request.raw_http_path()).decode_utf8_lossy();
    let body = bytes(request.body());
    if body.len() > BODY_MAX {
        return Err(Refusal::TooLarge);
    }
    let report = match segments(&path)[..] {
        // Without a secret nobody can be told from the vendor.
        ["hooks", "resend"] if !app.resend.is_empty() => {
            resend::report(&app.resend, request.headers(), body, SystemTime::now())?
        }
        ["hooks", "mobizon"] if !app.mobizon.is_empty() => match mobizon::hint(&app.mobizon, body)? {
            Some(hint) => ask(app, hint).await?,
            None => None,
        },
        _ => return Err(Refusal::UnknownPath),
    };
    match report {
        Some(report) => take(app, report).await,
        None => Ok(()),
    }
}

/// What the vendor itself says of the message that its report names.
async fn ask(app: &App, hint: Hint) -> Result<Option<Report>, Refusal> {
    let statuses = app
        .vendor
        .statuses(std::slice::from_ref(&hint.message), ASK_WITHIN);
    let statuses = statuses.await.map_err(|failure| {
        tracing::warn!(reason = failure.reason, "Mobizon cannot be asked for a status");
        Refusal::Unavailable
    })?;
    let Some(status) = statuses.into_iter().find(|status| status.id == hint.message) else {
        return Ok(None);
    };
    // It only reports final states, so its own list is late: the repetition will find it.
    let (state, reason) = status.state.ok_or(Refusal::Unavailable)?;
    Ok(Some(Report {
        channel: Channel::Sms,
        // With the message, or a captured report under another id would stand for this one.
        event: format!("{}:{}", hint.event, hint.message),
        message: hint.message,
        state,
        reason: Some(reason),
        is_permanent: false,
        keep: true,
    }))
}

async fn take(app: &App, report: Report) -> Result<(), Refusal> {
    let (channel, state) = (report.channel.as_str(), report.state.as_str());
    let became = app.store.take_receipts(&[report]).await.map_err(|error| {
        tracing::error!(error = chain(&error), "A report could not be taken in");
        Refusal::Unavailable
    })?;
    let became = became.first().map_or("nothing", |became| became.as_str());
    tracing::info!(channel, state, became, "A report was taken in");
    Ok(())
}

/// As they were sent: API Gateway's base64 is decoded already.
fn bytes(body: &Body) -> &[u8] {
    match body {
        Body::Text(text) => text.as_bytes(),
        Body::Binary(bytes) => bytes,
        _ => &[],
    }
}
