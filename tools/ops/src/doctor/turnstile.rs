//! Turnstile: whether the secret key is one of its. A token that nobody was given is asked about; nothing is written.

use super::Findings;
use super::ask::{ask, unreachable};
use proftest::config;
use reqwest::Client;
use secrecy::ExposeSecret as _;
use serde_json::json;
use uuid::Uuid;

pub(super) async fn examine(http: &Client, settings: &config::Turnstile, findings: &mut Findings) {
    let question = json!({
        "secret": settings.secret_key.expose_secret(),
        "response": "doctor",
        "idempotency_key": Uuid::new_v4(),
    });
    let url = format!("{}/turnstile/v0/siteverify", settings.base_url);
    let answer = match ask(http.post(url).json(&question)).await {
        Ok(answer) => answer,
        Err(why) => return findings.wrong(unreachable("Turnstile", &why, "TURNSTILE_BASE_URL")),
    };
    match answer.body["error-codes"][0].as_str() {
        // Cloudflare looks at the secret first.
        Some("invalid-input-response") => findings.ok(format!(
            "the secret key is known, and tokens of {} count",
            settings.hostnames.join(", ")
        )),
        Some("invalid-input-secret") => findings.wrong(
            "Turnstile does not know TURNSTILE_SECRET_KEY: copy it from the widget's settings, or set neither key",
        ),
        _ => findings.wrong(format!(
            "Turnstile answered {} without a known error: run doctor again in a minute",
            answer.status
        )),
    }
}
