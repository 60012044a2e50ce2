//! Resend: `POST /emails`, `POST /emails/batch`, `GET /emails/{id}`, `GET /domains`.
//!
//! Sources: resend-openapi `resend.yaml` v1.5.0, and the pages «Introduction», «Errors», «Idempotency keys» and
//! «Usage limits» of the vendor's API reference.

mod answer;
mod idempotency;
mod rules;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{
    Extension, Json, Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, Method, Uri, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

pub use self::rules::{Attachment, Tag, Template};
use self::{
    answer::{Refusal, error_answer},
    idempotency::{Claim, Keys},
};
use super::{
    desk::{Delay, Desk, Stats},
    faults::Faults,
    feed::Feed,
    lock,
    meter::Meter,
};

/// How strict the stand-in is, and what it believes.
#[derive(Debug, Clone)]
pub struct ResendOptions {
    /// The one API key that is accepted; begins with `re_`.
    pub api_key: String,
    /// Refuse `@example.com` recipients with 422, as the vendor does. Off by default: the local run's visitors
    /// have such addresses.
    pub reject_example_domains: bool,
    /// Requests in any one second before 429, with the `ratelimit-*` headers on every answer; `None`: no limit.
    /// The vendor's pages say 2 and 5 a second a team.
    pub rate_limit_per_second: Option<u32>,
    /// How long an idempotency key is remembered; 24 hours at the vendor.
    pub idempotency_ttl: Duration,
    /// The account's domains with their statuses. Sending does not look at them.
    pub domains: Vec<(String, String)>,
    /// The key has «Sending access» alone: whatever else it asks for is answered 401 `restricted_api_key`.
    pub sending_access: bool,
}

impl ResendOptions {
    /// The vendor's behaviour without a rate limit, accepting `api_key` and `@example.com`.
    pub fn new(api_key: impl Into<String>) -> Self {
        Self {
            api_key: api_key.into(),
            reject_example_domains: false,
            rate_limit_per_second: None,
            idempotency_ttl: Duration::from_hours(24),
            domains: vec![("onai.academy".to_owned(), "verified".to_owned())],
            sending_access: false,
        }
    }
}

/// An e-mail that was accepted, with all its content.
#[derive(Debug, Clone, Serialize)]
pub struct SentEmail {
    /// The id in the answer.
    pub id: Uuid,
    /// When it was accepted.
    #[serde(serialize_with = "super::rfc3339_millis")]
    pub accepted_at: Timestamp,
    /// The request's `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// Sender, `a@b.c` or `Name <a@b.c>`.
    pub from: String,
    /// Recipients, 1–50, in the same form.
    pub to: Vec<String>,
    /// Copies.
    pub cc: Vec<String>,
    /// Blind copies.
    pub bcc: Vec<String>,
    /// Addresses for replies.
    pub reply_to: Vec<String>,
    /// Subject.
    pub subject: String,
    /// HTML body.
    pub html: Option<String>,
    /// Plain text body.
    pub text: Option<String>,
    /// Extra headers of the message.
    pub headers: BTreeMap<String, String>,
    /// Tags.
    pub tags: Vec<Tag>,
    /// Attached files.
    pub attachments: Vec<Attachment>,
    /// Template used instead of a body.
    pub template: Option<Template>,
    /// When to send; the stand-in «sends» at once.
    pub scheduled_at: Option<String>,
    /// Topic.
    pub topic_id: Option<String>,
}

/// The stand-in for Resend. Clones share one state.
#[derive(Debug, Clone)]
pub struct Resend(Arc<Office>);

#[derive(Debug)]
struct Office {
    options: ResendOptions,
    desk: Arc<Desk<Vec<SentEmail>>>,
    keys: Keys,
    admitted: Mutex<Meter>,
}

impl Resend {
    /// A stand-in with nothing sent, reporting to `feed`.
    pub fn new(options: ResendOptions, feed: Feed) -> Self {
        let keys = Keys::new(options.idempotency_ttl);
        let desk = Arc::new(Desk::new("resend", error_answer, feed));
        Self(Arc::new(Office {
            options,
            desk,
            keys,
            admitted: Mutex::default(),
        }))
    }

    /// The vendor's paths and the control paths; to be served by [`super::serve`].
    pub fn router(&self) -> Router {
        let vendor = Router::new()
            .route("/emails", post(send))
            .route("/emails/batch", post(send_batch))
            .route("/emails/{id}", get(retrieve))
            .route("/domains", get(list_domains))
            .method_not_allowed_fallback(method_not_allowed)
            .fallback(not_found)
            .with_state(self.clone());
        self.0.desk.router(vendor)
    }

    /// Every e-mail accepted, oldest first.
    pub fn sent(&self) -> Vec<SentEmail> {
        self.0.desk.sent()
    }

    /// The counts so far.
    pub fn stats(&self) -> Stats {
        self.0.desk.stats()
    }

    /// Forgets the e-mails and the counts. Idempotency keys stay known, as at the vendor.
    pub fn clear(&self) {
        self.0.desk.clear();
    }

    /// The faults to come.
    pub fn faults(&self) -> &Faults {
        &self.0.desk.faults
    }

