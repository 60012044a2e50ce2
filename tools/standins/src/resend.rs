//! Resend: `POST /emails`, `POST /emails/batch`, `GET /emails/{id}`, `GET /domains`, `POST /suppressions/batch/add`, and its
//! webhooks.
//!
//! Sources: resend-openapi `resend.yaml` v1.5.0, and the pages «Introduction», «Errors», «Idempotency keys» and
//! «Usage limits» of the vendor's API reference.

mod answer;
mod events;
mod idempotency;
mod rules;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header, request::Parts},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

pub use self::events::{Bounce, MailEvent};
pub use self::rules::Tag;
use self::{
    answer::{Refusal, error_answer},
    idempotency::{Claim, Keys},
};
use super::{
    control::{Control, Delay, Stats},
    faults::Faults,
    hooks::{HookStats, Hooks, Webhook},
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
    /// Signing secrets of its webhooks, `whsec_…`; two while one replaces another.
    pub webhook_secrets: Vec<String>,
}

impl ResendOptions {
    /// `api_key` with full access, one verified domain, no rate limit.
    pub fn new(api_key: impl Into<String>) -> Self {
        Self {
            api_key: api_key.into(),
            rate_limit_per_second: None,
            domains: vec![("onai.academy".to_owned(), "verified".to_owned())],
            sending_access: false,
            webhook_secrets: Vec::new(),
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
    /// Headers of the e-mail itself, by name.
    pub headers: BTreeMap<String, String>,
}

#[derive(Debug, Clone)]
pub struct Resend(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    options: ResendOptions,
    control: Arc<Control<Vec<SentEmail>>>,
    keys: Keys,
    admitted: Mutex<Meter>,
    /// The last event of e-mails to which something has happened.
    last_events: Mutex<HashMap<Uuid, MailEvent>>,
    suppressed: Mutex<BTreeSet<String>>,
    hooks: Arc<Hooks>,
    /// Whether the next webhook has its tags as a list.
    tags_as_list: AtomicBool,
}

/// Svix waits so long for an answer.
const ANSWERED_WITHIN: Duration = Duration::from_secs(15);
/// Source: «Retries and replays».
const PAUSES_SECONDS: [u64; 7] = [5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 10 * 3600];

impl Resend {
    pub fn new(options: ResendOptions) -> Self {
        Self(Arc::new(Inner {
            options,
            control: Arc::new(Control::new(error_answer)),
            keys: Keys::default(),
            admitted: Mutex::default(),
            last_events: Mutex::default(),
            suppressed: Mutex::default(),
            hooks: Arc::new(Hooks::new(
                ANSWERED_WITHIN,
                PAUSES_SECONDS.map(Duration::from_secs).to_vec(),
            )),
            tags_as_list: AtomicBool::new(false),
        }))
    }

    pub fn router(&self) -> Router {
        let vendor = Router::new()
            .route("/emails", post(send))
            .route("/emails/batch", post(send))
            .route("/emails/{id}", get(retrieve))
            .route("/domains", get(list_domains))
            .route("/suppressions/batch/add", post(suppress))
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

    /// From now on its webhooks go there, and something happens to each e-mail a second after it was taken: it is delivered,
    /// or what its address says (`bounced@`, `soft@`, `complained@`, `suppressed@`, `delayed@`, `lost@`, each also with a label).
    pub fn report_to(&self, url: impl Into<String>) {
        self.0.hooks.send_to(Some(url.into()));
    }

    pub fn hook_stats(&self) -> HookStats {
        self.0.hooks.stats()
    }

    /// Something happens to an e-mail, and nobody is told: the webhook that tells of it is the caller's. `None` for an unknown
    /// id.
    pub fn happens(&self, id: Uuid, event: MailEvent) -> Option<Webhook> {
        let email = self.find_email(id)?;
        lock(&self.0.last_events).insert(id, event);
        Some(self.webhook(&email, event)(1))
    }

    /// The same, and the webhook goes its way.
    pub fn tell(&self, id: Uuid, event: MailEvent) -> bool {
        let Some(email) = self.find_email(id) else {
            return false;
        };
        lock(&self.0.last_events).insert(id, event);
        self.0.hooks.send(Duration::ZERO, self.webhook(&email, event));
        true
    }

    /// A webhook of its own with any body.
    pub fn signed(&self, body: &str) -> Webhook {
        let id = format!("msg_{}", Uuid::new_v4().simple());
        events::signed(&self.0.options.webhook_secrets, &id, Timestamp::now(), body)
    }

    /// Addresses on the account's own list.
    pub fn suppressed(&self) -> BTreeSet<String> {
        lock(&self.0.suppressed).clone()
    }

    fn find_email(&self, id: Uuid) -> Option<SentEmail> {
        let found = self
            .0
            .control
            .select(|email| (email.id == id).then(|| email.clone()));
        found.into_iter().next()
    }

    /// Each try has the same id and a time of its own.
    fn webhook(
        &self,
        email: &SentEmail,
        event: MailEvent,
    ) -> impl Fn(u32) -> Webhook + Send + Sync + 'static {
        let body = events::body(
            email,
            event,
            self.0.tags_as_list.fetch_xor(true, Ordering::Relaxed),
        );
        let id = format!("msg_{}", Uuid::new_v4().simple());
        let secrets = self.0.options.webhook_secrets.clone();
        move |_| events::signed(&secrets, &id, Timestamp::now(), &body)
    }

    fn begin_course(&self, email: &SentEmail) {
        if !self.0.hooks.is_on() {
            return;
        }
        let is_suppressed = email.to.iter().any(|to| lock(&self.0.suppressed).contains(to));
        for (after, event, is_told) in events::course(email, is_suppressed) {
            if is_told {
                self.0.hooks.send(after, self.webhook(email, event));
            }
            let (resend, id) = (Arc::downgrade(&self.0), email.id);
            tokio::spawn(async move {
                tokio::time::sleep(after).await;
                if let Some(resend) = resend.upgrade() {
                    lock(&resend.last_events).insert(id, event);
                }
            });
        }
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

    /// For all but sending.
    fn admit_fully(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        self.admit(headers)?;
        if self.0.options.sending_access {
            let message = "This API key is restricted to only send emails";
            return Err(Refusal::new(401, "restricted_api_key", message));
        }
        Ok(())
    }

    fn list_domains(&self, headers: &HeaderMap) -> Result<Value, Refusal> {
        self.admit_fully(headers)?;
        Ok(answer::domains(&self.0.options.domains))
    }

    fn retrieve(&self, headers: &HeaderMap, id: &str) -> Result<Value, Refusal> {
        self.admit_fully(headers)?;
        let id: Uuid = id
            .parse()
            .map_err(|_| Refusal::new(422, "validation_error", "The `id` must be a valid UUID."))?;
        let found = self.find_email(id);
        let email = found.ok_or_else(|| Refusal::new(404, "not_found", "Email not found"))?;
        let event = lock(&self.0.last_events).get(&id).copied();
        Ok(answer::email(&email, event.unwrap_or(MailEvent::Sent).word()))
    }

    fn suppress(&self, headers: &HeaderMap, body: &[u8]) -> Result<Value, Refusal> {
        self.admit_fully(headers)?;
        let emails = rules::suppressions(headers, body)?;
        let answer = answer::suppressions(emails.len());
        lock(&self.0.suppressed).extend(emails);
        Ok(answer)
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
            self.begin_course(&email);
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

async fn retrieve(State(resend): State<Resend>, headers: HeaderMap, Path(id): Path<String>) -> Response {
    resend.answer(resend.retrieve(&headers, &id))
}

async fn suppress(State(resend): State<Resend>, request: Parts, body: Bytes) -> Response {
    Delay::wait(&request.extensions).await;
    let mut response = resend.answer(resend.suppress(&request.headers, &body));
    if response.status().is_success() {
        *response.status_mut() = StatusCode::CREATED;
    }
    response
}

/// Also for a wrong method, which the vendor answers 405.
async fn not_found(State(resend): State<Resend>, uri: Uri) -> Response {
    let message = format!("The endpoint {} does not exist.", uri.path());
    resend.answer(Err(Refusal::new(404, "not_found", message)))
}
