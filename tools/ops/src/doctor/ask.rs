//! One question to a vendor, by HTTP.

use reqwest::RequestBuilder;
use serde_json::Value;

/// What came back.
pub(super) struct Answer {
    pub(super) status: u16,
    /// Null when it was no JSON.
    pub(super) body: Value,
}

/// Asks, and reads the whole answer.
///
/// # Errors
/// Why there was none, in words that follow a vendor's name. It holds no URL: Mobizon's carries the key.
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
    let body = response.bytes().await.map_err(|error| failed(&error))?;
    let body = serde_json::from_slice(&body).unwrap_or_default();
    Ok(Answer { status, body })
}
