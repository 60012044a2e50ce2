//! Cloudflare Turnstile: whether a token stands for a browser on our page. Contract: cloudflare-docs, «Validate the token».

use super::{Answer, call, clean_name};
use crate::config;
use crate::failpoint::Step;
use crate::failure::{Failure, Reaction};
use reqwest::Client;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::time::Duration;
use uuid::Uuid;

/// The visitor's page waits meanwhile, and sends again.
const TIMEOUT: Duration = Duration::from_millis(1500);
/// Longest token.
const TOKEN_MAX: usize = 2048;
/// What the page's widget says that the token is for; a token of another form of the account does not do.
pub const ACTION: &str = "proftest";

/// A client of Turnstile; cheap to clone.
#[derive(Clone)]
pub struct Turnstile {
    http: Client,
    url: String,
    secret_key: SecretString,
    hostnames: Vec<String>,
}

#[derive(Serialize)]
struct Question<'a> {
    secret: &'a str,
    response: &'a str,
    idempotency_key: Uuid,
}

#[derive(Deserialize)]
struct Confirmation {
    success: bool,
    #[serde(default)]
    hostname: String,
    #[serde(default)]
    action: String,
    #[serde(default, rename = "error-codes")]
    errors: Vec<String>,
}

impl Turnstile {
    pub fn new(http: Client, settings: &config::Turnstile) -> Self {
        Self {
            http,
            url: format!("{}/turnstile/v0/siteverify", settings.base_url),
            secret_key: settings.secret_key.clone(),
            hostnames: settings.hostnames.clone(),
        }
    }

    /// `false`: another token is needed. A token counts once, but the same one may be asked about again after a failure.
    pub async fn confirms(&self, token: &str) -> Result<bool, Failure> {
        if token.is_empty() || token.len() > TOKEN_MAX {
            return Ok(false);
        }
        let question = Question {
            secret: self.secret_key.expose_secret(),
            response: token,
            idempotency_key: key(token),
        };
        let request = self.http.post(&self.url).timeout(TIMEOUT).json(&question);
        self.read(&call(Step::TurnstileVerify, request).await?)
    }

    fn read(&self, answer: &Answer) -> Result<bool, Failure> {
        let status = answer.status.as_u16();
        let failure = |what: &str| {
            let reason = format!("turnstile {status} {what}");
            Failure::new(Reaction::Retry { after: None }, reason).of_status(status)
        };
        let read = serde_json::from_slice::<Confirmation>(&answer.body);
        let confirmation = read.map_err(|_| failure("without an answer"))?;
        if answer.status.is_success() && confirmation.success {
            return Ok(confirmation.action == ACTION && self.hostnames.contains(&confirmation.hostname));
        }
        let of_the_token = [
            "missing-input-response",
            "invalid-input-response",
            "timeout-or-duplicate",
        ];
        match confirmation.errors.first() {
            Some(error) if of_the_token.contains(&error.as_str()) => Ok(false),
            // Such as a wrong secret, or trouble of theirs: nothing is known of the token.
            error => {
                let name = error.map_or_else(String::new, |error| error.replace('-', "_"));
                Err(failure(&clean_name(&name)))
            }
        }
    }
}

/// The same for the same token, so that a repetition is no second use.
fn key(token: &str) -> Uuid {
    let hash = Sha256::digest(token);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(status: u16, body: &Value) -> Result<bool, Failure> {
        let settings = config::Turnstile {
            site_key: "site".to_owned(),
            secret_key: "secret".to_owned().into(),
            hostnames: vec!["test.example.kz".to_owned()],
            base_url: "http://127.0.0.1:1".to_owned(),
        };
        let client = Turnstile::new(crate::clients::http_client().unwrap(), &settings);
        client.read(&Answer::new(status, &body.to_string()))
    }

    #[test]
    fn a_token_counts_for_our_page_and_our_form_alone() {
        let said = |hostname: &str, action: &str| {
            read(
                200,
                &json!({"success": true, "hostname": hostname, "action": action, "error-codes": []}),
            )
        };
        assert_eq!(said("test.example.kz", ACTION), Ok(true));
        assert_eq!(said("evil.example", ACTION), Ok(false));
        assert_eq!(said("test.example.kz", "login"), Ok(false));
        assert_eq!(read(200, &json!({"success": true})), Ok(false));
    }

    #[test]
    fn what_is_wrong_with_the_token_is_told_from_what_is_wrong_with_the_check() {
        let failed = |error: &str| read(200, &json!({"success": false, "error-codes": [error]}));
        for error in ["timeout-or-duplicate", "invalid-input-response"] {
            assert_eq!(failed(error), Ok(false), "{error}");
        }
        for error in ["invalid-input-secret", "internal-error", "bad-request", ""] {
            assert!(failed(error).is_err(), "{error}");
        }
        assert!(read(200, &json!({"success": false})).is_err());
        assert!(read(502, &json!("<html>")).is_err());
        // An answer of trouble confirms nothing.
        let sure = json!({"success": true, "hostname": "test.example.kz", "action": ACTION});
        assert!(read(500, &sure).is_err());
    }

    #[test]
    fn the_same_token_has_the_same_key() {
        assert_eq!(key("a"), key("a"));
        assert_ne!(key("a"), key("b"));
    }
}
