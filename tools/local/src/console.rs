//! The console: the inbox, the leads and their stories, and the buttons that break a vendor.

mod rows;

use axum::Json;
use axum::Router;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use harness::log::Log;
use proftest::domain::ids::LeadId;
use proftest::domain::message::ucs2_units;
use proftest::store::{Store, StoreError};
use serde::Deserialize;
use serde_json::{Value, json};
use standins::browser::names_this_machine;
use standins::{AmoCrm, Fault, Faults, MailEvent, Mobizon, Resend, STATUSES};
use std::sync::Arc;
use std::time::Duration;

/// The page may load and call nothing but itself.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
     img-src 'self' data:; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
/// An e-mail styles itself inline and runs nothing.
const EMAIL_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data: https:; \
     frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox";
const LIST_MAX: u16 = 500;

#[derive(Clone)]
pub struct Console {
    pub gateway: String,
    pub delay: Duration,
    pub store: Store,
    /// The e-mail stand-in; `None` when another address was given.
    pub resend: Option<Resend>,
    /// The SMS stand-in; `None` when another address was given.
    pub mobizon: Option<Mobizon>,
    /// The CRM stand-in; `None` when another address was given.
    pub amocrm: Option<AmoCrm>,
    pub log: Log,
    pub http: reqwest::Client,
}

type Shared = State<Arc<Console>>;

pub fn router(console: Console) -> Router {
    let mut router = Router::new()
        .route("/api/state", get(state))
        .route("/api/inbox", get(inbox))
        .route("/api/emails/{id}/html", get(email_html))
        .route("/api/leads", get(leads))
        .route("/api/leads/{id}", get(lead))
        .route("/api/sample-lead", post(sample_lead))
        .route("/api/vendors/{key}/faults", post(add_fault).delete(clear_faults))
        .route("/api/vendors/{key}/reports", post(report));
    for (path, content_type, content) in PAGE {
        router = router.route(path, get(move || async move { page(content_type, content) }));
    }
    router
        .layer(middleware::from_fn(only_this_machine))
        .with_state(Arc::new(console))
}

macro_rules! file {
    ($name:literal, $content_type:literal) => {
        (
            concat!("/", $name),
            $content_type,
            include_str!(concat!("../console/", $name)),
        )
    };
}

const INDEX: &str = include_str!("../console/index.html");
const PAGE: [(&str, &str, &str); 9] = [
    ("/", "text/html; charset=utf-8", INDEX),
    file!("console.css", "text/css; charset=utf-8"),
    file!("panels.css", "text/css; charset=utf-8"),
    file!("console.js", "text/javascript; charset=utf-8"),
    file!("api.js", "text/javascript; charset=utf-8"),
    file!("dom.js", "text/javascript; charset=utf-8"),
    file!("inbox.js", "text/javascript; charset=utf-8"),
    file!("leads.js", "text/javascript; charset=utf-8"),
    file!("stack.js", "text/javascript; charset=utf-8"),
];

fn page(content_type: &'static str, content: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_SECURITY_POLICY, PAGE_POLICY),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, content).into_response()
}

/// Refuses what another site makes a browser send here (DNS rebinding, cross-site posts).
async fn only_this_machine(request: Request, next: Next) -> Response {
    if !is_own(request.headers()) {
        return (
            StatusCode::FORBIDDEN,
            "the console answers only its own page on this machine\n",
        )
            .into_response();
    }
    next.run(request).await
}

fn is_own(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(header::HOST);
    let own_origin = text(header::ORIGIN).is_none_or(|origin| origin.strip_prefix("http://") == host);
    names_this_machine(headers) && own_origin
}

struct Failure(StatusCode, String);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"error": self.1}))).into_response()
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self(StatusCode::SERVICE_UNAVAILABLE, proftest::failure::chain(&error))
    }
}

