//! The page as it is served, beside an API that answers as the test wants.

use crate::campaigns::{self, Campaigns};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use lambda_http::RequestExt as _;
use proftest::domain::guard::{Challenge, GuardKey, Proof, Ticket};
use proftest::domain::ids::SubmissionId;
use proftest::domain::quiz;
use secrecy::SecretString;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// What the API has been sent, and how it answers.
#[derive(Default)]
pub struct Api {
    /// So many posts are answered 503 before one is taken.
    pub failures: usize,
    /// The field to refuse the next post for, with its sentence.
    pub refusal: Option<(&'static str, &'static str)>,
    /// Every post's body, in order.
    pub posts: Vec<Value>,
    /// The bodies of the posts that were answered 200.
    pub saved: Vec<Value>,
    /// Whether those are asked for a proof.
    pub challenges: bool,
    /// Turnstile's site key, which the challenge then carries.
    pub site_key: Option<&'static str>,
    /// Tokens of Turnstile that do not count.
    pub used_tokens: Vec<&'static str>,
    /// Whether no ticket is given, and every proof answered 503.
    pub is_down: bool,
    /// Every proof's body, in order.
    pub proofs: Vec<Value>,
    /// The submissions whose challenge is solved.
    pub proved: Vec<SubmissionId>,
}

pub fn guard_key() -> GuardKey {
    GuardKey::new(&SecretString::from("0".repeat(32))).unwrap()
}

pub fn now() -> Duration {
    SystemTime::UNIX_EPOCH.elapsed().unwrap()
}

/// A running site; it stops with the test's runtime.
pub struct Site {
    /// `http://127.0.0.1:<port>`.
    pub url: String,
    api: Arc<Mutex<Api>>,
}

impl Site {
    /// Serves on a free port of loopback.
    pub async fn start() -> Self {
        let api = Arc::new(Mutex::new(Api::default()));
        let router = Router::new()
            .route("/api/landing/proftest", post(take))
            .route("/api/landing/challenge", get(ticket).post(prove))
            .route("/proftest/pixels", get(serve_pixels))
            .fallback(serve)
            .with_state(Arc::clone(&api));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, api }
    }

    /// Reads or changes the API.
    pub fn api<T>(&self, with: impl FnOnce(&mut Api) -> T) -> T {
        with(&mut self.api.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A campaign with both pixels, as `build.rs` would make it. (None is configured in the project's own file.)
async fn serve_pixels() -> Response {
    let request = lambda_http::Request::default().with_raw_http_path("/proftest");
    let page = page::handle(&request);
    let file = "public_url = \"https://a.kz\"\npolicy_url = \"https://a.kz\"\n[campaigns.a]\nmeta = \"123456789012345\"\nyandex = \"12345678\"";
    let campaigns = Campaigns::read(file).unwrap();
    let campaign = &campaigns.listed["a"];
    let html = String::from_utf8(page.body().to_vec()).unwrap();
    let send = "<p class=\"act\"><button type=\"submit\"";
    let html = html
        .replacen(
            "<html lang=\"ru\"",
            &format!("<html lang=\"ru\"{}", campaign.attributes()),
            1,
        )
        .replacen("/proftest/privacy", campaign.policy_url(&campaigns.policy_url), 1)
        .replacen(send, &format!("{}{send}", campaign.tick()), 1);
    let own = page.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    let hashes = |directive: &str| {
        let sources = own
            .split("; ")
            .find_map(|part| part.strip_prefix(directive))
            .unwrap();
        sources.replace("'self'", "").trim().to_owned()
    };
    let policy = campaigns::policy(Some(campaign), &hashes("script-src "), &hashes("style-src "));
    (
        [(header::CONTENT_SECURITY_POLICY, policy)],
        axum::response::Html(html),
    )
        .into_response()
}

async fn serve(request: Request<axum::body::Body>) -> Response {
    let (parts, _) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let request = lambda_http::Request::from_parts(parts, lambda_http::Body::Empty).with_raw_http_path(&path);
    let (parts, body) = page::handle(&request).into_parts();
    Response::from_parts(parts, axum::body::Body::from(body.to_vec()))
}

async fn take(State(api): State<Arc<Mutex<Api>>>, body: Bytes) -> Response {
    // A slow database: a second press must meet the first one's request under way.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut api = api.lock().unwrap_or_else(PoisonError::into_inner);
    let lead: Value = serde_json::from_slice(&body).unwrap_or_default();
    api.posts.push(lead.clone());
    if api.failures > 0 {
        api.failures -= 1;
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            [(header::RETRY_AFTER, "1")],
            "{}",
        )
            .into_response();
    }
    if let Some((field, sentence)) = api.refusal.take() {
        let refused = json!({"success": false, "error": sentence, "fields": {field: sentence}});
        return (StatusCode::BAD_REQUEST, axum::Json(refused)).into_response();
    }
    api.saved.push(lead.clone());
    let mut answer = json!({"success": true, "leadId": "019aab2e-7c40-7d1e-9f3a-5b6c7d8e9f01"});
    answer["result"] = json!(result(&lead));
    if api.challenges {
        let expires = now() + Duration::from_mins(10);
        answer["challenge"] = json!(Challenge::issue(&guard_key(), SubmissionId::new(), expires));
        answer["siteKey"] = json!(api.site_key);
    }
    axum::Json(answer).into_response()
}

async fn ticket(State(api): State<Arc<Mutex<Api>>>) -> Response {
    if api.lock().unwrap_or_else(PoisonError::into_inner).is_down {
        return (StatusCode::SERVICE_UNAVAILABLE, "{}").into_response();
    }
    axum::Json(json!({"ticket": Ticket::issue(&guard_key(), now())})).into_response()
}

async fn prove(State(api): State<Arc<Mutex<Api>>>, body: Bytes) -> Response {
    let mut api = api.lock().unwrap_or_else(PoisonError::into_inner);
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    api.proofs.push(body.clone());
    let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
    let proof = Proof {
        challenge: text("challenge"),
        nonce: text("nonce"),
    };
    let token = text("turnstile");
    let is_used = api.used_tokens.contains(&token.as_str()) || api.site_key.is_some() && token.is_empty();
    match proof.check(&guard_key(), now()) {
        _ if api.is_down => (StatusCode::SERVICE_UNAVAILABLE, "{}").into_response(),
        Ok(_) if is_used => {
            let refused = json!({"success": false, "error": "ещё раз", "fields": {"turnstile": "ещё раз"}});
            (StatusCode::BAD_REQUEST, axum::Json(refused)).into_response()
        }
        Ok(submission) => {
            api.proved.push(submission);
            axum::Json(json!({"success": true})).into_response()
        }
        Err(_) => (StatusCode::BAD_REQUEST, "{\"success\":false}").into_response(),
    }
}

/// As intake answers it.
pub fn result(lead: &Value) -> Option<Value> {
    let answers = lead["answers"].as_array()?.iter();
    let answers: Vec<usize> = answers
        .filter_map(|at| usize::try_from(at.as_u64()?).ok())
        .collect();
    let result = quiz::score(&answers)?;
    let told = result.texts();
    let types = result.types().into_iter().zip(&told.types);
    let types: Vec<Value> = types
        .map(|(kind, texts)| json!({"letter": kind.letter(), "title": texts.title, "meaning": texts.meaning}))
        .collect();
    Some(json!({"types": types, "professions": told.professions, "firstStep": told.first_step}))
}
