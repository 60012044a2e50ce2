//! Resend: one e-mail a call, with an idempotency key. Contract: `resend/resend-openapi`, and the vendor's
//! pages on errors and idempotency keys.

use super::{Answer, call, clean_name, retry_after};
use crate::config;
use crate::failure::{Failure, Reaction};
use reqwest::Client;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

/// A client of Resend; cheap to clone.
#[derive(Clone)]
pub struct Resend {
    http: Client,
    url: String,
    api_key: SecretString,
    from: String,
}

/// An e-mail as it is sent: the request's body, pinned in the row before the first attempt, because the same
/// key with another body is refused for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Email {
    /// `Name <address>`.
    pub from: String,
    /// One address.
    pub to: Vec<String>,
    /// The subject line.
    pub subject: String,
    /// The HTML part.
    pub html: String,
    /// The text part.
    pub text: String,
    /// Tags that come back in webhooks; characters `[A-Za-z0-9_-]`.
    pub tags: Vec<Tag>,
}

/// One tag of an e-mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

#[derive(Deserialize)]
struct Accepted {
    id: String,
}

#[derive(Deserialize)]
struct Refused {
    name: String,
}

impl Resend {
    /// A client with the vendor's settings.
    pub fn new(http: Client, settings: &config::Resend) -> Self {
        Self {
            http,
            url: format!("{}/emails", settings.base_url),
            api_key: settings.api_key.clone(),
            from: settings.from.clone(),
        }
    }

    /// The sender of every e-mail.
    pub fn from(&self) -> &str {
        &self.from
    }

    /// Sends an e-mail and returns the vendor's id for it.
    ///
    /// The same `key` (at most 256 characters) with the same e-mail sends once and returns the same id, for
    /// 24 hours.
    pub async fn send(&self, email: &Email, key: &str) -> Result<String, Failure> {
        let request = self
            .http
            .post(&self.url)
            .bearer_auth(self.api_key.expose_secret())
            .header("Idempotency-Key", key)
            .json(email);
        read(&call("resend.send", request).await?)
    }
}

fn read(answer: &Answer) -> Result<String, Failure> {
    if answer.status.is_success() {
        return match serde_json::from_slice::<Accepted>(&answer.body) {
            Ok(accepted) if !accepted.id.is_empty() => Ok(accepted.id),
            // Accepted counts only with an id in hand; the key makes asking again safe.
            _ => Err(Failure::new(
                Reaction::Unknown,
                format!("resend {} without an id", answer.status.as_u16()),
            )),
        };
    }
    let name = serde_json::from_slice::<Refused>(&answer.body).map(|refused| clean_name(&refused.name));
    let name = name.unwrap_or_default();
    let status = answer.status.as_u16();
    let reaction = match (status, name.as_str()) {
        (429, "daily_quota_exceeded" | "monthly_quota_exceeded") => Reaction::Park,
        (429 | 503, _) | (409, "resource_locked") => Reaction::Retry {
            after: retry_after(&answer.headers),
        },
        // The first request with this key is still being worked on: its outcome is not known yet.
        (409, "concurrent_idempotent_requests") => Reaction::Unknown,
        // A key, a permission or a domain that only a human can mend.
        (401..=403, _) => Reaction::Park,
        (500..=599 | 408, _) => Reaction::Unknown,
        _ => Reaction::GiveUp,
    };
    let what = if name.is_empty() {
        String::new()
    } else {
        format!(" {name}")
    };
    Err(Failure::new(reaction, format!("resend {status}{what}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::StatusCode;
    use reqwest::header::{HeaderMap, HeaderValue};
    use std::time::Duration;

    fn answer(status: u16, body: &str) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", HeaderValue::from_static("3"));
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers,
            body: body.as_bytes().to_vec(),
        }
    }

    fn reaction(status: u16, name: &str) -> Reaction {
        let body = format!(r#"{{"statusCode":{status},"name":"{name}","message":"someone@example.com"}}"#);
        let failure = read(&answer(status, &body)).unwrap_err();
        assert!(!failure.reason.contains("example.com"), "{}", failure.reason);
        failure.reaction
    }

    #[test]
    fn every_documented_error_has_its_reaction() {
        let retry = Reaction::Retry {
            after: Some(Duration::from_secs(3)),
        };
        for (status, name, expected) in [
            (429, "rate_limit_exceeded", retry),
            (503, "service_unavailable", retry),
            (409, "resource_locked", retry),
            (409, "concurrent_idempotent_requests", Reaction::Unknown),
            (500, "application_error", Reaction::Unknown),
            (500, "internal_server_error", Reaction::Unknown),
            (429, "daily_quota_exceeded", Reaction::Park),
            (429, "monthly_quota_exceeded", Reaction::Park),
            (401, "missing_api_key", Reaction::Park),
            (401, "restricted_api_key", Reaction::Park),
            (403, "invalid_api_key", Reaction::Park),
            (403, "validation_error", Reaction::Park),
            (400, "validation_error", Reaction::GiveUp),
            (409, "invalid_idempotent_request", Reaction::GiveUp),
            (422, "invalid_parameter", Reaction::GiveUp),
            (418, "never_heard_of", Reaction::GiveUp),
            (599, "never_heard_of", Reaction::Unknown),
        ] {
            assert_eq!(reaction(status, name), expected, "{status} {name}");
        }
    }

    #[test]
    fn a_success_needs_an_id() {
        assert_eq!(read(&answer(200, r#"{"id":"a"}"#)).unwrap(), "a");
        for body in ["", "{}", r#"{"id":""}"#, "<html>", r#"{"id":"#] {
            assert_eq!(
                read(&answer(200, body)).unwrap_err().reaction,
                Reaction::Unknown,
                "{body}"
            );
        }
    }
}
