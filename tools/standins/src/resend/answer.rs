//! Resend's answers.

use axum::{
    Json,
    http::header::RETRY_AFTER,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::SentEmail;
use crate::control::http_status;

#[derive(Debug)]
pub(super) struct Refusal {
    status: u16,
    pub(super) name: &'static str,
    message: String,
    retry_after: Option<u64>,
}

/// A name for the counts: the vendor's edge answers plain text.
const NO_USER_AGENT: &str = "error_1010_no_user_agent";

impl Refusal {
    pub(super) fn new(status: u16, name: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            name,
            message: message.into(),
            retry_after: None,
        }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(422, "invalid_parameter", message)
    }

    pub(super) fn rate_limited(limit: u32) -> Self {
        let message = format!("Too many requests. You can only make {limit} requests per second.");
        Self {
            retry_after: Some(1),
            ..Self::new(429, "rate_limit_exceeded", message)
        }
    }

    pub(super) fn no_user_agent() -> Self {
        Self::new(403, NO_USER_AGENT, "error code: 1010")
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        if self.name == NO_USER_AGENT {
            return (http_status(self.status), self.message).into_response();
        }
        json_error(self.status, self.name, &self.message, self.retry_after)
    }
}

/// The answer for an injected fault; a missing name becomes the usual one for the status.
pub(super) fn error_answer(status: u16, name: Option<&str>, retry_after: Option<u64>) -> Response {
    let name = name.unwrap_or(match status {
        400 => "validation_error",
        401 => "missing_api_key",
        403 => "invalid_api_key",
        404 => "not_found",
        405 => "method_not_allowed",
        409 => "concurrent_idempotent_requests",
        422 => "invalid_parameter",
        429 => "rate_limit_exceeded",
        503 => "service_unavailable",
        _ => "internal_server_error",
    });
    json_error(status, name, "Injected by the stand-in.", retry_after)
}

fn json_error(status: u16, name: &str, message: &str, retry_after: Option<u64>) -> Response {
    let status = http_status(status);
    let body = json!({ "statusCode": status.as_u16(), "name": name, "message": message });
    let mut response = (status, Json(body)).into_response();
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

/// `GET /domains`: from schema `ListDomainsResponse` of resend.yaml.
pub(super) fn domains(domains: &[(String, String)]) -> Value {
    let list = domains
        .iter()
        .map(|(name, status)| json!({ "name": name, "status": status }));
    json!({ "object": "list", "has_more": false, "data": list.collect::<Vec<_>>() })
}

/// `GET /emails/{id}`: from schema `Email` of resend.yaml.
pub(super) fn email(email: &SentEmail, last_event: &str) -> Value {
    json!({
        "object": "email",
        "id": email.id,
        "to": email.to,
        "from": email.from,
        "created_at": format!("{:.6}", email.accepted_at),
        "subject": email.subject,
        "html": email.html,
        "text": email.text,
        "last_event": last_event,
    })
}

/// `POST /suppressions/batch/add`: from schema `BatchAddSuppressionsResponseSuccess` of resend.yaml.
pub(super) fn suppressions(count: usize) -> Value {
    let one = || json!({ "object": "suppression", "id": Uuid::new_v4() });
    json!({ "data": std::iter::repeat_with(one).take(count).collect::<Vec<_>>() })
}
