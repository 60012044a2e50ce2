//! Cloudflare Turnstile: `POST /turnstile/v0/siteverify`.
//!
//! Source: cloudflare-docs, Turnstile, «Validate the token». A token counts once; the same question, by its
//! `idempotency_key`, gets the same answer again.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{header, request::Parts},
    response::{IntoResponse, Response},
    routing::post,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    control::{Control, Delay, Stats, http_status},
    faults::Faults,
    lock,
};

const TOKEN_MAX_CHARS: usize = 2048;
const TOKEN_LIFETIME: SignedDuration = SignedDuration::from_mins(5);

/// Where and for what a widget was solved.
#[derive(Debug, Clone)]
struct Token {
    hostname: String,
    action: String,
    solved_at: Timestamp,
    /// By which question it was used.
    used_by: Option<Uuid>,
}

#[derive(Debug, Clone)]
pub struct Turnstile(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    secret_key: String,
    tokens: Mutex<BTreeMap<String, Token>>,
    /// The tokens that were confirmed, each once.
    control: Arc<Control<Vec<String>>>,
}

impl Turnstile {
    pub fn new(secret_key: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            secret_key: secret_key.into(),
            tokens: Mutex::default(),
            control: Arc::new(Control::new(error_answer)),
        }))
    }

    pub fn router(&self) -> Router {
        let vendor = Router::new()
            .route("/turnstile/v0/siteverify", post(verify))
            .with_state(self.clone());
        self.0.control.router(vendor)
    }

    /// What the widget hands to a page on this host.
    pub fn solve(&self, hostname: &str, action: &str) -> String {
        self.solved_at(hostname, action, Timestamp::now())
    }

    pub fn solved_at(&self, hostname: &str, action: &str, solved_at: Timestamp) -> String {
        let name = format!("0.{}", Uuid::new_v4().simple());
        let token = Token {
            hostname: hostname.to_owned(),
            action: action.to_owned(),
            solved_at,
            used_by: None,
        };
        lock(&self.0.tokens).insert(name.clone(), token);
        name
    }

    pub fn confirmed(&self) -> Vec<String> {
        self.0.control.sent()
    }

    pub fn stats(&self) -> Stats {
        self.0.control.stats()
    }

    pub fn faults(&self) -> &Faults {
        &self.0.control.faults
    }

    fn check(&self, question: &Map<String, Value>) -> Result<Token, &'static str> {
        let text = |name: &str| question.get(name).and_then(Value::as_str).unwrap_or_default();
        let known = ["secret", "response", "remoteip", "idempotency_key"];
        if question.keys().any(|name| !known.contains(&name.as_str())) {
            return Err("bad-request");
        }
        match text("secret") {
            "" => return Err("missing-input-secret"),
            secret if secret != self.0.secret_key => return Err("invalid-input-secret"),
            _ => {}
        }
        // Cloudflare calls it optional; without it a repetition would be a second use.
        let key: Uuid = text("idempotency_key").parse().map_err(|_| "bad-request")?;
        let response = text("response");
        if response.is_empty() {
            return Err("missing-input-response");
        }
        let mut tokens = lock(&self.0.tokens);
        let token = tokens
            .get_mut(response)
            .filter(|_| response.len() <= TOKEN_MAX_CHARS);
        let token = token.ok_or("invalid-input-response")?;
        match token.used_by {
            Some(by) if by == key => self.0.control.count(|stats| stats.replayed += 1),
            None if Timestamp::now().duration_since(token.solved_at) < TOKEN_LIFETIME => {
                token.used_by = Some(key);
                self.0.control.accept(response.to_owned());
            }
            _ => return Err("timeout-or-duplicate"),
        }
        Ok(token.clone())
    }
}

async fn verify(State(turnstile): State<Turnstile>, request: Parts, body: Bytes) -> Response {
    Delay::wait(&request.extensions).await;
    let is_json = request
        .headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
    let question: Map<String, Value> = if is_json {
        serde_json::from_slice(&body).unwrap_or_default()
    } else {
        let pairs = url::form_urlencoded::parse(&body);
        pairs
            .map(|(name, value)| (name.into(), Value::from(value)))
            .collect()
    };
    match turnstile.check(&question) {
        Ok(token) => {
            let answer = json!({
                "success": true,
                "challenge_ts": token.solved_at.to_string(),
                "hostname": token.hostname,
                "error-codes": [],
                "action": token.action,
                "cdata": "",
            });
            Json(answer).into_response()
        }
        Err(code) => {
            turnstile.0.control.refused(code);
            Json(json!({"success": false, "error-codes": [code]})).into_response()
        }
    }
}

fn error_answer(status: u16, name: Option<&str>, _retry_after: Option<u64>) -> Response {
    let code = name.unwrap_or("internal-error");
    let status = http_status(status);
    (status, Json(json!({"success": false, "error-codes": [code]}))).into_response()
}
