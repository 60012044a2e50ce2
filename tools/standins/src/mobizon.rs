//! Mobizon: `message/sendsmsmessage`, `message/list`, `message/getsmsstatus`, `user/getownbalance`, `alphaname/list`,
//! by POST and in lower case.
//!
//! Source: mobizon/mobizon-api-docs, `src/v1/en`; for `alphaname/list`, which these leave out, the answer that
//! gberikov/Mobizon.Net recorded from the live API on 2026-06-24. Every answer has HTTP status 200 and says by `code`
//! what became of the request.

mod answer;
mod rules;
mod segments;

use std::{
    sync::{
        Arc,
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
use serde::Serialize;
use serde_json::{Value, json};

use self::{
    answer::{Ids, Refusal, error_answer, success},
    rules::{Message, Params, Search},
};
use super::{
    control::{Control, Delay, Stats},
    faults::Faults,
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
    /// A message is `ACCEPTD` until it is so old, then `DELIVRD`.
    pub delivered_after: Duration,
    /// The account's money, in tenge. It never falls: what a message costs is not published.
    pub balance: String,
}

impl MobizonOptions {
    /// Any sender, listing at once, delivery after two seconds.
    pub fn new(api_key: impl Into<String>) -> Self {
        Self {
            api_key: api_key.into(),
            senders: Vec::new(),
            list_lag: Duration::ZERO,
            deaf_to_text: false,
            delivered_after: Duration::from_secs(2),
            balance: "190.4280".to_owned(),
        }
    }
}

#[derive(Debug, Clone, Serialize)]
pub struct SentSms {
    pub message_id: i64,
    pub campaign_id: i64,
    #[serde(serialize_with = "super::rfc3339_millis")]
    pub accepted_at: Timestamp,
    /// Recipient, digits only.
    pub recipient: String,
    pub text: String,
    /// Sender ID; `None`: the account's default.
    pub from: Option<String>,
    pub segments: usize,
}

#[derive(Debug, Clone)]
pub struct Mobizon(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    options: MobizonOptions,
    control: Arc<Control<Vec<SentSms>>>,
    last_id: AtomicI64,
    ids: Ids,
}

/// Ids begin where no row number or test constant is likely to be mistaken for one.
const FIRST_ID: i64 = 70_000_001;

impl Mobizon {
    pub fn new(options: MobizonOptions) -> Self {
        Self(Arc::new(Inner {
            options,
            control: Arc::new(Control::new(error_answer)),
            last_id: AtomicI64::new(FIRST_ID),
            ids: Ids::default(),
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
        self.0.control.accept(sms);
        Ok(answer)
    }

    fn sms(&self, message: Message) -> SentSms {
        let number = self.0.last_id.fetch_add(1, Ordering::Relaxed);
        SentSms {
            message_id: number,
            campaign_id: number + 1_000_000,
            accepted_at: Timestamp::now(),
            segments: segments::count(&message.text),
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
            listed.then(|| answer::listed(sms, now, options, ids))
        });
        let total = found.len().to_string();
        let newest_first = found.into_iter().rev();
        let page: Vec<Value> = newest_first.skip(search.skip).take(search.page_size).collect();
        Ok(json!({ "items": page, "totalItemCount": total }))
    }

    fn statuses(&self, params: &Params) -> Result<Value, Refusal> {
        let wanted = rules::ids(params)?;
        let (now, ids) = (Timestamp::now(), self.0.ids.next());
        let found = self.0.control.select(|sms| {
            let asked = wanted.contains(&sms.message_id);
            asked.then(|| answer::delivery(sms, now, &self.0.options, ids))
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
