//! Mobizon: `message/sendsmsmessage`, `message/list`, `message/getsmsstatus`, `user/getownbalance`, `alphaname/list`, by POST
//! and in lower case; and its webhooks.
//!
//! Source: mobizon/mobizon-api-docs, `src/v1/en`; for `alphaname/list`, which these leave out, the answer that
//! gberikov/Mobizon.Net recorded from the live API on 2026-06-24. Every answer has HTTP status 200 and says by `code`
//! what became of the request.

mod answer;
mod reports;
mod rules;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{Method, StatusCode, request::Parts},
    response::{Html, IntoResponse, Response},
};
use jiff::Timestamp;
use serde_json::{Value, json};

pub use self::reports::{HookForm, STATUSES};
use self::{
    answer::{Ids, Refusal, error_answer, success},
    rules::{Message, Params, Search},
};
use super::{
    control::{Control, Delay, Stats},
    faults::Faults,
    hooks::{HookStats, Hooks, Webhook},
    lock,
};

#[derive(Debug, Clone)]
pub struct MobizonOptions {
    pub api_key: String,
    /// Registered sender IDs; empty: any `from` will do.
    pub senders: Vec<String>,
    /// How long after it was accepted a message appears in `message/list`.
    pub list_lag: Duration,
    /// `message/list` ignores `criteria[text]`. The pages let it compare with the text of the *campaign*, in which
    /// placeholders may stand; a client must work without it.
    pub deaf_to_text: bool,
    /// The account's money, in tenge. It never falls: what a message costs is not published.
    pub balance: String,
    /// Of its webhook.
    pub webhook_secret: String,
    pub webhook_form: HookForm,
}

impl MobizonOptions {
    /// Any sender, listing at once.
    pub fn new(api_key: impl Into<String>) -> Self {
        Self {
            api_key: api_key.into(),
            senders: Vec::new(),
            list_lag: Duration::ZERO,
            deaf_to_text: false,
            balance: "190.4280".to_owned(),
            webhook_secret: String::new(),
            webhook_form: HookForm::Json,
        }
    }
}

#[derive(Debug, Clone)]
pub struct SentSms {
    pub message_id: i64,
    pub campaign_id: i64,
    pub accepted_at: Timestamp,
    /// Recipient, digits only.
    pub recipient: String,
    pub text: String,
    /// Sender ID; `None`: the account's default.
    pub from: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Mobizon(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    options: MobizonOptions,
    control: Arc<Control<Vec<SentSms>>>,
    last_id: AtomicI64,
    ids: Ids,
    /// Of messages to which something has happened.
    states: Mutex<HashMap<i64, &'static str>>,
    hooks: Arc<Hooks>,
    last_event: AtomicI64,
}

/// Source: `_webhooks/04-specifics.md`. The first pause is a guess: «increases by 1 minute with each new attempt».
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);
const ATTEMPTS: u64 = 10;

/// Ids begin where no row number or test constant is likely to be mistaken for one.
const FIRST_ID: i64 = 70_000_001;

impl Mobizon {
    pub fn new(options: MobizonOptions) -> Self {
        Self(Arc::new(Inner {
            options,
            control: Arc::new(Control::new(error_answer)),
            last_id: AtomicI64::new(FIRST_ID),
            ids: Ids::default(),
            states: Mutex::default(),
            hooks: Arc::new(Hooks::new(
                ANSWERED_WITHIN,
                (1..ATTEMPTS)
                    .map(|minutes| Duration::from_secs(60 * minutes))
                    .collect(),
            )),
            last_event: AtomicI64::new(1),
        }))
    }

    pub fn router(&self) -> Router {
        let vendor = Router::new().fallback(service).with_state(self.clone());
        self.0.control.router(vendor)
    }

    pub fn sent(&self) -> Vec<SentSms> {
        self.0.control.sent()
    }

    /// Puts a message in that others have sent through the same account; `recipient` in digits.
    pub fn send_for_others(&self, recipient: &str, text: &str) {
        let sms = self.sms(Message {
            recipient: recipient.to_owned(),
            text: text.to_owned(),
            from: None,
        });
        self.0.control.accept(sms);
    }

    pub fn stats(&self) -> Stats {
        self.0.control.stats()
    }

    pub fn faults(&self) -> &Faults {
        &self.0.control.faults
    }

    /// From now on its webhooks go there, and something happens to each SMS a second after it was taken: it is delivered, or
    /// what its number says: `…9901` UNDELIV, `…9902` EXPIRED, `…9903` REJECTD, `…9904` DELETED, `…9905` delivered without a
    /// report, `…9906` reported twice, `…9907` EXPIRED and then DELIVRD.
    pub fn report_to(&self, url: impl Into<String>) {
        self.0.hooks.send_to(Some(url.into()));
    }

    pub fn hook_stats(&self) -> HookStats {
        self.0.hooks.stats()
    }

    /// What `getsmsstatus` says of a message from now on. Nobody is told.
    pub fn set_status(&self, message_id: i64, status: &'static str) {
        lock(&self.0.states).insert(message_id, status);
    }

    /// A report that a message has this status, true or not, for the caller to send; `None` for an unknown id.
    pub fn webhook(&self, message_id: i64, status: &'static str) -> Option<Webhook> {
        let sms = self.find_sms(message_id)?;
        Some(self.report(&sms, status)(1))
    }

    /// The signature of a report; whatever else it says is not signed.
    pub fn sign(&self, event: &str, attempt: &str, created: &str) -> String {
        reports::sign(&format!(
            "{event}|{attempt}|{created}|{}",
            self.0.options.webhook_secret
        ))
    }

