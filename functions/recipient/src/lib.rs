//! `GET /r/{code}`: the result that a message told its person, behind the code of the message's link. `GET /u/{token}` asks what
//! to stop, `POST /u/{token}` stops it: by the form of that page, or by a mail provider's button (RFC 8058).
//!
//! GET and HEAD change nothing: mail scanners follow every link. `GET /u/{token}` does not even ask the database, so its answer
//! is the same for a token that exists, one that does not, and no token at all; and it holds no contacts. POST tells no more.

mod pages;
mod wire;

use lambda_http::http::Method;
use lambda_http::{Body, Request, RequestExt as _, Response};
use pages::Pages;
use percent_encoding::percent_decode_str;
use proftest::config;
use proftest::domain::ids::{RecipientToken, ShortCode};
use proftest::domain::recipient::Stop;
use proftest::failure::chain;
use proftest::http::{Refusal, acknowledge, personal, segments};
use proftest::store::{Store, StoreError};
use std::time::Duration;

/// A mail provider posts again after a 503, and a person presses again.
const DATABASE_DEADLINE: Duration = Duration::from_millis(2500);

pub struct App {
    store: Store,
    pages: Pages,
}

impl App {
    /// Prepares the store without opening a connection.
    pub fn new(config: &config::Recipient) -> Result<Self, StoreError> {
        Ok(Self {
            store: Store::new(&config.database, 2, DATABASE_DEADLINE)?,
            pages: Pages::new(&config.public),
        })
    }

    pub async fn warm_up(&self) {
        self.store.warm_up().await;
    }
}

/// Answers HEAD as GET, without a body.
pub async fn handle(app: &App, request: &Request) -> Response<Body> {
    let path = percent_decode_str(request.raw_http_path()).decode_utf8_lossy();
    let segments = segments(&path);
    let name = segments.get(1).map_or("", |segment| wire::first_word(segment));
    let mut response = match (segments.first(), request.method()) {
        (Some(&"u"), &Method::POST) => stop(app, RecipientToken::parse(name), request.body()).await,
        (Some(&"u"), _) => personal(None, app.pages.choices(), app.pages.policy()),
        _ => result(app, ShortCode::parse(name)).await,
    };
    if request.method() == Method::HEAD {
        *response.body_mut() = Body::Empty;
    }
    response
}

/// Stops what the body asks for, if somebody has the token. The answer is the same if nobody has.
async fn stop(app: &App, token: Option<RecipientToken>, body: &[u8]) -> Response<Body> {
    let pages = &app.pages;
    let Some(what) = wire::asked(body) else {
        let (refusal, html) = pages.unread();
        return personal(Some(&refusal), html, pages.policy());
    };
    let refusal = match &token {
        Some(token) => stop_for(app, token, what).await.err(),
        None => None,
    };
    match (what, &refusal) {
        // A program reads the status alone.
        (Stop::OneClick, refusal) => acknowledge(refusal.as_ref()),
        (what, None) => personal(None, pages.done(what), pages.policy()),
        (_, Some(_)) => personal(refusal.as_ref(), pages.not_done(), pages.policy()),
    }
}

async fn stop_for(app: &App, token: &RecipientToken, what: Stop) -> Result<(), Refusal> {
    match app.store.stop(token, what).await {
        Ok(Some(lead)) => {
            tracing::info!(lead.id = %lead, what = what.as_str(), "Stopped");
            Ok(())
        }
        Ok(None) => {
            tracing::info!(what = what.as_str(), "A token that nobody has");
            Ok(())
        }
        Err(error) => {
            tracing::error!(
                what = what.as_str(),
                error = chain(&error),
                "A person could not be heard"
            );
            Err(Refusal::Unavailable)
        }
    }
}

/// The result behind a code. While the database is down, the course's button still leads to the course.
async fn result(app: &App, code: Option<ShortCode>) -> Response<Body> {
    let pages = &app.pages;
    let told = match &code {
        Some(code) => app.store.result_of(code).await,
        None => Ok(None),
    };
    match (told, &code) {
        (Ok(Some(told)), Some(code)) => personal(None, pages.result(code, &told), pages.policy()),
        (Err(error), Some(code)) => {
            tracing::error!(error = chain(&error), "A result could not be read");
            personal(Some(&Refusal::Unavailable), pages.down(code), pages.policy())
        }
        _ => personal(Some(&Refusal::UnknownPath), pages.unknown(), pages.policy()),
    }
}
