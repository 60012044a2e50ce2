//! A solved challenge, as the page posts it.

use super::fields;
use lambda_http::Request;
use proftest::domain::guard::Proof;
use proftest::http::Refusal;
use proftest::texts::Texts;
use serde_json::Value;

#[derive(Debug, PartialEq, Eq)]
pub struct SolvedChallenge {
    pub proof: Proof,
    /// Turnstile's token, where the challenge came with a site key.
    pub turnstile: Option<String>,
}

pub fn solved(request: &Request, texts: &Texts) -> Result<SolvedChallenge, Refusal> {
    let mut fields = fields(request)?;
    let mut text = |name: &str| match fields.remove(name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    };
    match (text("challenge"), text("nonce")) {
        (Some(challenge), Some(nonce)) => Ok(SolvedChallenge {
            proof: Proof { challenge, nonce },
            turnstile: text("turnstile"),
        }),
        _ => Err(wrong(texts.errors.proof_wrong)),
    }
}

/// 400 with the sentence.
pub fn wrong(error: &'static str) -> Refusal {
    Refusal::Invalid {
        error: error.into(),
        fields: Vec::new(),
    }
}

/// 400 by which the page knows that another token may do.
pub fn wrong_token(error: &'static str) -> Refusal {
    Refusal::Invalid {
        error: error.into(),
        fields: vec![("turnstile", error.into())],
    }
}