    /// The message has this status, and the webhook goes its way if the status is final.
    pub fn tell(&self, message_id: i64, status: &'static str) -> bool {
        let Some(sms) = self.find_sms(message_id) else {
            return false;
        };
        self.set_status(message_id, status);
        if reports::is_final(status) {
            self.0.hooks.send(Duration::ZERO, self.report(&sms, status));
        }
        true
    }

    fn find_sms(&self, message_id: i64) -> Option<SentSms> {
        let found = self
            .0
            .control
            .select(|sms| (sms.message_id == message_id).then(|| sms.clone()));
        found.into_iter().next()
    }

    /// Each try has the same id, and a number and a signature of its own.
    fn report(&self, sms: &SentSms, status: &'static str) -> impl Fn(u32) -> Webhook + Send + Sync + 'static {
        let event = self.0.last_event.fetch_add(1, Ordering::Relaxed);
        let (secret, form) = (self.0.options.webhook_secret.clone(), self.0.options.webhook_form);
        let sms = sms.clone();
        move |attempt| reports::webhook(form, &secret, event, attempt, &sms, status)
    }

    fn begin_course(&self, sms: &SentSms) {
        if !self.0.hooks.is_on() {
            return;
        }
        for (after, status, told) in reports::course(&sms.recipient) {
            let report = Arc::new(self.report(sms, status));
            for _ in 0..told {
                let report = Arc::clone(&report);
                // Its own list knows it first.
                let after = after + Duration::from_millis(50);
                self.0.hooks.send(after, move |attempt| report(attempt));
            }
            let (mobizon, id) = (Arc::downgrade(&self.0), sms.message_id);
            tokio::spawn(async move {
                tokio::time::sleep(after).await;
                if let Some(mobizon) = mobizon.upgrade() {
                    lock(&mobizon.states).insert(id, status);
                }
            });
        }
    }

    fn status(&self, message_id: i64) -> &'static str {
        lock(&self.0.states)
            .get(&message_id)
            .copied()
            .unwrap_or("ACCEPTD")
    }

    async fn call(&self, call: &str, request: &Parts, body: &[u8]) -> Result<Value, Refusal> {
        let params = Params::read(request, body);
        rules::check_envelope(call, &params, &self.0.options.api_key)?;
        // The pages allow GET too; it would put the text and the number into access logs.
        if request.method != Method::POST {
            return Err(Refusal::new(12, "Call by POST, with the parameters in the body."));
        }
        Delay::wait(&request.extensions).await;
        match call {
            "message/sendsmsmessage" => self.send(params),
            "message/list" => self.list(&params),
            "message/getsmsstatus" => self.statuses(&params),
            "user/getownbalance" => Ok(json!({ "balance": self.0.options.balance, "currency": "KZT" })),
            "alphaname/list" => Ok(answer::senders(&self.0.options.senders)),
            _ => Err(Refusal::new(5, "Incorrect method parameter.")),
        }
    }

    fn send(&self, params: Params) -> Result<Value, Refusal> {
        let sms = self.sms(rules::message(params.body, &self.0.options.senders)?);
        let ids = self.0.ids.next();
        let answer = json!({
            "campaignId": ids.id(sms.campaign_id),
            "messageId": ids.id(sms.message_id),
            "status": 2,
        });
        self.begin_course(&sms);
        self.0.control.accept(sms);
        Ok(answer)
    }

    fn sms(&self, message: Message) -> SentSms {
        let number = self.0.last_id.fetch_add(1, Ordering::Relaxed);
        SentSms {
            message_id: number,
            campaign_id: number + 1_000_000,
            accepted_at: Timestamp::now(),
            recipient: message.recipient,
            text: message.text,
            from: message.from,
        }
    }

    fn list(&self, params: &Params) -> Result<Value, Refusal> {
        let options = &self.0.options;
        let mut search = Search::parse(params)?;
        if options.deaf_to_text {
            search.text = None;
        }
        let (now, ids) = (Timestamp::now(), self.0.ids.next());
        let found = self.0.control.select(|sms| {
            let listed = answer::age(sms, now) >= options.list_lag && search.matches(sms);
            listed.then(|| answer::listed(sms, self.status(sms.message_id), ids))
        });
        let total = found.len().to_string();
        let newest_first = found.into_iter().rev();
        let page: Vec<Value> = newest_first.skip(search.skip).take(search.page_size).collect();
        Ok(json!({ "items": page, "totalItemCount": total }))
    }
}

impl Mobizon {
    fn statuses(&self, params: &Params) -> Result<Value, Refusal> {
        let wanted = rules::ids(params)?;
        let ids = self.0.ids.next();
        let found = self.0.control.select(|sms| {
            let asked = wanted.contains(&sms.message_id);
            asked.then(|| answer::delivery(sms, self.status(sms.message_id), ids))
        });
        Ok(Value::Array(found))
    }
}

async fn service(State(mobizon): State<Mobizon>, request: Parts, body: Bytes) -> Response {
    let Some(call) = request.uri.path().strip_prefix("/service/") else {
        mobizon.0.control.refused("http 404");
        return (StatusCode::NOT_FOUND, Html("<h1>Not Found</h1>")).into_response();
    };
    match mobizon.call(call, &request, &body).await {
        Ok(data) => success(&data),
        Err(refusal) => {
            mobizon.0.control.refused(&refusal.code.to_string());
            refusal.into_response()
        }
    }
}
