//! Mobizon's answers: `{"code","data","message"}` with HTTP status 200.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use axum::{
    Json,
    http::header::RETRY_AFTER,
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::SentSms;
use crate::control::http_status;

/// Answers give ids as numbers and as strings in turn: the pages say the one, published samples show the other,
/// and a client must accept both.
#[derive(Debug, Default)]
pub(super) struct Ids(AtomicBool);

#[derive(Debug, Clone, Copy)]
pub(super) struct IdStyle {
    text: bool,
}

impl Ids {
    pub(super) fn next(&self) -> IdStyle {
        IdStyle {
            text: !self.0.fetch_xor(true, Ordering::Relaxed),
        }
    }
}

impl IdStyle {
    pub(super) fn id(self, id: i64) -> Value {
        if self.text {
            Value::String(id.to_string())
        } else {
            Value::from(id)
        }
    }
}

#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) code: u16,
    message: String,
    data: Value,
}

impl Refusal {
    pub(super) fn new(code: u16, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            data: Value::Null,
        }
    }

    /// Code 1: `data` says by field what is wrong.
    pub(super) fn validation(data: Value) -> Self {
        Self {
            code: 1,
            message: "Validation error.".to_owned(),
            data,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self { code, message, data } = self;
        Json(json!({ "code": code, "data": data, "message": message })).into_response()
    }
}

pub(super) fn success(data: &Value) -> Response {
    Json(json!({ "code": 0, "data": data, "message": "" })).into_response()
}

/// The answer for an injected fault; `name` is the code. Without one, 429 becomes code 30 with HTTP status 200, which is
/// the vendor's own rate limit, and any other status has code 999.
pub(super) fn error_answer(status: u16, name: Option<&str>, retry_after: Option<u64>) -> Response {
    let (status, code) = match (name.and_then(|name| name.parse().ok()), status) {
        (Some(code), status) => (status, code),
        (None, 429) => (200, 30),
        (None, status) => (status, 999),
    };
    let mut response = Refusal::new(code, "Injected by the stand-in.").into_response();
    *response.status_mut() = http_status(status);
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

pub(super) fn age(sms: &SentSms, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(sms.accepted_at)).unwrap_or_default()
}

/// An item of `message/getsmsstatus`. The zone of the vendor's moments is not published, and a missing one is null or a space.
pub(super) fn delivery(sms: &SentSms, status: &str, ids: IdStyle) -> Value {
    let at = match status {
        "NEW" if ids.text => json!(" "),
        "NEW" => Value::Null,
        _ => json!(moment(sms)),
    };
    json!({
        "id": ids.id(sms.message_id),
        "status": status,
        "segNum": ids.id(1),
        "startSendTs": at,
        "statusUpdateTs": at,
    })
}

fn moment(sms: &SentSms) -> String {
    sms.accepted_at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// An item of `message/list`.
pub(super) fn listed(sms: &SentSms, status: &str, ids: IdStyle) -> Value {
    json!({
        "id": ids.id(sms.message_id),
        "campaignId": ids.id(sms.campaign_id),
        "from": sms.from,
        "to": sms.recipient,
        "text": sms.text,
        "status": status,
        "startSendTs": moment(sms),
    })
}

/// `alphaname/list`, of which only the names are read.
pub(super) fn senders(names: &[String]) -> Value {
    let items = names.iter().map(|name| json!({ "alphaname": { "name": name } }));
    json!({ "items": items.collect::<Vec<_>>(), "totalItemCount": names.len().to_string() })
}