async fn state(State(console): Shared) -> Result<Json<Value>, Failure> {
    let mut counts = rows::totals(&console.store).await?;
    counts["emails"] = json!(console.resend.as_ref().map_or(0, |resend| resend.sent().len()));
    counts["sms"] = json!(console.mobizon.as_ref().map_or(0, |mobizon| mobizon.sent().len()));
    let mut vendors = Vec::new();
    let mut vendor = |name, key, faults: &Faults, stats| {
        vendors.push(json!({"name": name, "key": key, "faults": faults.list(), "stats": stats}));
    };
    if let Some(resend) = &console.resend {
        vendor("Resend", "resend", resend.faults(), resend.stats());
    }
    if let Some(mobizon) = &console.mobizon {
        vendor("Mobizon", "mobizon", mobizon.faults(), mobizon.stats());
    }
    let mut crm = json!({"available": false, "stages": []});
    if let Some(amocrm) = &console.amocrm {
        vendor("amoCRM", "amocrm", amocrm.faults(), amocrm.stats());
        crm = json!({"available": true, "stages": amocrm.board()});
    }
    Ok(Json(json!({
        "gateway": console.gateway,
        "delay_seconds": console.delay.as_secs_f64(),
        "counts": counts,
        "vendors": vendors,
        "crm": crm,
        "steps": console.log.list(),
    })))
}

#[derive(Deserialize)]
struct ListQuery {
    #[serde(default)]
    q: String,
    limit: Option<u16>,
}

impl ListQuery {
    fn limit(&self) -> u16 {
        self.limit.unwrap_or(100).min(LIST_MAX)
    }
}

async fn inbox(State(console): Shared, Query(query): Query<ListQuery>) -> Json<Value> {
    let limit = usize::from(query.limit());
    let emails = console.resend.as_ref().map(Resend::sent).unwrap_or_default();
    let emails = emails.iter().rev().take(limit).map(|email| {
        json!({"id": email.id, "at": format!("{:.3}", email.accepted_at), "to": email.to.join(", "),
               "from": email.from, "subject": email.subject, "text": email.text,
               "idempotency_key": email.idempotency_key, "headers": email.headers})
    });
    let emails: Vec<Value> = emails.collect();
    let sms = console.mobizon.as_ref().map(Mobizon::sent).unwrap_or_default();
    let sms = sms.iter().rev().take(limit).map(|sms| {
        json!({"id": sms.message_id, "at": format!("{:.3}", sms.accepted_at), "to": sms.recipient,
               "from": sms.from, "text": sms.text, "units": ucs2_units(&sms.text)})
    });
    Json(json!({"emails": emails, "sms": sms.collect::<Vec<Value>>()}))
}

async fn email_html(State(console): Shared, Path(id): Path<String>) -> Result<Response, Failure> {
    let missing = || Failure(StatusCode::NOT_FOUND, "no such e-mail".to_owned());
    let emails = console.resend.as_ref().map(Resend::sent).unwrap_or_default();
    let email = emails
        .into_iter()
        .rev()
        .find(|email| email.id.to_string() == id)
        .ok_or_else(missing)?;
    let html = email.html.or(email.text).unwrap_or_default();
    // Links open in a new tab, not inside the console's frame.
    let html = html.replacen("<head>", r#"<head><base target="_blank">"#, 1);
    let headers = [
        (header::CONTENT_SECURITY_POLICY, EMAIL_POLICY),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, Html(html)).into_response())
}

async fn leads(State(console): Shared, Query(query): Query<ListQuery>) -> Result<Json<Value>, Failure> {
    Ok(Json(
        rows::leads(&console.store, query.q.trim(), query.limit()).await?,
    ))
}

async fn lead(State(console): Shared, Path(id): Path<String>) -> Result<Json<Value>, Failure> {
    let missing = || Failure(StatusCode::NOT_FOUND, "no such lead".to_owned());
    let id = LeadId::parse(&id).ok_or_else(missing)?;
    rows::lead_story(&console.store, id)
        .await?
        .map(Json)
        .ok_or_else(missing)
}

