//! Vendors, one module each. A client knows its vendor's contract and nothing about the database.

pub mod amocrm;
pub mod mobizon;
pub mod resend;
pub mod turnstile;

use crate::failpoint::{self, Step};
use crate::failure::{Failure, Reaction};
use reqwest::{Client, RequestBuilder, StatusCode, header::HeaderMap, redirect};
use std::time::Duration;

/// A longer answer is cut and fails to parse. The longest are lists: a page of a hundred SMS, or of fifty contacts
/// with all fields, has some hundred KiB.
const BODY_MAX: usize = 4 * 1024 * 1024;

/// For one call. It is well below a lease and a function's timeout.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// The HTTP client that all vendors share: one connection pool and ring for TLS. It follows no redirects, because a
/// vendor's API has none, and one could carry a key elsewhere. Fails if the platform's certificate store cannot be
/// read.
pub fn http_client() -> reqwest::Result<Client> {
    // A second installation fails and changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .redirect(redirect::Policy::none())
        .connect_timeout(Duration::from_secs(3))
        .timeout(CALL_TIMEOUT)
        .pool_idle_timeout(Duration::from_secs(50))
        .user_agent(concat!("proftest/", env!("CARGO_PKG_VERSION")))
        .build()
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// Sends a request and reads the whole answer. A failure to connect is retried; a later failure may mean that the
/// call was carried out. Errors hold no URL, because Mobizon's carries the key. The reason names the step's vendor.
async fn call(step: Step, request: RequestBuilder) -> Result<Answer, Failure> {
    let name = step.as_str();
    let vendor = name.split('.').next().unwrap_or(name);
    failpoint::step(step, exchange(vendor, request)).await
}

async fn exchange(vendor: &str, request: RequestBuilder) -> Result<Answer, Failure> {
    let broken = |error: &reqwest::Error| {
        let (reaction, what) = match error {
            error if error.is_connect() => (Reaction::Retry { after: None }, "connection failed"),
            error if error.is_builder() => (Reaction::GiveUp, "request could not be built"),
            error if error.is_timeout() => (Reaction::Unknown, "timeout"),
            _ => (Reaction::Unknown, "connection broke"),
        };
        Failure::new(reaction, format!("{vendor} {what}"))
    };
    let mut response = request.send().await.map_err(|error| broken(&error))?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| broken(&error))? {
        let room = BODY_MAX - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if body.len() == BODY_MAX {
            break;
        }
    }
    Ok(Answer {
        status: response.status(),
        headers: std::mem::take(response.headers_mut()),
        body,
    })
}

/// `Retry-After` in seconds; these vendors do not use the date form. At most six hours, so that a broken header
/// cannot stop a message.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    const MAX_SECONDS: u64 = 6 * 3600;
    let seconds: u64 = headers.get("retry-after")?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.min(MAX_SECONDS)))
}

/// Whether a vendor's id is short printable ASCII, as every documented one is. Another id could not be written to the
/// row, and the message would be sent again.
fn is_id(raw: &str) -> bool {
    (1..=255).contains(&raw.len()) && raw.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The first 64 characters of `[a-z0-9_]` of a vendor's error name, safe for a log.
fn clean_name(raw: &str) -> String {
    raw.chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '_')
        .take(64)
        .collect()
}

#[cfg(test)]
impl Answer {
    fn new(status: u16, body: &str) -> Self {
        Self {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: body.as_bytes().to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    #[test]
    fn retry_after_is_bounded_and_anything_odd_is_ignored() {
        let read = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("retry-after", HeaderValue::from_static(value));
            retry_after(&headers).map(|after| after.as_secs())
        };
        assert_eq!(read("7"), Some(7));
        assert_eq!(read("99999999"), Some(6 * 3600));
        assert_eq!(read("-1"), None);
        assert_eq!(read("Sun, 22 Nov 2026 10:00:00 GMT"), None);
    }
}
