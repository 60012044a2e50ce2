//! Vendors, one module each. A client knows its vendor's contract and nothing of the database.

pub mod amocrm;
pub mod mobizon;
pub mod resend;

use crate::failpoint::{self, Step};
use crate::failure::{Failure, Reaction};
use reqwest::{Client, RequestBuilder, StatusCode, header::HeaderMap, redirect};
use std::time::Duration;

/// An answer longer than this is cut, and then cannot be read. The longest are lists: a page of a hundred SMS, or of
/// fifty contacts with all their fields, has some hundred KiB.
const BODY_MAX: usize = 4 * 1024 * 1024;

/// How long one call may take. Well within a lease and a function's timeout.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// The HTTP client that all vendors share: one connection pool, ring for TLS, no redirects (a vendor's API
/// does not redirect; following one could carry a key elsewhere).
///
/// # Errors
/// When the platform's certificate store cannot be read.
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

/// A vendor's answer, whatever its status.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// Sends a request and reads the whole answer. A connection that could not be opened is a retry; anything
/// that breaks after it may have been carried out. Errors carry no URL: Mobizon's holds the key.
///
/// The step's vendor stands in a failure's reason.
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

/// `Retry-After` in seconds; the date form is not used by these vendors. At most six hours, so that a broken
/// header cannot bury a message.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    const MAX_SECONDS: u64 = 6 * 3600;
    let seconds: u64 = headers.get("retry-after")?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.min(MAX_SECONDS)))
}

/// Whether a vendor's id can be kept: short printable ASCII, as every documented one is. Anything else could not be
/// written to the row, and the message would be sent again.
fn is_id(raw: &str) -> bool {
    (1..=255).contains(&raw.len()) && raw.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A vendor's error name, made fit for a log: its first 64 characters of `[a-z0-9_]`.
fn clean_name(raw: &str) -> String {
    raw.chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '_')
        .take(64)
        .collect()
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
