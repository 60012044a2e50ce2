//! Mobizon: `message/sendsmsmessage`, `message/list`, `message/getsmsstatus`, `user/getownbalance`, `alphaname/list`.
//!
//! Source: mobizon/mobizon-api-docs, `src/v1/en`; for `alphaname/list`, which these leave out, the answer that
//! gberikov/Mobizon.Net recorded from the live API on 2026-06-24. Every answer has HTTP status 200 and says by `code` what became
//! of the request. Where the vendor ignores an unknown parameter or the pages are silent, the stand-in refuses,
//! so that a misspelling shows.

mod answer;
mod rules;
mod segments;

use std::{
    collections::BTreeMap,
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
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{Html, IntoResponse, Response},
};
use jiff::{Timestamp, tz::Offset};
use serde::Serialize;
use serde_json::{Value, json};

use self::{
    answer::{Ids, Refusal, error_answer, success},
    rules::{Message, Params, Search},
};
use super::{
    desk::{Delay, Desk, Stats},
    faults::Faults,
    feed::Feed,
};

/// What the stand-in believes, and how it behaves.
#[derive(Debug, Clone)]
pub struct MobizonOptions {
    /// The one API key that is accepted.
    pub api_key: String,
    /// Registered sender IDs; empty: any `from` will do.
    pub senders: Vec<String>,
    /// A message shows in `message/list` only so long after it was accepted; zero: at once.
    pub list_lag: Duration,
    /// `message/list` does not hear `criteria[text]`. The pages let it compare with the text of the *campaign*, in which
    /// placeholders may stand; clients should get by without it.
    pub deaf_to_text: bool,
    /// A message is `ACCEPTD` until it is so old, then `DELIVRD`.
    pub delivered_after: Duration,
    /// The zone of the vendor's timestamps, which carry none and whose zone is not published. Clients should get
    /// by with any.
    pub zone: Offset,
    /// The account's money, in tenge. It never falls: what a message costs is not published.
    pub balance: String,
}

impl MobizonOptions {
    /// Any sender, listing at once, delivery after two seconds, UTC.
    pub fn new(api_key: impl Into<String>) -> Self {
        Self {
            api_key: api_key.into(),
            senders: Vec::new(),
            list_lag: Duration::ZERO,
            deaf_to_text: false,
            delivered_after: Duration::from_secs(2),
            zone: Offset::UTC,
            balance: "190.4280".to_owned(),
        }
    }
}

/// An SMS that was accepted.
#[derive(Debug, Clone, Serialize)]
pub struct SentSms {
    /// The `messageId` in the answer.
    pub message_id: i64,
    /// The `campaignId` in the answer.
    pub campaign_id: i64,
    /// When it was accepted.
    #[serde(serialize_with = "super::rfc3339_millis")]
    pub accepted_at: Timestamp,
    /// Recipient, digits only.
    pub recipient: String,
    /// Text as sent; the stand-in never shortens links.
    pub text: String,
    /// Sender ID; `None`: the account's default.
    pub from: Option<String>,
    /// `params[…]` by name.
    pub params: BTreeMap<String, String>,
    /// Segments that would be billed.
    pub segments: usize,
}

/// The stand-in for Mobizon. Clones share one state.
#[derive(Debug, Clone)]
pub struct Mobizon(Arc<Office>);

#[derive(Debug)]
struct Office {
    options: MobizonOptions,
    desk: Arc<Desk<Vec<SentSms>>>,
    last_id: AtomicI64,
    ids: Ids,
}

/// Ids begin where no row number or test constant is likely to be mistaken for one.
const FIRST_ID: i64 = 70_000_001;

impl Mobizon {
    /// A stand-in with nothing sent, reporting to `feed`.
    pub fn new(options: MobizonOptions, feed: Feed) -> Self {
        let desk = Arc::new(Desk::new("mobizon", error_answer, feed));
        Self(Arc::new(Office {
            options,
            desk,
            last_id: AtomicI64::new(FIRST_ID),
            ids: Ids::default(),
        }))
    }

    /// The vendor's paths and the control paths; to be served by [`super::serve`].
    pub fn router(&self) -> Router {
        // A fallback, because the vendor's paths ignore case.
        self.0
            .desk
            .router(Router::new().fallback(service).with_state(self.clone()))
    }

    /// Every SMS accepted, oldest first.
    pub fn sent(&self) -> Vec<SentSms> {
        self.0.desk.sent()
    }

