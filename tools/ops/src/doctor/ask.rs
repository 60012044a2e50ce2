//! One HTTP request to a vendor, and the advice that all vendors share.

use reqwest::RequestBuilder;
use serde_json::Value;

/// `why` comes from [`ask`]; `variable` holds the vendor's address.
pub(super) fn unreachable(vendor: &str, why: &str, variable: &str) -> String {
    format!("{vendor} {why}: check {variable} and this machine's network")
}

pub(super) fn rate_limited(vendor: &str) -> String {
    format!("{vendor} allows no more requests for the moment: run doctor again in a minute")
}

pub(super) struct Answer {
    pub(super) status: u16,
    /// Null when it was not JSON.
    pub(super) body: Value,
    pub(super) text: String,
}

/// Sends the request and reads the whole answer. The error follows a vendor's name in a sentence and holds no URL:
/// Mobizon's carries the key.
pub(super) async fn ask(request: RequestBuilder) -> Result<Answer, String> {
    let failed = |error: &reqwest::Error| {
        let why = match error {
            error if error.is_timeout() => "did not answer in time",
            error if error.is_connect() => "cannot be reached (host name, network or TLS)",
            _ => "broke the connection off",
        };
        why.to_owned()
    };
    let response = request.send().await.map_err(|error| failed(&error))?;
    let status = response.status().as_u16();
    let bytes = response.bytes().await.map_err(|error| failed(&error))?;
    Ok(Answer {
        status,
        body: serde_json::from_slice(&bytes).unwrap_or_default(),
        text: String::from_utf8_lossy(&bytes).into_owned(),
    })
}