/// Posts a lead through the gateway, as the page would; without a body, a sample.
async fn sample_lead(State(console): Shared, body: axum::body::Bytes) -> Result<Json<Value>, Failure> {
    let unavailable = |error: String| Failure(StatusCode::BAD_GATEWAY, error);
    let lead = if body.is_empty() {
        sample()
    } else {
        serde_json::from_slice(&body).unwrap_or_default()
    };
    let url = format!("{}/api/landing/proftest", console.gateway);
    let answer = console.http.post(url).json(&lead).send().await;
    let answer = answer.map_err(|error| unavailable(error.to_string()))?;
    let status = answer.status();
    let body: Value = answer
        .json()
        .await
        .map_err(|error| unavailable(error.to_string()))?;
    if status.is_success() {
        return Ok(Json(body));
    }
    let mut error = body["error"].as_str().unwrap_or("the gateway refused").to_owned();
    if let Some(fields) = body["fields"].as_object() {
        let wrong =
            |(name, what): (&String, &Value)| format!("{name}: {}", what.as_str().unwrap_or_default());
        let wrong: Vec<String> = fields.iter().map(wrong).collect();
        error = format!("{error} ({})", wrong.join("; "));
    }
    Err(Failure(status, error))
}

fn sample() -> Value {
    let number = jiff::Timestamp::now().as_millisecond() % 10_000_000;
    json!({
        "name": "Айгерим Тест",
        "email": format!("sample{number}@example.com"),
        "phone": format!("+7701{number:07}"),
        "campaignSlug": "console",
        "answers": [0, 3, 1, 2, 0, 1, 3, 2, 1, 0, 2, 3],
        "utmParams": {"utm_source": "console", "utm_campaign": "sample"},
    })
}

fn faults<'a>(console: &'a Console, key: &str) -> Result<&'a Faults, Failure> {
    let found = match key {
        "resend" => console.resend.as_ref().map(Resend::faults),
        "mobizon" => console.mobizon.as_ref().map(Mobizon::faults),
        "amocrm" => console.amocrm.as_ref().map(AmoCrm::faults),
        _ => None,
    };
    found.ok_or_else(|| Failure(StatusCode::NOT_FOUND, "no such stand-in runs here".to_owned()))
}

async fn add_fault(
    State(console): Shared,
    Path(key): Path<String>,
    body: axum::body::Bytes,
) -> Result<StatusCode, Failure> {
    let fault = Fault::from_json(&body).map_err(|error| Failure(StatusCode::BAD_REQUEST, error))?;
    faults(&console, &key)?.add(fault);
    console
        .log
        .add(None, format!("console: {key} is broken on purpose"));
    Ok(StatusCode::NO_CONTENT)
}

/// What is to become of a message: `{"id": "…", "event": "bounced"}`, or a status of Mobizon's.
#[derive(Deserialize)]
struct Report {
    id: String,
    event: String,
}

async fn report(
    State(console): Shared,
    Path(key): Path<String>,
    Json(report): Json<Report>,
) -> Result<StatusCode, Failure> {
    let is_told = match key.as_str() {
        "resend" => console
            .resend
            .as_ref()
            .and_then(|resend| Some(resend.tell(report.id.parse().ok()?, MailEvent::parse(&report.event)?))),
        "mobizon" => console.mobizon.as_ref().and_then(|mobizon| {
            let status = STATUSES.into_iter().find(|status| *status == report.event)?;
            Some(mobizon.tell(report.id.parse().ok()?, status))
        }),
        _ => None,
    };
    match is_told {
        Some(true) => {
            console
                .log
                .add(None, format!("console: {key} reports {}", report.event));
            Ok(StatusCode::NO_CONTENT)
        }
        _ => Err(Failure(
            StatusCode::NOT_FOUND,
            "no such message or event".to_owned(),
        )),
    }
}

async fn clear_faults(State(console): Shared, Path(key): Path<String>) -> Result<StatusCode, Failure> {
    faults(&console, &key)?.clear();
    console.log.add(None, format!("console: {key} works again"));
    Ok(StatusCode::NO_CONTENT)
}