    /// Puts a message in that others have sent through the same account; `recipient` in digits.
    pub fn send_for_others(&self, recipient: &str, text: &str) {
        let sms = self.sms(Message {
            recipient: recipient.to_owned(),
            text: text.to_owned(),
            from: None,
            params: BTreeMap::new(),
        });
        self.0.desk.accept(sms, "SMS of others accepted".to_owned());
    }

    /// The counts so far.
    pub fn stats(&self) -> Stats {
        self.0.desk.stats()
    }

    /// Forgets the messages, also for `message/list`, and the counts.
    pub fn clear(&self) {
        self.0.desk.clear();
    }

    /// The faults to come.
    pub fn faults(&self) -> &Faults {
        &self.0.desk.faults
    }

    async fn call(
        &self,
        method: &Method,
        path: &str,
        params: Params,
        delay: Option<&Delay>,
    ) -> Result<Value, Refusal> {
        let path = path.to_ascii_lowercase();
        let call = path
            .strip_prefix("/service/")
            .unwrap_or_default()
            .trim_end_matches('/');
        rules::check_envelope(call, &params, &self.0.options.api_key)?;
        if let Some(Delay(delay)) = delay {
            tokio::time::sleep(*delay).await;
        }
        match call {
            "message/sendsmsmessage" => self.send(method, params),
            "message/list" => self.list(&params),
            "message/getsmsstatus" => self.statuses(&params),
            "user/getownbalance" => Ok(json!({ "balance": self.0.options.balance, "currency": "KZT" })),
            "alphaname/list" => Ok(answer::senders(&self.0.options.senders)),
            _ => Err(Refusal::new(5, "Incorrect method parameter.")),
        }
    }

    fn send(&self, method: &Method, params: Params) -> Result<Value, Refusal> {
        // The pages mention GET too; it would put the text and the number into access logs.
        if method != Method::POST {
            return Err(Refusal::new(
                12,
                "Send messages by POST, with the parameters in the body.",
            ));
        }
        let message = rules::message(params.body, &self.0.options, Timestamp::now())?;
        let sms = self.sms(message);
        let ids = self.0.ids.next();
        let answer = json!({
            "campaignId": ids.id(sms.campaign_id),
            "messageId": ids.id(sms.message_id),
            "status": 2,
        });
        let summary = format!("SMS accepted {}, segments: {}", sms.message_id, sms.segments);
        self.0.desk.accept(sms, summary);
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
            params: message.params,
        }
    }

    fn list(&self, params: &Params) -> Result<Value, Refusal> {
        let options = &self.0.options;
        let mut search = Search::parse(params, options.zone)?;
        if options.deaf_to_text {
            search.text = None;
        }
        let (now, ids) = (Timestamp::now(), self.0.ids.next());
        let mut found = self.0.desk.select(|sms| {
            let listed = answer::age(sms, now) >= options.list_lag;
            let status = answer::status(sms, now, options);
            (listed && search.matches(sms, status)).then(|| answer::listed(sms, now, options, ids))
        });
        if search.newest_first {
            found.reverse();
        }
        let total = found.len();
        let page: Vec<Value> = found
            .into_iter()
            .skip(search.skip)
            .take(search.page_size)
            .collect();
        Ok(json!({ "items": page, "totalItemCount": total.to_string() }))
    }

    fn statuses(&self, params: &Params) -> Result<Value, Refusal> {
        let wanted = rules::ids(params)?;
        let (now, ids) = (Timestamp::now(), self.0.ids.next());
        let found = self.0.desk.select(|sms| {
            let asked = wanted.contains(&sms.message_id);
            asked.then(|| answer::delivery(sms, now, &self.0.options, ids))
        });
        Ok(Value::Array(found))
    }
}

async fn service(
    State(mobizon): State<Mobizon>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    delay: Option<axum::Extension<Delay>>,
    body: Bytes,
) -> Response {
    if !uri.path().to_ascii_lowercase().starts_with("/service/") {
        mobizon.0.desk.reject("http 404".to_owned());
        return (StatusCode::NOT_FOUND, Html("<h1>Not Found</h1>")).into_response();
    }
    let params = Params::read(&uri, &headers, &body);
    match mobizon.call(&method, uri.path(), params, delay.as_deref()).await {
        Ok(data) => success(&data),
        Err(refusal) => {
            mobizon.0.desk.reject(refusal.code.to_string());
            refusal.into_response()
        }
    }
}