    /// Counts a refusal, and adds the rate headers to whatever is answered.
    fn answer(&self, outcome: Result<Value, Refusal>) -> Response {
        let mut response = match outcome {
            Ok(body) => Json(body).into_response(),
            Err(refusal) => {
                self.0.desk.reject(refusal.name.to_owned());
                refusal.into_response()
            }
        };
        if let Some(limit) = self.0.options.rate_limit_per_second {
            let used = lock(&self.0.admitted).count(Instant::now());
            let left = u64::from(limit).saturating_sub(used as u64);
            let headers = response.headers_mut();
            headers.insert("ratelimit-limit", limit.into());
            headers.insert("ratelimit-remaining", left.into());
            headers.insert("ratelimit-reset", 1.into());
        }
        response
    }

    /// The checks that come before the body's.
    fn admit(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        // Refused by the vendor's edge, not by the API: «Introduction», «User-Agent».
        if headers.get(header::USER_AGENT).is_none_or(HeaderValue::is_empty) {
            return Err(Refusal::no_user_agent());
        }
        let authorization = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let Some(key) = authorization.and_then(|value| value.strip_prefix("Bearer ")) else {
            return Err(Refusal::new(
                401,
                "missing_api_key",
                "Missing API key in the authorization header.",
            ));
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

    /// Both POSTs: `single` says which of the two.
    async fn take(
        &self,
        single: bool,
        headers: &HeaderMap,
        body: &[u8],
        delay: Option<Delay>,
    ) -> Result<Value, Refusal> {
        self.admit(headers)?;
        let key = rules::idempotency_key(headers)?;
        if key.is_none() {
            self.0.desk.without_idempotency_key();
        }
        let drafts = rules::parse(single, headers, body, self.0.options.reject_example_domains)?;
        if let Some(key) = &key {
            match self.0.keys.claim(key, single, body)? {
                Claim::New => {}
                Claim::Replay(answer) => {
                    self.0
                        .desk
                        .replayed("idempotency key replayed, nothing sent".to_owned());
                    return Ok(answer);
                }
            }
        }
        if let Some(Delay(delay)) = delay {
            tokio::time::sleep(delay).await;
        }
        let ids: Vec<Value> = drafts
            .into_iter()
            .map(|draft| self.accept(draft, key.clone()))
            .collect();
        let answer = if single {
            ids.into_iter().next().unwrap_or_default()
        } else {
            json!({ "data": ids })
        };
        if let Some(key) = key {
            self.0.keys.finish(key, single, body, answer.clone());
        }
        Ok(answer)
    }

    fn accept(&self, draft: rules::Draft, key: Option<String>) -> Value {
        let email = draft.into_sent(Uuid::now_v7(), Timestamp::now(), key);
        let (id, short) = (email.id.to_string(), email.id.simple().to_string());
        // The end of a UUIDv7 tells neighbours apart, its start is the time.
        let summary = format!("e-mail accepted …{} «{}»", &short[24..], email.subject);
        self.0.desk.accept(email, summary);
        json!({ "id": id })
    }

    /// The checks before anything but a send.
    fn admit_to_read(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        self.admit(headers)?;
        if self.0.options.sending_access {
            let message = "This API key is restricted to only send emails";
            return Err(Refusal::new(401, "restricted_api_key", message));
        }
        Ok(())
    }

    fn find(&self, headers: &HeaderMap, id: &str) -> Result<Value, Refusal> {
        self.admit_to_read(headers)?;
        let id: Uuid = id
            .parse()
            .map_err(|_| Refusal::new(422, "invalid_parameter", "The parameter must be a valid UUID."))?;
        let found = self
            .0
            .desk
            .select(|email| (email.id == id).then(|| answer::stored_email(email)));
        found
            .into_iter()
            .next()
            .ok_or_else(|| Refusal::new(404, "not_found", "Email not found"))
    }
}

async fn send(
    State(resend): State<Resend>,
    delay: Option<Extension<Delay>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let outcome = resend
        .take(true, &headers, &body, delay.map(|Extension(delay)| delay))
        .await;
    resend.answer(outcome)
}

async fn send_batch(
    State(resend): State<Resend>,
    delay: Option<Extension<Delay>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let outcome = resend
        .take(false, &headers, &body, delay.map(|Extension(delay)| delay))
        .await;
    resend.answer(outcome)
}

async fn retrieve(State(resend): State<Resend>, headers: HeaderMap, Path(id): Path<String>) -> Response {
    resend.answer(resend.find(&headers, &id))
}

async fn list_domains(State(resend): State<Resend>, headers: HeaderMap) -> Response {
    let list = || answer::domains(&resend.0.options.domains);
    resend.answer(resend.admit_to_read(&headers).map(|()| list()))
}

async fn method_not_allowed(State(resend): State<Resend>, method: Method) -> Response {
    let message = format!("Method {method} is not allowed for this endpoint.");
    resend.answer(Err(Refusal::new(405, "method_not_allowed", message)))
}

async fn not_found(State(resend): State<Resend>, uri: Uri) -> Response {
    let message = format!("The endpoint {} does not exist.", uri.path());
    resend.answer(Err(Refusal::new(404, "not_found", message)))
}
