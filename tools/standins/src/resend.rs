//! Resend: `POST /emails`, `POST /emails/batch`, `GET /domains`.
//!
//! Sources: resend-openapi `resend.yaml` v1.5.0, and the pages «Introduction», «Errors», «Idempotency keys» and
//! «Usage limits» of the vendor's API reference.

mod answer;
mod idempotency;
mod rules;

use std::{
    sync::{Arc, Mutex},
    time::Instant,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderValue, Uri, header, request::Parts},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

pub use self::rules::Tag;
use self::{
    answer::{Refusal, error_answer},
    idempotency::{Claim, Keys},
};
use super::{
    control::{Control, Delay, Stats},
    faults::Faults,
    lock,
    meter::Meter,
};

#[derive(Debug, Clone)]
pub struct ResendOptions {
    /// The one API key that is accepted; begins with `re_`.
    pub api_key: String,
    /// Requests in any one second before 429; `None`: no limit. The vendor's pages say 2 and 5 a second a team.
    pub rate_limit_per_second: Option<u32>,
    /// The account's domains with their statuses. Sending does not look at them.
    pub domains: Vec<(String, String)>,
    /// The key has «Sending access» alone: whatever else it asks for is answered 401 `restricted_api_key`.
    pub sending_access: bool,
}

impl ResendOptions {
    /// `api_key` with full access, one verified domain, no rate limit.
    pub fn new(api_key: impl Into<String>) -> Self {
        Self {
            api_key: api_key.into(),
            rate_limit_per_second: None,
            domains: vec![("onai.academy".to_owned(), "verified".to_owned())],
            sending_access: false,
        }
    }
}

#[derive(Debug, Clone)]
pub struct SentEmail {
    pub id: Uuid,
    pub accepted_at: Timestamp,
    pub idempotency_key: Option<String>,
    pub from: String,
    pub to: Vec<String>,
    pub subject: String,
    pub html: Option<String>,
    pub text: Option<String>,
    pub tags: Vec<Tag>,
}

#[derive(Debug, Clone)]
pub struct Resend(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    options: ResendOptions,
    control: Arc<Control<Vec<SentEmail>>>,
    keys: Keys,
    admitted: Mutex<Meter>,
}

impl Resend {
    pub fn new(options: ResendOptions) -> Self {
        Self(Arc::new(Inner {
            options,
            control: Arc::new(Control::new(error_answer)),
            keys: Keys::default(),
            admitted: Mutex::default(),
        }))
    }

    pub fn router(&self) -> Router {
        let vendor = Router::new()
            .route("/emails", post(send))
            .route("/emails/batch", post(send))
            .route("/domains", get(list_domains))
            .method_not_allowed_fallback(not_found)
            .fallback(not_found)
            .with_state(self.clone());
        self.0.control.router(vendor)
    }

    pub fn sent(&self) -> Vec<SentEmail> {
        self.0.control.sent()
    }

    pub fn stats(&self) -> Stats {
        self.0.control.stats()
    }

    pub fn faults(&self) -> &Faults {
        &self.0.control.faults
    }

    /// Answers, and counts a refusal.
    fn answer(&self, answered: Result<Value, Refusal>) -> Response {
        match answered {
            Ok(body) => Json(body).into_response(),
            Err(refusal) => {
                self.0.control.refused(refusal.name);
                refusal.into_response()
            }
        }
    }

    fn admit(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        // Refused by the vendor's edge, not by the API: «Introduction», «User-Agent».
        if headers.get(header::USER_AGENT).is_none_or(HeaderValue::is_empty) {
            return Err(Refusal::no_user_agent());
        }
        let authorization = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let Some(key) = authorization.and_then(|value| value.strip_prefix("Bearer ")) else {
            let message = "Missing API key in the authorization header.";
            return Err(Refusal::new(401, "missing_api_key", message));
        };
        if !key.starts_with("re_") || key != self.0.options.api_key {
            return Err(Refusal::new(403, "invalid_api_key", "API key is invalid."));
        }
        if let Some(limit) = self.0.options.rate_limit_per_second {
            let (mut admitted, now) = (lock(&self.0.admitted), Instant::now());
            if admitted.count(now) as u64 >= u64::from(limit) {
                return Err(Refusal::rate_limited(limit));
            }
            admitted.hit(now);
        }
        Ok(())
    }

    fn list_domains(&self, headers: &HeaderMap) -> Result<Value, Refusal> {
        self.admit(headers)?;
        if self.0.options.sending_access {
            let message = "This API key is restricted to only send emails";
            return Err(Refusal::new(401, "restricted_api_key", message));
        }
        Ok(answer::domains(&self.0.options.domains))
    }

    async fn send(&self, request: &Parts, body: &[u8]) -> Result<Value, Refusal> {
        self.admit(&request.headers)?;
        let key = rules::idempotency_key(&request.headers)?;
        if key.is_none() {
            self.0.control.count(|stats| stats.without_idempotency_key += 1);
        }
        let path = request.uri.path();
        let is_batch = path == "/emails/batch";
        let drafts = rules::parse(is_batch, &request.headers, body)?;
        if let Some(key) = &key
            && let Claim::Replay(answer) = self.0.keys.claim(key, path, body)?
        {
            self.0.control.count(|stats| stats.replayed += 1);
            return Ok(answer);
        }
        Delay::wait(&request.extensions).await;
        let mut ids: Vec<Value> = Vec::new();
        for draft in drafts {
            let email = draft.into_sent(key.clone());
            ids.push(json!({ "id": email.id }));
            self.0.control.accept(email);
        }
        let answer = if is_batch {
            json!({ "data": ids })
        } else {
            ids.pop().unwrap_or_default()
        };
        if let Some(key) = key {
            self.0.keys.finish(key, path, body, answer.clone());
        }
        Ok(answer)
    }
}

async fn send(State(resend): State<Resend>, request: Parts, body: Bytes) -> Response {
    resend.answer(resend.send(&request, &body).await)
}

async fn list_domains(State(resend): State<Resend>, headers: HeaderMap) -> Response {
    resend.answer(resend.list_domains(&headers))
}

/// Also for a wrong method, which the vendor answers 405.
async fn not_found(State(resend): State<Resend>, uri: Uri) -> Response {
    let message = format!("The endpoint {} does not exist.", uri.path());
    resend.answer(Err(Refusal::new(404, "not_found", message)))
}
